package seawall_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

func TestAnAttemptThatIsTooSlowIsCancelledAndTimedOut(t *testing.T) {
	env := seawalltest.New(t)
	var told time.Duration
	p := env.Policy(seawall.Config{Name: "llm", Timeout: &seawall.Timeout{Attempt: time.Second}, OnTimeout: func(limit time.Duration) { told = limit }})
	err := p.Run(context.Background(), func(ctx context.Context) error {
		env.Advance(2 * time.Second)
		return ctx.Err()
	})
	var timeout *seawall.TimeoutError
	if !errors.As(err, &timeout) || !errors.Is(err, seawall.ErrTimedOut) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, seawall.ErrAttemptTimeout) {
		t.Fatalf("err = %v", err)
	}
	if timeout.Limit != time.Second || told != time.Second || timeout.Policy != "llm" {
		t.Fatalf("%+v, hook %v", timeout, told)
	}
}

func TestAValueThatComesTooLateIsDropped(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Timeout: &seawall.Timeout{Attempt: time.Second}})
	after := func(d time.Duration) (string, error) {
		return seawall.Do(context.Background(), p, func(context.Context) (string, error) {
			env.Advance(d)
			return "late", nil
		})
	}
	if v, err := after(time.Second); v != "late" || err != nil {
		t.Fatalf("exactly at the limit is in time: %q %v", v, err)
	}
	if v, err := after(time.Second + 1); v != "" || !errors.Is(err, seawall.ErrAttemptTimeout) {
		t.Fatalf("%q %v", v, err)
	}
}

func TestTheDeadlineCoversAttemptsAndWaits(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Retry: noJitter(10, 3*time.Second), Timeout: &seawall.Timeout{Deadline: 5 * time.Second}})
	var report seawall.Report
	err := p.Run(context.Background(), func(context.Context) error { return errDown }, seawall.ReportTo(&report))
	if !errors.Is(err, seawall.ErrDeadlineExceeded) || report.Attempts != 2 || env.Now() != 5*time.Second {
		t.Fatal(err, report, env.Now())
	}
	if !errors.Is(err, errDown) {
		t.Fatalf("the last error stays reachable: %v", err)
	}
}

func TestNestedCallsInheritTheSmallerDeadline(t *testing.T) {
	env := seawalltest.New(t)
	outer := env.Policy(seawall.Config{Timeout: &seawall.Timeout{Deadline: 2 * time.Second}})
	inner := env.Policy(seawall.Config{Timeout: &seawall.Timeout{Attempt: time.Minute}})
	var left time.Duration
	err := outer.Run(context.Background(), func(ctx context.Context) error {
		return inner.Run(ctx, func(ctx context.Context) error {
			deadline, has := ctx.Deadline()
			if !has {
				t.Fatal("no deadline inherited")
			}
			outerDeadline, _ := ctx.Deadline()
			left = deadline.Sub(outerDeadline)
			env.Advance(3 * time.Second)
			return ctx.Err()
		})
	})
	if left > 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(left, err)
	}
	if env.Now() != 3*time.Second {
		t.Fatal(env.Now())
	}
}

func TestTheCallersCancellationIsNeitherWrappedNorCounted(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Breaker: &seawall.Breaker{Failures: 1}, Retry: noJitter(3, time.Second)})
	ctx, cancel := context.WithCancel(context.Background())
	err := p.Run(ctx, func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	})
	if err != context.Canceled {
		t.Fatal(err)
	}
	mustState(t, p, seawall.StateClosed)
}

func TestTheCallersDeadlineCountsOnlyAfterAWhile(t *testing.T) {
	run := func(after, limit time.Duration) seawall.State {
		p := seawall.MustNew(seawall.Config{Breaker: &seawall.Breaker{Failures: 1}, Timeout: &seawall.Timeout{CallerDeadlineAfter: seawall.Ptr(after)}})
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		_ = p.Run(ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		state, _ := p.State()
		return state
	}
	if got := run(time.Hour, 5*time.Millisecond); got != seawall.StateClosed {
		t.Fatalf("a short deadline of the caller says nothing: %v", got)
	}
	if got := run(time.Millisecond, 500*time.Millisecond); got != seawall.StateOpen {
		t.Fatalf("an attempt that ran long enough is a timeout: %v", got)
	}
}

func TestAbandonedWorkIsLeftBehind(t *testing.T) {
	p := seawall.MustNew(seawall.Config{Timeout: &seawall.Timeout{Attempt: 5 * time.Millisecond, Mode: "abandon"}})
	free, ended := make(chan struct{}), make(chan struct{})
	_, err := seawall.Do(context.Background(), p, func(context.Context) (int, error) {
		defer close(ended)
		<-free
		return 1, nil
	})
	if !errors.Is(err, seawall.ErrAttemptTimeout) {
		t.Fatal(err)
	}
	close(free)
	<-ended
}

func TestSlowOperationsAreToldWithoutCancelling(t *testing.T) {
	env := seawalltest.New(t)
	var took time.Duration
	p := env.Policy(seawall.Config{Timeout: &seawall.Timeout{SlowAfter: time.Second}, OnSlowOperation: func(d time.Duration) { took = d }})
	if err := p.Run(context.Background(), func(context.Context) error { env.Advance(3 * time.Second); return nil }); err != nil {
		t.Fatal(err)
	}
	if took != 3*time.Second || len(env.Events("slow")) != 1 {
		t.Fatal(took, env.Events())
	}
}

func TestAdaptiveTimeoutFollowsWhatSucceeded(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Timeout: &seawall.Timeout{
		Attempt: 10 * time.Second, Adaptive: &seawall.Adaptive{MinimumCalls: 20, Factor: 2},
	}})
	for range 20 {
		_ = p.Run(context.Background(), func(context.Context) error { env.Advance(100 * time.Millisecond); return nil })
	}
	var left time.Duration
	_ = p.Run(context.Background(), func(ctx context.Context) error {
		before := env.Now()
		deadline, _ := ctx.Deadline()
		left = deadline.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) - before
		return nil
	})
	if left < 190*time.Millisecond || left > 260*time.Millisecond {
		t.Fatalf("limit = %v, want about twice the 100ms of the calls before", left)
	}
}

// The timer is set for those who look, and whoever looks late finds the end.
func TestALimitIsThereForWhoeverLooks(t *testing.T) {
	for name, look := range map[string]func(ctx context.Context) error{
		"err":  func(ctx context.Context) error { return ctx.Err() },
		"done": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"derived": func(ctx context.Context) error {
			inner, cancel := context.WithCancel(ctx)
			defer cancel()
			<-inner.Done()
			return inner.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := seawalltest.New(t)
			p := env.Policy(seawall.Config{Timeout: &seawall.Timeout{Attempt: time.Second}})
			var early, late error
			_, err := seawall.Do(context.Background(), p, func(ctx context.Context) (string, error) {
				if deadline, has := ctx.Deadline(); !has || deadline.IsZero() {
					t.Error("no deadline")
				}
				if name == "err" {
					early = ctx.Err()
				}
				env.Advance(time.Second)
				late = look(ctx)
				return "", late
			})
			if early != nil || !errors.Is(late, context.DeadlineExceeded) || !errors.Is(err, seawall.ErrAttemptTimeout) {
				t.Error(early, late, err)
			}
		})
	}
}
