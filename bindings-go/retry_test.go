package seawall_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

func TestRetryWaitsOnTheClockAndTellsTheHook(t *testing.T) {
	env := seawalltest.New(t)
	type retried struct {
		attempt int
		err     error
		delay   time.Duration
	}
	var hooks []retried
	p := env.Policy(seawall.Config{
		Retry:   &seawall.Retry{Attempts: 3, Backoff: seawall.Backoff{Base: time.Second, Cap: 30 * time.Second}, Jitter: seawall.NoJitter},
		OnRetry: func(attempt int, err error, delay time.Duration) { hooks = append(hooks, retried{attempt, err, delay}) },
	})
	var report seawall.Report
	calls := 0
	_, err := seawall.Do(context.Background(), p, func(context.Context) (string, error) {
		calls++
		return "", errDown
	}, seawall.ReportTo(&report))
	if err != errDown || calls != 3 {
		t.Fatal(err, calls)
	}
	want := []retried{{1, errDown, time.Second}, {2, errDown, 2 * time.Second}}
	if len(hooks) != 2 || hooks[0] != want[0] || hooks[1] != want[1] {
		t.Fatalf("hooks = %v", hooks)
	}
	if report.Attempts != 3 || report.Stop != seawall.StopAttempts || report.Elapsed != 3*time.Second || report.Last != errDown {
		t.Fatalf("report = %+v", report)
	}
	if env.Now() != 3*time.Second {
		t.Fatalf("no sleep after the last attempt: %v", env.Now())
	}
}

func TestRetryStopsAtAPermanentError(t *testing.T) {
	p := seawalltest.New(t).Policy(seawall.Config{Retry: noJitter(5, time.Second)})
	calls := 0
	var report seawall.Report
	err := p.Run(context.Background(), func(context.Context) error {
		calls++
		return seawall.AsPermanent(errDown)
	}, seawall.ReportTo(&report))
	if !errors.Is(err, errDown) || calls != 1 || report.Stop != seawall.StopPermanent {
		t.Fatal(err, calls, report)
	}
}

func TestCancellationDuringAWaitEndsTheCall(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	p := seawall.MustNew(seawall.Config{
		Retry:   noJitter(3, time.Hour),
		OnRetry: func(int, error, time.Duration) { time.AfterFunc(time.Millisecond, cancel) },
	})
	calls := 0
	err := p.Run(ctx, func(context.Context) error {
		calls++
		return errDown
	})
	if calls != 1 || err != context.Canceled {
		t.Fatal(calls, err)
	}
}

func TestAHookThatPanicsChangesNothing(t *testing.T) {
	p := seawalltest.New(t).Policy(seawall.Config{
		Retry:    noJitter(2, time.Second),
		OnRetry:  func(int, error, time.Duration) { panic("hook") },
		Classify: func(any, error) (seawall.Outcome, bool) { panic("classifier") },
	})
	calls := 0
	err := p.Run(context.Background(), func(context.Context) error { calls++; return errDown })
	if err != errDown || calls != 2 {
		t.Fatal(err, calls)
	}
}

func TestServerHintIsWaitedFor(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Retry: noJitter(2, time.Second)})
	first := true
	err := p.Run(context.Background(), func(context.Context) error {
		if first {
			first = false
			return seawall.AsThrottled(errDown, 7*time.Second)
		}
		return nil
	})
	if err != nil || env.Now() != 7*time.Second {
		t.Fatal(err, env.Now())
	}
	var report seawall.Report
	_ = p.Run(context.Background(), func(context.Context) error { return seawall.AsThrottled(errDown, seawall.Never) }, seawall.ReportTo(&report))
	if report.Attempts != 1 || report.Stop != seawall.StopServer {
		t.Fatal(report)
	}
}

func TestScheduleByHand(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Retry: &seawall.Retry{Attempts: 3, Backoff: seawall.Backoff{Base: time.Second}}})
	s, err := p.Schedule()
	if err != nil {
		t.Fatal(err)
	}
	env.Next(0.5, 0.25)
	if d, stop := s.NextDelay(seawall.Failed{Outcome: seawall.OutcomeFailure}); d != 500*time.Millisecond || stop != 0 {
		t.Fatal(d, stop)
	}
	if d, stop := s.NextDelay(seawall.Failed{Outcome: seawall.OutcomeFailure}); d != 500*time.Millisecond || stop != 0 {
		t.Fatal(d, stop)
	}
	if _, stop := s.NextDelay(seawall.Failed{Outcome: seawall.OutcomeFailure}); stop != seawall.StopAttempts || stop.String() != "attempts" {
		t.Fatal(stop)
	}
}

func TestARetryBudgetStopsRetries(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Retry: &seawall.Retry{
		Attempts: 5, Backoff: seawall.Backoff{Kind: "fixed", Base: time.Second}, Jitter: seawall.NoJitter,
		Budget: &seawall.Budget{Kind: "tokens", Capacity: 28},
	}})
	var report seawall.Report
	_ = p.Run(context.Background(), func(context.Context) error { return errDown }, seawall.ReportTo(&report))
	if report.Attempts != 3 || report.Stop != seawall.StopBudget {
		t.Fatalf("two retries of 14 tokens each empty it: %+v", report)
	}
	budget, err := p.RetryBudget()
	if err != nil || budget.Balance() != 0 {
		t.Fatal(err, budget.Balance())
	}
}

func TestTenMillionAttemptsAndDelaysThatOverflow(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Retry: &seawall.Retry{
		Attempts: 10_000_000, Backoff: seawall.Backoff{Base: time.Hour, Factor: 1000, Cap: 24 * time.Hour}, Jitter: seawall.NoJitter, MaxElapsed: 24 * time.Hour,
	}})
	var report seawall.Report
	_ = p.Run(context.Background(), func(context.Context) error { return errDown }, seawall.ReportTo(&report))
	if report.Stop != seawall.StopElapsed || report.Attempts < 2 {
		t.Fatalf("%+v", report)
	}
}
