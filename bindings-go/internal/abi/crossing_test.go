package abi

import (
	"io"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// While many ask at once, the world is stopped, stacks grow, and the profiler interrupts wherever it finds
// them: each admission comes back, and the bulkhead's limit holds.
func TestCrossingsBearWhatGoDoesMeanwhile(t *testing.T) {
	const limit, enough, patience = 3, 1000, 30 * time.Second
	p, _ := policyOf(t, `{"bulkhead":{"limit":3},"breaker":{}}`)
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	defer pprof.StopCPUProfile()
	var stop atomic.Bool
	var inside, most, calls atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for depth := 0; !stop.Load(); depth = (depth + 1) % 64 {
				deep(depth, func() {
					var in Admission
					var refusal Refusal
					if p.Admit(&in, &refusal); !in.In() {
						runtime.Gosched()
						return
					}
					if now := inside.Add(1); now > most.Load() {
						most.Store(now)
					}
					runtime.Gosched()
					inside.Add(-1)
					p.Dismiss(&in, func(uint64) {})
					calls.Add(1)
				})
			}
		}()
	}
	for begun := time.Now(); time.Since(begun) < 300*time.Millisecond || calls.Load() < enough; {
		if time.Since(begun) > patience {
			t.Errorf("%d of %d calls within %v", calls.Load(), enough, patience)
			break
		}
		runtime.GC()
		runtime.ReadMemStats(new(runtime.MemStats))
	}
	stop.Store(true)
	all.Wait()
	if most.Load() > limit {
		t.Errorf("%d at once", most.Load())
	}
	mustShow(t, p, `"in_use":0`)
}

// deep runs what it is given that many frames down, so that stacks have to grow.
//
//go:noinline
func deep(depth int, run func()) byte {
	var room [512]byte
	if depth == 0 {
		run()
		return room[0]
	}
	return deep(depth-1, run) + room[depth]
}
