package main

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// tries is how often two threads are timed for a sample: one of them may have been put aside.
const tries = 5

// sample is nanoseconds of one operation of one thread; of two threads the quickest of some tries.
func (r *row) sample() float64 {
	if r.Threads == 1 {
		return r.once()
	}
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
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for range r.Threads {
		ready.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			ready.Done()
			<-begin
			r.run(r.batch)
		}()
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	done.Wait()
	return float64(time.Since(start)) / float64(r.batch)
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
