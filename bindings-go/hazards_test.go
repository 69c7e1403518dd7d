package seawall_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

func TestAReloadRetiresTheOldMemory(t *testing.T) {
	t.Setenv("SEAWALL_GATE", "on")
	env := seawalltest.New(t)
	load := func(size string) {
		t.Helper()
		if err := env.LoadTOML("[policy.p.breaker]\nfailure_count = 2\nwindow = { kind = \"count\", size = "+size+" }\n", "test"); err != nil {
			t.Fatal(err)
		}
	}
	load("10")
	p, err := env.Named("p")
	if err != nil {
		t.Fatal(err)
	}
	do := func() { _, _ = seawall.Do(context.Background(), p, answers) }
	do()
	// The settings change while a call is under way, which began under the old ones.
	_, err = seawall.Do(context.Background(), p, func(context.Context) (string, error) {
		load("1000")
		return "alice", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	do()
	if n := crossings(100, do); n != 0 {
		t.Errorf("%d crossings under the new settings", n)
	}
	if n := successes(t, p); n < 101 {
		t.Errorf("%d successes in the new memory", n)
	}
	for range 2 {
		_, _ = seawall.Do(context.Background(), p, fails)
	}
	mustState(t, p, seawall.StateOpen)
	env.SetEnabled(false)
	if value, err := seawall.Do(context.Background(), p, answers); err != nil || value != "alice" {
		t.Error("switched off:", err)
	}
	env.SetEnabled(true)
	if _, err := seawall.Do(context.Background(), p, answers); !errors.Is(err, seawall.ErrCircuitOpen) {
		t.Error("switched on again:", err)
	}
}

func TestABulkheadThatComesByReloadKeepsItsPlaces(t *testing.T) {
	t.Setenv("SEAWALL_GATE", "on")
	env := seawalltest.New(t)
	plain := "[policy.p.breaker]\n"
	if err := env.LoadTOML(plain, "test"); err != nil {
		t.Fatal(err)
	}
	p, err := env.Named("p")
	if err != nil {
		t.Fatal(err)
	}
	_, err = seawall.Do(context.Background(), p, func(context.Context) (string, error) {
		if err := env.LoadTOML(plain+"[policy.p.bulkhead]\nlimit = 1\n", "test"); err != nil {
			t.Error(err)
		}
		return "", errDown // reported under settings with a bulkhead that it never entered
	})
	if !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	inner := p.Run(context.Background(), func(ctx context.Context) error {
		return p.Run(ctx, func(context.Context) error { return nil })
	})
	if !errors.Is(inner, seawall.ErrBulkheadFull) {
		t.Fatal("a second call went in:", inner)
	}
}

func TestAKeyIsEvictedWhileACallIsUnderWay(t *testing.T) {
	p := seawall.MustNew(seawall.Config{MaxKeys: 2, Breaker: &seawall.Breaker{Failures: 1}})
	keyed := func(key string) *seawall.Policy {
		one, err := p.Key(key)
		if err != nil {
			t.Fatal(err)
		}
		return one
	}
	started, end := make(chan struct{}), make(chan struct{})
	var ended sync.WaitGroup
	ended.Add(1)
	go func() {
		defer ended.Done()
		_, err := seawall.Do(context.Background(), keyed("first"), func(context.Context) (string, error) {
			close(started)
			<-end
			return "", errDown
		})
		if !errors.Is(err, errDown) {
			t.Error(err)
		}
	}()
	<-started
	for i := range 200 {
		_, err := seawall.Do(context.Background(), keyed(strings.Repeat("k", i%50+1)), answers)
		if err != nil {
			t.Fatal(err)
		}
		if i%20 == 0 {
			runtime.GC() // handles of other keys go, and their places with them
		}
	}
	close(end)
	ended.Wait()
	// Its circuit, held all the time, has heard of the failure.
	mustState(t, keyed("first"), seawall.StateOpen)
}

func TestAPolicyIsNotFreedUnderACall(t *testing.T) {
	for name, config := range map[string]seawall.Config{
		"passing":  {Breaker: &seawall.Breaker{}},
		"admitted": {Bulkhead: &seawall.Bulkhead{}},
	} {
		t.Run(name, func(t *testing.T) {
			var freed atomic.Bool
			call := func(fail bool) {
				p := seawall.MustNew(config)
				runtime.AddCleanup(p, func(int) { freed.Store(true) }, 0)
				_, _ = seawall.Do(context.Background(), p, func(context.Context) (string, error) {
					for range 3 {
						runtime.GC()
						time.Sleep(time.Millisecond)
					}
					if freed.Load() {
						t.Error("freed while its call runs")
					}
					if fail {
						return "", errDown
					}
					return "alice", nil
				})
			}
			for _, fail := range []bool{false, true} {
				freed.Store(false)
				call(fail)
				waitFor(t, func() bool { runtime.GC(); return freed.Load() })
			}
		})
	}
}

func TestTheStackMayGrowDuringACall(t *testing.T) {
	t.Setenv("SEAWALL_GATE", "on")
	p := seawalltest.New(t).Policy(seawall.Config{Breaker: &seawall.Breaker{}})
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() { // a new goroutine has a small stack
			defer wait.Done()
			for depth := 1; depth <= 1<<14; depth *= 4 {
				if got, err := seawall.Do(context.Background(), p, func(context.Context) (int, error) { return deep(depth), nil }); err != nil || got != depth {
					t.Error(got, err)
				}
			}
		}()
	}
	wait.Wait()
	if n := successes(t, p); n != 8*8 {
		t.Errorf("%d successes of 64", n)
	}
}

//go:noinline
func deep(n int) int {
	var ballast [64]byte
	ballast[n%64] = 1
	if n <= 1 {
		return int(ballast[n%64])
	}
	return deep(n-1) + int(ballast[n%64])
}

func TestNoSuccessIsLostBetweenGoroutines(t *testing.T) {
	p := seawall.MustNew(seawall.Config{Breaker: &seawall.Breaker{}})
	const goroutines, calls = 8, 20_000
	var wait sync.WaitGroup
	for range goroutines {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range calls {
				_, _ = seawall.Do(context.Background(), p, answers)
			}
		}()
	}
	wait.Wait()
	if n := successes(t, p); n != goroutines*calls {
		t.Errorf("%d successes of %d", n, goroutines*calls)
	}
}

