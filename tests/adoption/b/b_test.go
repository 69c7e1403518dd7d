package b_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"seawall.dev/adoption/b"
	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

var errDown = errors.New("down")

func down(context.Context) error { return errDown }

func TestTheBreakerOpensAfterFiveFailures(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Breaker: b.Breaker(30*time.Second, time.Minute)})
	for range 4 {
		_ = p.Run(context.Background(), down)
	}
	if s, _ := p.State(); s != seawall.StateClosed {
		t.Fatal(s)
	}
	_ = p.Run(context.Background(), down)
	if s, _ := p.State(); s != seawall.StateOpen {
		t.Fatal(s)
	}
	env.Advance(30 * time.Second)
	if s, _ := p.State(); s != seawall.StateHalfOpen {
		t.Fatalf("open timeout: %v", s)
	}
}

func TestHalfOpenHasATimeout(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Breaker: b.Breaker(30*time.Second, time.Minute)})
	_ = p.HalfOpen()
	env.Advance(time.Minute)
	if s, _ := p.State(); s != seawall.StateOpen {
		t.Fatalf("nobody probed: %v", s)
	}
}

func TestOnStateChange(t *testing.T) {
	env := seawalltest.New(t)
	var changes []string
	p := env.Policy(seawall.Config{Breaker: b.Breaker(time.Second, time.Minute), OnStateChange: func(from, to seawall.State) {
		changes = append(changes, from.String()+">"+to.String())
	}})
	for range 5 {
		_ = p.Run(context.Background(), down)
	}
	if len(changes) != 1 || changes[0] != "closed>open" {
		t.Fatal(changes)
	}
}

func TestTheOpenCircuitIsASentinel(t *testing.T) {
	p := seawalltest.New(t).Policy(seawall.Config{Breaker: b.Breaker(time.Second, time.Minute)})
	_ = p.Open()
	if err := p.Run(context.Background(), down); !errors.Is(err, seawall.ErrCircuitOpen) {
		t.Fatal(err)
	}
}

func TestRetryNumbersAndJitter(t *testing.T) {
	env := seawalltest.New(t)
	var delays []time.Duration
	calls := 0
	p := env.Policy(seawall.Config{Retry: b.Retry(), OnRetry: func(_ int, _ error, d time.Duration) { delays = append(delays, d) }})
	env.Next(0, 0.5)
	_ = p.Run(context.Background(), func(context.Context) error { calls++; return errDown })
	if calls != 3 || len(delays) != 2 || delays[0] != time.Second || delays[1] != 2250*time.Millisecond {
		t.Fatal(calls, delays)
	}
	s, err := env.Policy(seawall.Config{Retry: &seawall.Retry{Attempts: 10, Backoff: b.Retry().Backoff, Jitter: seawall.NoJitter}}).Schedule()
	if err != nil {
		t.Fatal(err)
	}
	var last time.Duration
	for range 9 {
		last, _ = s.NextDelay(seawall.Failed{Outcome: seawall.OutcomeFailure})
	}
	if last != 30*time.Second {
		t.Fatalf("max delay: %v", last)
	}
}

func TestARetryableErrorPredicate(t *testing.T) {
	env := seawalltest.New(t)
	errFatal := errors.New("fatal")
	p := env.Policy(seawall.Config{Retry: b.Retry(), Classify: func(_ any, err error) (seawall.Outcome, bool) {
		return seawall.OutcomePermanent, errors.Is(err, errFatal)
	}})
	for err, want := range map[error]int{errFatal: 1, errDown: 3} {
		calls := 0
		_ = p.Run(context.Background(), func(context.Context) error { calls++; return err })
		if calls != want {
			t.Fatal(err, calls)
		}
	}
}

