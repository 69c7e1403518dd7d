package seawall_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

func TestABulkheadRejectsWhatDoesNotFit(t *testing.T) {
	p := seawalltest.New(t).Policy(seawall.Config{Name: "db", Bulkhead: &seawall.Bulkhead{Limit: 1}})
	err := p.Run(context.Background(), func(ctx context.Context) error {
		return p.Run(ctx, func(context.Context) error { t.Error("ran"); return nil })
	})
	var rejected *seawall.RejectedError
	if !errors.As(err, &rejected) || rejected.Kind != seawall.ErrBulkheadFull || rejected.Used != 1 || rejected.Limit != 1 {
		t.Fatal(err)
	}
}

func TestWaitersAreServedInTheOrderTheyCame(t *testing.T) {
	p := seawall.MustNew(seawall.Config{Bulkhead: &seawall.Bulkhead{Limit: 1, MaxWait: time.Minute}})
	leave, err := p.Enter(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []int
	var all sync.WaitGroup
	for i := range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			_ = p.Run(context.Background(), func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
				return nil
			})
		}()
		waitFor(t, func() bool { return queued(t, p) == i+1 })
	}
	leave()
	leave() // the second call gives nothing back
	all.Wait()
	for i, who := range order {
		if i != who {
			t.Fatalf("order = %v", order)
		}
	}
}

func TestAWaiterThatGivesUpLeavesTheQueue(t *testing.T) {
	p := seawall.MustNew(seawall.Config{Bulkhead: &seawall.Bulkhead{Limit: 1, MaxWait: time.Minute}})
	leave, _ := p.Enter(context.Background())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx, func(context.Context) error { return nil }) }()
	waitFor(t, func() bool { return queued(t, p) == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	leave()
	if err := p.Run(context.Background(), func(context.Context) error { return nil }); err != nil {
		t.Fatalf("the permit went to one who had left: %v", err)
	}
}

func TestAWaitHasAnEnd(t *testing.T) {
	p := seawall.MustNew(seawall.Config{Bulkhead: &seawall.Bulkhead{Limit: 1, MaxWait: 5 * time.Millisecond}})
	leave, _ := p.Enter(context.Background())
	defer leave()
	if err := p.Run(context.Background(), func(context.Context) error { return nil }); !errors.Is(err, seawall.ErrBulkheadTimeout) {
		t.Fatal(err)
	}
}

func TestManyGoroutinesNeverExceedTheLimitAndLoseNoPermit(t *testing.T) {
	p := seawall.MustNew(seawall.Config{Bulkhead: &seawall.Bulkhead{Limit: 3, MaxWait: time.Minute}})
	var inside, most atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 50 {
				err := p.Run(context.Background(), func(context.Context) error {
					now := inside.Add(1)
					for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
					}
					inside.Add(-1)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	if most.Load() > 3 {
		t.Fatalf("%d at once", most.Load())
	}
	for range 3 {
		entry, err := p.TryEnter(seawall.Ptr(time.Duration(0)))
		if err != nil {
			t.Fatalf("a permit was lost: %v", err)
		}
		defer entry.Leave()
	}
}

func TestResizeAdmitsWaiters(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Bulkhead: &seawall.Bulkhead{Limit: 1, MaxWait: time.Minute}})
	first, _ := p.TryEnter(nil)
	second, err := p.TryEnter(nil)
	if err != nil || first.Queued() || !second.Queued() {
		t.Fatal(err)
	}
	if err := p.Resize(2); err != nil {
		t.Fatal(err)
	}
	if err := second.Poll(); err != nil || second.Queued() {
		t.Fatal(err)
	}
}

// queued is how many wait in the policy's bulkhead.
func queued(t *testing.T, p *seawall.Policy) int {
	t.Helper()
	snapshot, err := p.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	part, _ := snapshot["bulkhead"].(map[string]any)
	number, _ := part["queued"].(float64)
	return int(number)
}

// waitFor lets other goroutines run until the condition holds; it gives up after ten seconds.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(end) {
			t.Fatal("it did not come to pass within 10s")
		}
		runtime.Gosched()
	}
}

func TestAConfigurationThatWidensABulkheadLetsItsWaitersIn(t *testing.T) {
	r := seawall.Default()
	load := func(limit string) {
		if err := r.LoadTOML("[policy.widened.bulkhead]\nlimit = "+limit+"\nmax_wait = \"1h\"\n", "test"); err != nil {
			t.Fatal(err)
		}
	}
	load("1")
	p, err := seawall.Named("widened")
	if err != nil {
		t.Fatal(err)
	}
	leave, err := p.Enter(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	done := make(chan error, 1)
	go func() { done <- p.Run(context.Background(), func(context.Context) error { return nil }) }()
	waitFor(t, func() bool { return queued(t, p) == 1 })
	load("2")
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nobody woke the waiter")
	}
}
