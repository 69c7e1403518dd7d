package seawall_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

func TestABreakerOpensRejectsProbesAndCloses(t *testing.T) {
	env := seawalltest.New(t)
	p := breakAfter(env, 3)
	ctx := context.Background()
	for range 3 {
		if _, err := seawall.Do(ctx, p, fails); err != errDown {
			t.Fatalf("the user's error must come through untouched, got %v", err)
		}
	}
	mustState(t, p, seawall.StateOpen)
	env.Advance(10 * time.Second)
	_, err := seawall.Do(ctx, p, answers)
	var rejected *seawall.RejectedError
	if !errors.As(err, &rejected) || !errors.Is(err, seawall.ErrCircuitOpen) || !errors.Is(err, seawall.ErrRejected) {
		t.Fatalf("err = %v", err)
	}
	if rejected.State != seawall.StateOpen || rejected.RetryAfter != 20*time.Second || rejected.Policy != "identity" {
		t.Fatalf("rejected = %+v", rejected)
	}
	if !strings.Contains(err.Error(), "identity") || !strings.Contains(err.Error(), "open") {
		t.Fatalf("the message must say where and what: %q", err)
	}
	env.Advance(20 * time.Second)
	mustState(t, p, seawall.StateHalfOpen)
	if user, err := seawall.Do(ctx, p, answers); user != "alice" || err != nil {
		t.Fatal(user, err)
	}
	mustState(t, p, seawall.StateClosed)
}

func TestOutcomesThatSayNothingAboutTheDependency(t *testing.T) {
	env := seawalltest.New(t)
	p := breakAfter(env, 1)
	run := func(err error) {
		_ = p.Run(context.Background(), func(context.Context) error { return err })
	}
	run(seawall.AsPermanent(errDown))
	run(seawall.AsIgnored(errDown))
	mustState(t, p, seawall.StateClosed)
	run(seawall.AsThrottled(errDown, 0))
	mustState(t, p, seawall.StateOpen)
}

func TestIncludeAndExcludeLists(t *testing.T) {
	env := seawalltest.New(t)
	errOther := errors.New("other")
	p := env.Policy(seawall.Config{Breaker: &seawall.Breaker{Failures: 1}, Include: []error{errDown}})
	_ = p.Run(context.Background(), func(context.Context) error { return errOther })
	mustState(t, p, seawall.StateClosed)
	_ = p.Run(context.Background(), func(context.Context) error { return errDown })
	mustState(t, p, seawall.StateOpen)
	q := env.Policy(seawall.Config{Breaker: &seawall.Breaker{Failures: 1}, Exclude: []error{errDown}})
	_ = q.Run(context.Background(), func(context.Context) error { return errDown })
	mustState(t, q, seawall.StateClosed)
}

func TestAPanicIsAFailureAndGoesOnUnwinding(t *testing.T) {
	for name, config := range map[string]seawall.Config{
		"under a pass": {Breaker: &seawall.Breaker{Failures: 1}},
		"asked":        {Breaker: &seawall.Breaker{Failures: 1}, Retry: noJitter(3, time.Second), Timeout: &seawall.Timeout{Attempt: time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			p := seawalltest.New(t).Policy(config)
			func() {
				defer func() {
					if cause := recover(); cause != "boom" {
						t.Fatalf("recovered %v", cause)
					}
				}()
				_ = p.Run(context.Background(), func(context.Context) error { panic("boom") })
			}()
			mustState(t, p, seawall.StateOpen)
		})
	}
}

func TestGoexitIsNeutralAndGivesThePermitBack(t *testing.T) {
	p := seawalltest.New(t).Policy(seawall.Config{Breaker: &seawall.Breaker{Failures: 1}, Bulkhead: &seawall.Bulkhead{Limit: 1}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Run(context.Background(), func(context.Context) error { runtime.Goexit(); return nil })
	}()
	<-done
	mustState(t, p, seawall.StateClosed)
	if _, err := seawall.Do(context.Background(), p, answers); err != nil {
		t.Fatalf("the permit was lost: %v", err)
	}
}

func TestTheClosedPathAllocatesNothing(t *testing.T) {
	// The registry of the process is told of the gate once; where that was `off` another process is asked.
	if os.Getenv("SEAWALL_GATE") == "off" {
		t.Setenv("SEAWALL_GATE", "on")
		if said, err := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		return
	}
	p := seawall.MustNew(seawall.Config{Breaker: &seawall.Breaker{Window: seawall.Window{Size: 100}, MinimumCalls: 1}})
	ctx := context.Background()
	fn := func(context.Context) (int, error) { return 1, nil }
	for range 10 {
		_, _ = seawall.Do(ctx, p, fn)
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = seawall.Do(ctx, p, fn) }); n != 0 {
		t.Fatalf("%v allocations on the closed path", n)
	}
}

