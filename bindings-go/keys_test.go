package seawall

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
)

func keyed(t *testing.T, p *Policy, key string) *Policy {
	t.Helper()
	one, err := p.Key(key)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

func TestAKeyIsOnePolicyWhileSomebodyHoldsIt(t *testing.T) {
	p := MustNew(Config{Breaker: &Breaker{Failures: 1}})
	held := keyed(t, p, "a")
	for i := range 300 { // through every way of finding it
		if keyed(t, p, "a") != held {
			t.Fatal("another policy at look-up", i)
		}
		keyed(t, p, fmt.Sprint(i%7))
		if i%100 == 0 {
			runtime.GC()
		}
	}
	if n := testing.AllocsPerRun(100, func() { keyed(t, p, "a") }); n != 0 {
		t.Error(n, "allocations a look-up")
	}
}

func TestTheStateOfAKeyOutlivesItsPolicy(t *testing.T) {
	p := MustNew(Config{Breaker: &Breaker{Failures: 1}})
	_, _ = Do(context.Background(), keyed(t, p, "a"), func(context.Context) (int, error) { return 0, context.DeadlineExceeded })
	for range 3 {
		runtime.GC()
	}
	if state, err := keyed(t, p, "a").State(); err != nil || state != StateOpen {
		t.Fatal(state, err)
	}
}

func TestKeysThatNobodyHoldsAreForgotten(t *testing.T) {
	p := MustNew(Config{MaxKeys: 64, Breaker: &Breaker{}})
	for i := range 20_000 {
		keyed(t, p, fmt.Sprint(i))
		if i%1000 == 0 {
			runtime.GC()
		}
	}
	table := p.keys.Load()
	table.mu.Lock()
	defer table.mu.Unlock()
	if n := len(table.later); n > 10_000 {
		t.Error("the table holds", n, "keys")
	}
}

func TestKeysMayBeLookedUpByMany(t *testing.T) {
	p := MustNew(Config{Breaker: &Breaker{}})
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := range 2000 {
				key := fmt.Sprint((i + g) % 50)
				one, err := p.Key(key)
				if err != nil || one.key != key {
					t.Error(one, err)
					return
				}
				if i%500 == 0 {
					runtime.GC()
				}
			}
		}()
	}
	wait.Wait()
}