func TestAPanicAndGoexitUnderAPassAreReported(t *testing.T) {
	p := breakAfter(seawalltest.New(t), 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = seawall.Do(context.Background(), p, func(context.Context) (string, error) { runtime.Goexit(); return "", nil })
	}()
	<-done
	mustState(t, p, seawall.StateClosed) // nobody's fault
	func() {
		defer func() {
			if cause := recover(); cause != "lost" {
				t.Error("the panic became", cause)
			}
		}()
		_, _ = seawall.Do(context.Background(), p, func(context.Context) (string, error) { panic("lost") })
	}()
	mustState(t, p, seawall.StateOpen)
}

func TestPoliciesThatNobodyHoldsAreFreed(t *testing.T) {
	var freed atomic.Int64
	const policies = 500
	func() {
		for range policies {
			p := seawall.MustNew(seawall.Config{Breaker: &seawall.Breaker{}})
			_, _ = seawall.Do(context.Background(), p, answers)
			keyed, err := p.Key("tenant")
			if err != nil {
				t.Fatal(err)
			}
			runtime.AddCleanup(p, func(int) { freed.Add(1) }, 0)
			runtime.AddCleanup(keyed, func(int) { freed.Add(1) }, 0)
		}
	}()
	waitFor(t, func() bool {
		runtime.GC()
		return freed.Load() >= 2*policies-2
	})
}

func TestNoGoroutineIsLeftBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx := context.Background()
	stop := seawall.Listen(func(seawall.Event) {})
	p := seawall.MustNew(seawall.Config{
		Breaker: &seawall.Breaker{Failures: 2, OpenFor: time.Millisecond}, Retry: noJitter(2, time.Microsecond),
		Bulkhead: &seawall.Bulkhead{Limit: 1, MaxWait: time.Millisecond},
		Timeout:  &seawall.Timeout{Attempt: 2 * time.Millisecond, Mode: "abandon"},
		Fallback: &seawall.Fallback{Value: "nobody"},
	})
	var wait sync.WaitGroup
	for i := range 40 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			limited, cancel := context.WithTimeout(ctx, time.Duration(i%5)*time.Millisecond)
			defer cancel()
			_, _ = seawall.Do(limited, p, func(ctx context.Context) (string, error) {
				if i%3 == 0 {
					<-ctx.Done() // held up until it is abandoned
				}
				return fails(ctx)
			})
		}()
	}
	wait.Wait()
	stop()
}