func TestOnRetryGetsAttemptErrorAndDelay(t *testing.T) {
	env := seawalltest.New(t)
	calls := 0
	p := env.Policy(seawall.Config{Retry: b.Retry(), OnRetry: func(attempt int, err error, delay time.Duration) {
		calls++
		if attempt != calls || err != errDown || delay < time.Second {
			t.Errorf("%d %v %v", attempt, err, delay)
		}
	}})
	_ = p.Run(context.Background(), down)
	if calls != 2 {
		t.Fatal(calls)
	}
}

func TestTheGenericFormReturnsAValue(t *testing.T) {
	p := seawalltest.New(t).Policy(seawall.Config{Retry: b.Retry()})
	type reply struct{ n int }
	calls := 0
	got, err := seawall.Do(context.Background(), p, func(context.Context) (reply, error) {
		calls++
		if calls < 3 {
			return reply{}, errDown
		}
		return reply{42}, nil
	})
	if got.n != 42 || err != nil {
		t.Fatal(got, err)
	}
}

func TestLiteralConfigurationHasUsefulZeroValues(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Breaker: &seawall.Breaker{}, Retry: &seawall.Retry{}})
	calls := 0
	_ = p.Run(context.Background(), func(context.Context) error { calls++; return errDown })
	if calls != 3 {
		t.Fatalf("attempts by default: %d", calls)
	}
}

func TestSimpleTimeout(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Timeout: &seawall.Timeout{Attempt: time.Second}})
	err := p.Run(context.Background(), func(ctx context.Context) error { env.Advance(2 * time.Second); return ctx.Err() })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestTimeoutWithResult(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Timeout: &seawall.Timeout{Attempt: time.Second}})
	if v, err := seawall.Do(context.Background(), p, func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
		t.Fatal(v, err)
	}
	if v, err := seawall.Do(context.Background(), p, func(context.Context) (int, error) { env.Advance(time.Minute); return 7, nil }); v != 0 || !errors.Is(err, seawall.ErrTimedOut) {
		t.Fatal(v, err)
	}
}

func TestATimeoutManagerWithADefault(t *testing.T) {
	env := seawalltest.New(t)
	if err := env.LoadTOML("[operation]\nagent = \"7s\"\ndefault = \"30s\"\n", "seawall.toml"); err != nil {
		// A table without a default keeps the built-in one.
		if err := env.LoadTOML("[operation]\nagent = \"7s\"\n", "seawall.toml"); err != nil {
			t.Fatal(err)
		}
	}
	for operation, want := range map[string]time.Duration{"agent": 7 * time.Second, "something": 30 * time.Second} {
		p := env.Policy(seawall.Config{Timeout: &seawall.Timeout{Operation: operation}})
		err := p.Run(context.Background(), func(ctx context.Context) error { env.Advance(want + 1); return ctx.Err() })
		var timeout *seawall.TimeoutError
		if !errors.As(err, &timeout) || timeout.Limit != want {
			t.Fatal(operation, err)
		}
	}
}

func TestSlowOperationThreshold(t *testing.T) {
	env := seawalltest.New(t)
	slow := 0
	p := env.Policy(seawall.Config{Timeout: &seawall.Timeout{SlowAfter: time.Second}, OnSlowOperation: func(time.Duration) { slow++ }})
	for _, d := range []time.Duration{time.Millisecond, time.Second, 2 * time.Second} {
		_ = p.Run(context.Background(), func(context.Context) error { env.Advance(d); return nil })
	}
	if slow != 1 {
		t.Fatalf("strictly longer is slow: %d", slow)
	}
}

func TestOnTimeout(t *testing.T) {
	env := seawalltest.New(t)
	var limits []time.Duration
	p := env.Policy(seawall.Config{Timeout: &seawall.Timeout{Attempt: time.Second}, OnTimeout: func(limit time.Duration) { limits = append(limits, limit) }})
	_ = p.Run(context.Background(), func(ctx context.Context) error { env.Advance(2 * time.Second); return ctx.Err() })
	if len(limits) != 1 || limits[0] != time.Second {
		t.Fatal(limits)
	}
}

