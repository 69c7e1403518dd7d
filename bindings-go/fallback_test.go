package seawall_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

func TestFallbackValueAndFunction(t *testing.T) {
	env := seawalltest.New(t)
	var told error
	p := env.Policy(seawall.Config{Fallback: &seawall.Fallback{Value: "nobody"}, OnFallback: func(err error) { told = err }})
	var report seawall.Report
	v, err := seawall.Do(context.Background(), p, fails, seawall.ReportTo(&report))
	if v != "nobody" || err != nil || told != errDown || !report.FellBack || report.Last != errDown {
		t.Fatal(v, err, told, report)
	}
	f := env.Policy(seawall.Config{Fallback: &seawall.Fallback{Func: func(_ context.Context, err error) (any, error) { return "because " + err.Error(), nil }}})
	if v, err := seawall.Do(context.Background(), f, fails); v != "because identity is down" || err != nil {
		t.Fatal(v, err)
	}
	own := seawall.Else(func(context.Context, error) (string, error) { return "own", nil })
	if v, err := seawall.Do(context.Background(), f, fails, own); v != "own" || err != nil {
		t.Fatal(v, err)
	}
}

func TestAFallbackOfAnotherTypeIsNoAnswer(t *testing.T) {
	p := seawalltest.New(t).Policy(seawall.Config{Fallback: &seawall.Fallback{Value: 42}})
	if v, err := seawall.Do(context.Background(), p, fails); v != "" || err != errDown {
		t.Fatal(v, err)
	}
}

func TestFailOpenAndFailClosed(t *testing.T) {
	env := seawalltest.New(t)
	for link, want := range map[string]bool{"fail_open": true, "fail_closed": false} {
		p := env.Policy(seawall.Config{Fallback: &seawall.Fallback{Chain: []string{link}}})
		got, err := seawall.Do(context.Background(), p, func(context.Context) (bool, error) { return !want, errDown })
		if got != want || err != nil {
			t.Fatal(link, got, err)
		}
	}
	empty := env.Policy(seawall.Config{Fallback: &seawall.Fallback{Chain: []string{"empty"}}})
	if list, err := seawall.Do(context.Background(), empty, func(context.Context) ([]int, error) { return []int{1}, errDown }); list != nil || err != nil {
		t.Fatal(list, err)
	}
}

func TestTheLastGoodResultAnswersWhileTheCircuitIsOpen(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{
		Name:    "introspection",
		Breaker: &seawall.Breaker{Failures: 1, OpenFor: time.Hour},
		Cache:   &seawall.Cache{TTL: time.Minute, StaleFor: time.Minute},
	})
	ask := func(token string, fn func(context.Context) (string, error)) (string, error, seawall.Report) {
		var report seawall.Report
		v, err := seawall.Do(context.Background(), p, fn, seawall.CacheKey(token), seawall.ReportTo(&report))
		return v, err, report
	}
	if v, err, _ := ask("t1", answers); v != "alice" || err != nil {
		t.Fatal(v, err)
	}
	if _, err, _ := ask("t2", fails); err != errDown {
		t.Fatalf("there is nothing cached for t2: %v", err)
	}
	mustState(t, p, seawall.StateOpen)
	env.Advance(30 * time.Second)
	if v, err, report := ask("t1", fails); v != "alice" || err != nil || report.Stale {
		t.Fatal(v, err, report)
	}
	env.Advance(60 * time.Second)
	if v, err, report := ask("t1", fails); v != "alice" || err != nil || !report.Stale {
		t.Fatal(v, err, report)
	}
	if len(env.Events("stale_served")) != 1 {
		t.Fatal(env.Events())
	}
	env.Advance(60 * time.Second)
	if v, err, _ := ask("t1", fails); v != "" || !errors.Is(err, seawall.ErrCircuitOpen) {
		t.Fatal(v, err)
	}
}

func TestALivePermanentAnswerForgetsTheKey(t *testing.T) {
	p := seawalltest.New(t).Policy(seawall.Config{Cache: &seawall.Cache{TTL: time.Hour}})
	key := seawall.CacheKey("token")
	_, _ = seawall.Do(context.Background(), p, answers, key)
	if v, err := seawall.Do(context.Background(), p, fails, key); v != "alice" || err != nil {
		t.Fatal(v, err)
	}
	revoked := func(context.Context) (string, error) { return "", seawall.AsPermanent(errors.New("revoked")) }
	if _, err := seawall.Do(context.Background(), p, revoked, key); err == nil {
		t.Fatal("a permanent answer is an answer")
	}
	if v, err := seawall.Do(context.Background(), p, fails, key); v != "" || err != errDown {
		t.Fatalf("a revoked token came out of the cache: %q %v", v, err)
	}
}

func TestAResponseCacheIsAskedFirstAndFilledOnce(t *testing.T) {
	p := seawall.MustNew(seawall.Config{Cache: &seawall.Cache{TTL: time.Hour, First: true}})
	var calls atomic.Int32
	release := make(chan struct{})
	slow := func(context.Context) (string, error) {
		calls.Add(1)
		<-release
		return "alice", nil
	}
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			if v, err := seawall.Do(context.Background(), p, slow, seawall.CacheKey("k")); v != "alice" || err != nil {
				t.Error(v, err)
			}
		}()
	}
	waitFor(t, func() bool { return calls.Load() >= 1 })
	close(release)
	all.Wait()
	if calls.Load() != 1 {
		t.Fatalf("%d calls for one key", calls.Load())
	}
}

// Whoever looked just before the value was kept finds it all the same.
func TestOneCallIsMadeForAKeyWheneverTheOthersLook(t *testing.T) {
	p := seawall.MustNew(seawall.Config{Cache: &seawall.Cache{TTL: time.Hour, First: true, Size: 10_000}})
	for round := range 3000 {
		var calls atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			all.Add(1)
			go func() {
				defer all.Done()
				_, _ = seawall.Do(context.Background(), p, func(context.Context) (string, error) {
					calls.Add(1)
					return "alice", nil
				}, seawall.CacheKey(strconv.Itoa(round)))
			}()
		}
		all.Wait()
		if calls.Load() != 1 {
			t.Fatalf("round %d: %d calls for one key", round, calls.Load())
		}
	}
}

func TestFallbackNeverAnswersACancelledCaller(t *testing.T) {
	p := seawalltest.New(t).Policy(seawall.Config{Fallback: &seawall.Fallback{Value: "nobody", On: []string{"any"}}})
	ctx, cancel := context.WithCancel(context.Background())
	v, err := seawall.Do(ctx, p, func(ctx context.Context) (string, error) { cancel(); return "", ctx.Err() })
	if v != "" || err != context.Canceled {
		t.Fatal(v, err)
	}
}

func TestCostBudgetsAreCheckedBeforeAndSettledAfter(t *testing.T) {
	p := seawalltest.New(t).Policy(seawall.Config{Cost: []seawall.Cost{{Name: "llm-spend", Limits: map[string]uint64{"tokens": 1000}}}})
	spend := seawall.Estimate(map[string]uint64{"tokens": 600}, func(any, error) map[string]uint64 { return map[string]uint64{"tokens": 900} })
	if _, err := seawall.Do(context.Background(), p, answers, spend); err != nil {
		t.Fatal(err)
	}
	_, err := seawall.Do(context.Background(), p, answers, spend)
	var rejected *seawall.RejectedError
	if !errors.As(err, &rejected) || rejected.Kind != seawall.ErrCostExceeded || rejected.Limit != 1000 {
		t.Fatal(err)
	}
}
