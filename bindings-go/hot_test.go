package seawall_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"runtime/debug"
	"strings"

	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/internal/bridge"
	"seawall.dev/seawall/seawalltest"
)

// crossings is how often n calls of do cross into C. What earlier tests left is freed there once it is collected: all
// of it before, and nothing meanwhile.
func crossings(n int, do func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC()
	for seen := int64(-1); seen != runtime.NumCgoCall(); time.Sleep(10 * time.Millisecond) {
		seen = runtime.NumCgoCall()
	}
	before := runtime.NumCgoCall()
	for range n {
		do()
	}
	return runtime.NumCgoCall() - before
}

func successes(t *testing.T, p *seawall.Policy) int {
	t.Helper()
	snapshot, err := p.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	totals := snapshot["breaker"].(map[string]any)["totals"].(map[string]any)
	return int(totals["success"].(float64))
}

func TestAClosedCircuitIsNoCrossingAndNoAllocation(t *testing.T) {
	t.Setenv("SEAWALL_GATE", "on")
	env := seawalltest.New(t)
	for name, config := range map[string]seawall.Config{
		"consecutive":       {Breaker: &seawall.Breaker{}},
		"count window":      {Breaker: &seawall.Breaker{Window: seawall.Window{Size: 100}}},
		"retry and breaker": {Breaker: &seawall.Breaker{}, Retry: &seawall.Retry{}},
		"key":               {Breaker: &seawall.Breaker{}},
	} {
		t.Run(name, func(t *testing.T) {
			p := env.Policy(config)
			if name == "key" {
				var err error
				if p, err = p.Key("tenant"); err != nil {
					t.Fatal(err)
				}
			}
			ctx := context.Background()
			do := func() { _, _ = seawall.Do(ctx, p, answers) }
			for range 100 { // past the minimum of calls
				do()
			}
			if n := crossings(1000, do); n != 0 {
				t.Errorf("%d crossings", n)
			}
			if n := testing.AllocsPerRun(1000, do); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if n := successes(t, p); n != 2101 { // AllocsPerRun warms up once
				t.Errorf("%d successes", n)
			}
		})
	}
}

func TestARetryAloneIsNoCrossing(t *testing.T) {
	t.Setenv("SEAWALL_GATE", "on")
	p := seawalltest.New(t).Policy(seawall.Config{Retry: noJitter(3, time.Second)})
	if n := crossings(100, func() { _, _ = seawall.Do(context.Background(), p, answers) }); n != 0 {
		t.Errorf("%d crossings", n)
	}
	calls := 0
	_, err := seawall.Do(context.Background(), p, func(context.Context) (string, error) {
		if calls++; calls < 3 {
			return "", errDown
		}
		return "alice", nil
	})
	if err != nil || calls != 3 {
		t.Fatal(calls, err)
	}
}