func TestTheOffSwitchMakesPlainCalls(t *testing.T) {
	env := seawalltest.New(t)
	p := breakAfter(env, 1)
	env.SetEnabled(false)
	for range 3 {
		if _, err := seawall.Do(context.Background(), p, fails); err != errDown {
			t.Fatal(err)
		}
	}
	env.SetEnabled(true)
	mustState(t, p, seawall.StateClosed)
	off := env.Policy(seawall.Config{Off: true, Breaker: &seawall.Breaker{Failures: 1}})
	for range 3 {
		if _, err := seawall.Do(context.Background(), off, fails); err != errDown {
			t.Fatal(err)
		}
	}
}

func TestKeysHaveBreakersOfTheirOwn(t *testing.T) {
	env := seawalltest.New(t)
	p := breakAfter(env, 1)
	slow, err := p.Key("tenant-a")
	if err != nil {
		t.Fatal(err)
	}
	quick, err := p.Key("tenant-b")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = seawall.Do(context.Background(), slow, fails)
	mustState(t, slow, seawall.StateOpen)
	mustState(t, quick, seawall.StateClosed)
	again, _ := p.Key("tenant-a")
	mustState(t, again, seawall.StateOpen)
}

func TestTwoStepPermits(t *testing.T) {
	env := seawalltest.New(t)
	p := breakAfter(env, 2)
	for range 2 {
		done, err := p.Allow()
		if err != nil {
			t.Fatal(err)
		}
		done(errDown)
		done(nil) // the second call counts nothing
	}
	mustState(t, p, seawall.StateOpen)
	if _, err := p.Allow(); !errors.Is(err, seawall.ErrCircuitOpen) {
		t.Fatal(err)
	}
	env.Advance(30 * time.Second)
	permit, err := p.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	permit.Release()
	done, err := p.Allow()
	if err != nil {
		t.Fatalf("a released probe must be free again: %v", err)
	}
	done(nil)
	mustState(t, p, seawall.StateClosed)
}

func TestManualTransitions(t *testing.T) {
	p := breakAfter(seawalltest.New(t), 1)
	for _, step := range []struct {
		do   func() error
		want seawall.State
	}{
		{p.Open, seawall.StateOpen}, {p.HalfOpen, seawall.StateHalfOpen}, {p.Close, seawall.StateClosed},
		{p.ForceOpen, seawall.StateForcedOpen}, {p.Disable, seawall.StateDisabled},
		{p.MetricsOnly, seawall.StateMetricsOnly}, {p.Reset, seawall.StateClosed},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		mustState(t, p, step.want)
	}
	retry := seawalltest.New(t).Policy(seawall.Config{Retry: noJitter(2, time.Second)})
	_, state := retry.State()
	_, permit := retry.Acquire()
	_, place := retry.TryEnter(nil)
	_, budget := retry.RetryBudget()
	_, reserved := retry.Reserve(nil)
	_, schedule := p.Schedule()
	for _, c := range []struct {
		part string
		err  error
	}{
		{"breaker", state}, {"breaker", permit}, {"breaker", retry.Open()}, {"bulkhead", place}, {"bulkhead", retry.Resize(2)},
		{"retry.budget", budget}, {"cost", reserved}, {"cost", retry.CheckCost()}, {"retry", schedule},
	} {
		if !errors.Is(c.err, seawall.ErrNoSuchPart) || !strings.Contains(c.err.Error(), "no `"+c.part+"`, which this call is about: add it") {
			t.Errorf("without %s: %v", c.part, c.err)
		}
	}
}

func TestNothingToRunIsAnErrorAndNoFailure(t *testing.T) {
	p := breakAfter(seawalltest.New(t), 1)
	if err := p.Run(context.Background(), nil); !errors.Is(err, seawall.ErrNullArgument) {
		t.Fatal(err)
	}
	if _, err := seawall.Do[int](context.Background(), p, nil); !errors.Is(err, seawall.ErrNullArgument) {
		t.Fatal(err)
	}
	if _, err := seawall.Do(context.Background(), nil, answers); !errors.Is(err, seawall.ErrNullArgument) {
		t.Fatal(err)
	}
	mustState(t, p, seawall.StateClosed)
}

func TestBadKeys(t *testing.T) {
	p := breakAfter(seawalltest.New(t), 1)
	if _, err := p.Key("\xff"); !errors.Is(err, seawall.ErrInvalidText) {
		t.Fatal(err)
	}
	long, err := p.Key(strings.Repeat("k", 10_000))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := seawall.Do(context.Background(), long, fails); !errors.Is(err, errDown) {
			t.Fatal("a key of 10 kB passes through:", err)
		}
	}
}

func TestASuccessOfAnOlderGenerationIsCountedOnceAsStale(t *testing.T) {
	p := breakAfter(seawalltest.New(t), 1)
	if err := p.Run(context.Background(), func(context.Context) error { return p.Open() }); err != nil {
		t.Fatal(err)
	}
	snapshot, err := p.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	totals := snapshot["breaker"].(map[string]any)["totals"].(map[string]any)
	if totals["stale"] != 1.0 || totals["success"] != 0.0 {
		t.Fatal(totals)
	}
	mustState(t, p, seawall.StateOpen)
}
