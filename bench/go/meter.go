package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// tries is how often is timed what may have been disturbed.
const tries = 5

// sample is nanoseconds of one operation of one thread; of two threads the quickest of some tries: one of
// them may have been put aside.
func (r *row) sample() float64 {
	if r.Threads == 1 {
		return r.once()
	}
	return r.quickest()
}

func (r *row) quickest() float64 {
	least := r.once()
	for range tries - 1 {
		least = min(least, r.once())
	}
	return least
}

func (r *row) once() float64 {
	if r.ready != nil {
		r.ready()
	}
	if r.Threads == 1 {
		// The thread's own time: a busy neighbour does not lengthen it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		start := threadTime()
		r.run(r.batch)
		return float64(threadTime()-start) / float64(r.batch)
	}
	return r.together()
}

// together runs the operations on threads of their own, each on a core of its own, from the first
// start to the last end.
func (r *row) together() float64 {
	var ready atomic.Int32
	spans := make(chan [2]time.Time, r.Threads)
	for core := range r.Threads {
		go func() {
			// Never unlocked: the thread, bound to its core, ends with the goroutine.
			runtime.LockOSThread()
			var set unix.CPUSet
			set.Set(core)
			_ = unix.SchedSetaffinity(0, &set)
			for ready.Add(1); ready.Load() < int32(r.Threads); {
				runtime.Gosched()
			}
			start := time.Now()
			r.run(r.batch)
			spans <- [2]time.Time{start, time.Now()}
		}()
	}
	first, last := time.Now().Add(time.Hour), time.Time{}
	for range r.Threads {
		span := <-spans
		if span[0].Before(first) {
			first = span[0]
		}
		if span[1].After(last) {
			last = span[1]
		}
	}
	return float64(last.Sub(first)) / float64(r.batch)
}

// filled tells whether the samples of one thread lasted about as long as wanted: in less, what is timed is
// how caches fill.
func (r *row) filled(wanted time.Duration) error {
	if r.Threads > 1 || r.batch == 0 || r.batch >= mostAtOnce {
		return nil
	}
	ordered := slices.Sorted(slices.Values(r.Samples))
	if took := time.Duration(ordered[len(ordered)/2] * float64(r.batch)); took < wanted/8 {
		return fmt.Errorf("%s, %s %s: samples of %d operations last %v, not %v; measure again", r.Case, r.Library, r.Variant, r.batch, took, wanted)
	}
	return nil
}

func threadTime() int64 {
	var t unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t))
	return t.Nano()
}

// allocated is the heap allocations and bytes of one operation.
func (r *row) allocated() (allocs, bytes *float64) {
	const n = 4096
	if r.ready != nil {
		r.ready()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.run(n)
	runtime.ReadMemStats(&after)
	// Whole numbers: a fraction is the runtime's own.
	return whole(after.Mallocs-before.Mallocs, n), whole(after.TotalAlloc-before.TotalAlloc, n)
}

func whole(count uint64, n int) *float64 {
	x := float64((count + uint64(n)/2) / uint64(n))
	return &x
}