// unheard makes a policy in a registry without listeners, whose gate is in use whatever the
// environment says.
func unheard(t *testing.T, config seawall.Config) *seawall.Policy {
	t.Helper()
	t.Setenv("SEAWALL_GATE", "on") // the core looks for itself
	registry, control := bridge.Manual(1, true, nil)
	control.Advance(time.Second)
	p, err := registry.(*seawall.Registry).New(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhatIsAskedCrossesTwice(t *testing.T) {
	for name, config := range map[string]seawall.Config{
		"bulkhead":               {Bulkhead: &seawall.Bulkhead{}},
		"retry breaker bulkhead": {Breaker: &seawall.Breaker{}, Retry: &seawall.Retry{}, Bulkhead: &seawall.Bulkhead{}},
		"slow calls": {Breaker: &seawall.Breaker{Window: seawall.Window{Size: 100},
			SlowCall: &seawall.SlowCall{LongerThan: time.Second, Rate: 0.5}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := unheard(t, config)
			do := func() { _, _ = seawall.Do(context.Background(), p, answers) }
			for range 30 { // past the minimum of calls
				do()
			}
			if n := crossings(100, do); n > 200 {
				t.Errorf("%d crossings of 100 calls", n)
			}
			if n := testing.AllocsPerRun(100, do); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestAnOpenCircuitCrossesOnceAndAFailureSeldom(t *testing.T) {
	open := unheard(t, seawall.Config{Breaker: &seawall.Breaker{OpenFor: time.Hour}})
	if err := open.Open(); err != nil {
		t.Fatal(err)
	}
	if n := crossings(100, func() {
		if _, err := seawall.Do(context.Background(), open, answers); !errors.Is(err, seawall.ErrCircuitOpen) {
			t.Fatal(err)
		}
	}); n != 100*seenByGo {
		t.Errorf("%d crossings of 100 rejected calls", n)
	}
	// While a streak runs a call asks as well; in a window of calls it passes.
	closed := unheard(t, seawall.Config{Breaker: &seawall.Breaker{Failures: 1_000_000}})
	_, _ = seawall.Do(context.Background(), closed, fails)
	if n := crossings(100, func() { _, _ = seawall.Do(context.Background(), closed, fails) }); n > 100+100*seenByGo {
		t.Errorf("%d crossings of 100 failing calls", n)
	}
	window := unheard(t, seawall.Config{Breaker: &seawall.Breaker{Window: seawall.Window{Size: 1000}, MinimumCalls: 1000, FailureRate: 1}})
	for range 1000 {
		_, _ = seawall.Do(context.Background(), window, answers)
	}
	do := func() { _, _ = seawall.Do(context.Background(), window, fails) }
	do()
	// Most of them are within the credit that the core gives.
	if n := crossings(100, do); n < seenByGo || n > 10*seenByGo {
		t.Errorf("%d crossings of 100 failing calls", n)
	}
	if n := testing.AllocsPerRun(100, do); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

type kind0 struct{}
type kind1 struct{ says string }
type kind2 struct{ error }
type kind3 int

func (kind0) Error() string  { return "0" }
func (*kind1) Error() string { return "1" }
func (kind3) Error() string  { return "3" }

// What is known of a type of errors is what the tables, the lists and the methods say of each of them.
func TestErrorsOfAKnownKindAreCountedAsBefore(t *testing.T) {
	errs := []error{kind0{}, &kind1{}, &kind1{"again"}, kind2{errDown}, kind2{seawall.ErrRejected}, kind3(1), kind3(2), errDown,
		seawall.ErrRejected, errors.New("other"), context.DeadlineExceeded, context.Canceled, seawall.AsPermanent(errDown),
		seawall.AsIgnored(errDown), errors.Join(errDown), &seawall.TimeoutError{Kind: seawall.ErrAttemptTimeout}}
	story := func(t *testing.T, gate string, config seawall.Config) (said []string) {
		t.Setenv("SEAWALL_GATE", gate)
		env := seawalltest.New(t)
		p := env.Policy(config)
		for round := range 3 {
			for _, err := range errs {
				_, got := seawall.Do(context.Background(), p, func(context.Context) (int, error) { return 0, err })
				if got != err {
					t.Fatal(got, err)
				}
			}
			if round == 1 {
				env.Registry.SetEnabled(false)
				env.Registry.SetEnabled(true)
			}
		}
		for _, line := range strings.Split(env.Registry.Metrics(), "\n") {
			if strings.Contains(line, "errors_total") || strings.Contains(line, "attempts_total") || strings.Contains(line, "breaker_calls") {
				said = append(said, line)
			}
		}
		return said
	}
	for name, config := range map[string]seawall.Config{
		"plain":  {Name: "plain"},
		"listed": {Name: "listed", Exclude: []error{errDown}},
		"only":   {Name: "only", Include: []error{errDown}},
	} {
		config.Breaker = &seawall.Breaker{Window: seawall.Window{Size: 1000}, FailureCount: 1000}
		var on, off []string
		t.Run(name+" on", func(t *testing.T) { on = story(t, "on", config) })
		t.Run(name+" off", func(t *testing.T) { off = story(t, "off", config) })
		if strings.Join(on, "\n") != strings.Join(off, "\n") || len(on) < 10 {
			t.Errorf("with the gate:\n%s\nwithout:\n%s", strings.Join(on, "\n"), strings.Join(off, "\n"))
		}
	}
}

// Whatever path the calls take, the numbers are the same.
func TestTheGateChangesNothingButTheCost(t *testing.T) {
	story := func(t *testing.T, gate string) (said []string) {
		t.Setenv("SEAWALL_GATE", gate)
		env := seawalltest.New(t)
		p := env.Policy(seawall.Config{Name: "identity", Breaker: &seawall.Breaker{Failures: 3, OpenFor: 10 * time.Second}, Bulkhead: &seawall.Bulkhead{Limit: 2}})
		q := env.Policy(seawall.Config{Name: "other", Breaker: &seawall.Breaker{Window: seawall.Window{Size: 10}, MinimumCalls: 5}})
		for i, p := range []*seawall.Policy{p, q, p, q} {
			for range 5 + i {
				_, _ = seawall.Do(context.Background(), p, answers)
			}
			for range 2 {
				_, _ = seawall.Do(context.Background(), p, fails)
			}
		}
		_, _ = seawall.Do(context.Background(), p, fails)
		_, err := seawall.Do(context.Background(), p, answers)
		said = append(said, err.Error())
		env.Advance(11 * time.Second)
		_, err = seawall.Do(context.Background(), p, answers)
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = seawall.Do(context.Background(), p, func(context.Context) (string, error) { panic("lost") })
		}()
		for _, policy := range []*seawall.Policy{p, q} {
			snapshot, err := policy.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"breaker", "bulkhead"} {
				text, err := json.Marshal(snapshot[part])
				if err != nil {
					t.Fatal(err)
				}
				said = append(said, string(text))
			}
		}
		for _, e := range env.Events() {
			said = append(said, e.Kind+" "+e.Policy+" "+e.From+" "+e.To)
		}
		return said
	}
	var on, off []string
	t.Run("on", func(t *testing.T) { on = story(t, "on") })
	t.Run("off", func(t *testing.T) { off = story(t, "off") })
	if strings.Join(on, "\n") != strings.Join(off, "\n") {
		t.Errorf("with the gate:\n%s\nwithout:\n%s", strings.Join(on, "\n"), strings.Join(off, "\n"))
	}
	if len(on) < 6 {
		t.Error("the story is too short", on)
	}
}

// Slow calls are told from the others without asking: Go reads the clock.
func TestSlowCallsAreCountedUnderAPass(t *testing.T) {
	for _, gate := range []string{"on", "off"} {
		t.Setenv("SEAWALL_GATE", gate)
		env := seawalltest.New(t)
		p := env.Policy(seawall.Config{Breaker: &seawall.Breaker{Window: seawall.Window{Size: 10}, MinimumCalls: 4,
			SlowCall: &seawall.SlowCall{LongerThan: time.Second, Rate: 0.5}}})
		call := func(took time.Duration) {
			t.Helper()
			mustState(t, p, seawall.StateClosed)
			if _, err := seawall.Do(context.Background(), p, func(context.Context) (string, error) { env.Advance(took); return "alice", nil }); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			call(time.Second) // as long as may be is not slow
		}
		for range 5 {
			call(time.Second + 1)
		}
		mustState(t, p, seawall.StateOpen)
	}
}