func TestAdaptiveTimeoutFromTheP95(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Timeout: &seawall.Timeout{Attempt: 30 * time.Second, Adaptive: &seawall.Adaptive{Quantile: 0.95, Factor: 2, MinimumCalls: 20}}})
	work := func(d time.Duration) error {
		return p.Run(context.Background(), func(ctx context.Context) error { env.Advance(d); return ctx.Err() })
	}
	if err := work(20 * time.Second); err != nil {
		t.Fatalf("below the minimum the fixed limit holds: %v", err)
	}
	for range 40 {
		_ = work(100 * time.Millisecond)
	}
	if err := work(5 * time.Second); !errors.Is(err, seawall.ErrTimedOut) {
		t.Fatalf("five seconds are far past twice the p95 of 100ms: %v", err)
	}
}

func TestTheStackTimeoutRetryBreakerCall(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(b.Stack("agent", 2*time.Second))
	var report seawall.Report
	err := p.Run(context.Background(), down, seawall.ReportTo(&report))
	if !errors.Is(err, seawall.ErrDeadlineExceeded) || report.Attempts != 2 {
		t.Fatalf("the deadline is outside of the retries: %v %+v", err, report)
	}
	q := env.Policy(b.Stack("other agent", time.Hour))
	calls := 0
	for range 3 {
		_ = q.Run(context.Background(), func(context.Context) error { calls++; return errDown })
	}
	if calls != 5 {
		t.Fatalf("the breaker is inside of the retries and opened after five: %d", calls)
	}
}

func TestPresets(t *testing.T) {
	env := seawalltest.New(t)
	for preset, failures := range map[string]int{"development": 2, "staging": 3, "production": 5} {
		p := env.Policy(seawall.Config{Preset: preset, Retry: &seawall.Retry{Attempts: 1}})
		n := 0
		for ; n < 20; n++ {
			if err := p.Run(context.Background(), down); errors.Is(err, seawall.ErrRejected) {
				break
			}
		}
		if n != failures {
			t.Fatalf("%s opened after %d", preset, n)
		}
	}
}

func TestHealthIsDegradedWhileABreakerIsOpen(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(b.Stack("agent", time.Hour))
	if h := env.CheckHealth(); h.Status != "ok" {
		t.Fatal(h)
	}
	_ = p.Open()
	if h := env.CheckHealth(); h.Status != "degraded" || h.Breakers["agent"] != "open" {
		t.Fatal(h)
	}
	_ = p.Close()
	if h := env.CheckHealth(); h.Status != "ok" {
		t.Fatal(h)
	}
}

func TestOverheadIsBelowTenMicroseconds(t *testing.T) {
	p := seawall.MustNew(seawall.Config{Breaker: b.Breaker(30*time.Second, time.Minute)})
	ctx := context.Background()
	fn := func(context.Context) error { return nil }
	result := testing.Benchmark(func(bench *testing.B) {
		for bench.Loop() {
			_ = p.Run(ctx, fn)
		}
	})
	if per := time.Duration(result.NsPerOp()); per > 10*time.Microsecond {
		t.Fatalf("%v a call", per)
	}
}

func TestAnInstanceIsSmall(t *testing.T) {
	const many = 8000
	build := func() []*seawall.Policy {
		kept := make([]*seawall.Policy, many)
		for i := range kept {
			kept[i] = seawall.MustNew(seawall.Config{Breaker: b.Breaker(30*time.Second, time.Minute)})
		}
		debug.FreeOSMemory() // what building left behind is not the instances'
		return kept
	}
	first := build() // the allocators of both languages have what they need after it
	before := resident(t)
	second := build()
	per := (resident(t) - before) / many
	runtime.KeepAlive(first)
	runtime.KeepAlive(second)
	t.Logf("%d bytes of resident memory an instance, handle and configuration included", per)
	if per > 4<<10 {
		t.Fatalf("%d bytes an instance with its handle and configuration", per)
	}
}

func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
