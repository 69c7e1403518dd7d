package seawall_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

// Failures of a count window are entered in its log without crossing; these hold the rules of that.

func neverOpens(size int) *seawall.Breaker {
	return &seawall.Breaker{Window: seawall.Window{Size: size}, MinimumCalls: size, FailureRate: 1}
}

func shown(t *testing.T, p *seawall.Policy) string {
	t.Helper()
	snapshot, err := p.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(snapshot["breaker"])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func total(t *testing.T, p *seawall.Policy, what string) int {
	t.Helper()
	snapshot, err := p.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	count := snapshot["breaker"].(map[string]any)["totals"].(map[string]any)[what].(float64)
	return int(count)
}

// After each call both show the same: who enters failures himself, and who asks each time.
func TestAFailureThatIsEnteredIsOneThatIsReported(t *testing.T) {
	for name, breaker := range map[string]seawall.Breaker{
		"rate":  {Window: seawall.Window{Size: 100}, FailureRate: 0.5, MinimumCalls: 20},
		"small": {Window: seawall.Window{Size: 10}, FailureRate: 0.8, MinimumCalls: 10},
		"count": {Window: seawall.Window{Size: 300}, FailureCount: 90},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SEAWALL_GATE", "on")
			mine := seawalltest.New(t)
			t.Setenv("SEAWALL_GATE", "off")
			theirs := seawalltest.New(t)
			config := seawall.Config{Name: "identity", Breaker: &breaker}
			policies := []*seawall.Policy{mine.Policy(config), theirs.Policy(config)}
			random, opened := rand.New(rand.NewPCG(7, 7)), 0
			for call := range 1600 {
				fn := answers
				if random.IntN(8) < call/100%8 {
					fn = fails
				}
				var errs [2]error
				for i, p := range policies {
					_, errs[i] = seawall.Do(context.Background(), p, fn)
				}
				if (errs[0] == nil) != (errs[1] == nil) {
					t.Fatalf("call %d: %v and %v", call, errs[0], errs[1])
				}
				if one, other := shown(t, policies[0]), shown(t, policies[1]); one != other {
					t.Fatalf("call %d:\n%s\n%s", call, one, other)
				}
				if state, _ := policies[0].State(); state == seawall.StateOpen {
					opened++
					for _, p := range policies {
						if err := p.Reset(); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			if opened < 4 {
				t.Errorf("opened %d times", opened)
			}
			if one, other := counted(mine), counted(theirs); one != other || !strings.Contains(one, "errors_total") {
				t.Errorf("with the gate:\n%s\nwithout:\n%s", one, other)
			}
		})
	}
}

// counted is what the metrics say of failed calls.
func counted(env *seawalltest.Env) string {
	var said []string
	for _, line := range strings.Split(env.Registry.Metrics(), "\n") {
		if strings.Contains(line, `outcome="failure"`) {
			said = append(said, line)
		}
	}
	return strings.Join(said, "\n")
}

func TestFailuresOfManyGoroutinesAreAllEntered(t *testing.T) {
	const goroutines, calls = 16, 2000
	p := unheard(t, seawall.Config{Breaker: neverOpens(100_000)})
	warm := func() { _, _ = seawall.Do(context.Background(), p, answers) }
	for range 100_000 {
		warm()
	}
	var all sync.WaitGroup
	for range goroutines {
		spawn(&all, func() {
			for call := range calls {
				if call%8 == 0 {
					warm()
				}
				_, _ = seawall.Do(context.Background(), p, fails)
			}
		})
	}
	all.Wait()
	mustState(t, p, seawall.StateClosed)
	if failed, passed := total(t, p, "failure"), total(t, p, "success"); failed != goroutines*calls || passed != 100_000+goroutines*calls/8 {
		t.Errorf("%d failures, %d successes", failed, passed)
	}
}

// With the last success out of the window it opens, whoever enters the failure.
func TestFailuresOfManyGoroutinesOpenAtTheSameOne(t *testing.T) {
	const size = 1000
	for range 20 {
		p := unheard(t, seawall.Config{Breaker: neverOpens(size)})
		for range size {
			_, _ = seawall.Do(context.Background(), p, answers)
		}
		var ran atomic.Int64
		var all sync.WaitGroup
		for range 4 {
			spawn(&all, func() {
				for range 2 * size { // it is to open long before
					_, err := seawall.Do(context.Background(), p, func(context.Context) (string, error) { ran.Add(1); return "", errDown })
					if errors.Is(err, seawall.ErrCircuitOpen) {
						return
					}
				}
			})
		}
		all.Wait()
		// Calls that were under way when it opened are late.
		if n := ran.Load(); n < size || n > size+4 {
			t.Errorf("open after %d failures", n)
		}
		mustState(t, p, seawall.StateOpen)
	}
}

func TestFailuresWhileTheSettingsChange(t *testing.T) {
	t.Setenv("SEAWALL_GATE", "on")
	env := seawalltest.New(t)
	load := func(size int) {
		text := "[policy.p.breaker]\nfailure_rate = 1.0\nminimum_calls = 1000\nwindow = { kind = \"count\", size = " + strconv.Itoa(size) + " }\n"
		if err := env.LoadTOML(text, "test"); err != nil {
			t.Error(err)
		}
	}
	load(1000)
	p, err := env.Named("p")
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		spawn(&all, func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				if _, err := seawall.Do(context.Background(), p, fails); err != errDown {
					t.Error(err)
					return
				}
				_, _ = seawall.Do(context.Background(), p, answers)
				runtime.Gosched()
			}
		})
	}
	for round := range 20 {
		load(1000 + round%5)
		_ = p.Reset()
		env.SetEnabled(round%2 == 0)
		runtime.GC()
	}
	close(end)
	all.Wait()
	env.SetEnabled(true)
	mustState(t, p, seawall.StateClosed)
	before := total(t, p, "failure")
	for range 100 {
		_, _ = seawall.Do(context.Background(), p, fails)
	}
	if after := total(t, p, "failure"); after != before+100 {
		t.Errorf("%d of 100 failures", after-before)
	}
}

// The settings change, the switch is turned, the circuit is reset or the key forgotten while a call is under way
// that began under a pass and fails.
func TestAFailureThatEndsUnderOtherCircumstances(t *testing.T) {
	t.Setenv("SEAWALL_GATE", "on")
	const text = "[policy.p.breaker]\nfailure_count = 2\nwindow = { kind = \"count\", size = 10 }\n"
	for name, change := range map[string]func(*seawalltest.Env, *seawall.Policy) error{
		"reload": func(env *seawalltest.Env, _ *seawall.Policy) error {
			return env.LoadTOML(strings.Replace(text, "10", "1000", 1), "test")
		},
		"reset":   func(_ *seawalltest.Env, p *seawall.Policy) error { return p.Reset() },
		"switch":  func(env *seawalltest.Env, _ *seawall.Policy) error { env.SetEnabled(false); return nil },
		"open":    func(_ *seawalltest.Env, p *seawall.Policy) error { return p.Open() },
		"nothing": func(*seawalltest.Env, *seawall.Policy) error { return nil },
		"growth":  func(*seawalltest.Env, *seawall.Policy) error { grow(10_000); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			env := seawalltest.New(t)
			if err := env.LoadTOML(text, "test"); err != nil {
				t.Fatal(err)
			}
			p, err := env.Named("p")
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, _ = seawall.Do(context.Background(), p, answers)
			}
			end := make(chan error, 1)
			go func() {
				_, err := seawall.Do(context.Background(), p, func(context.Context) (string, error) {
					if err := change(env, p); err != nil {
						return "", err
					}
					return "", errDown
				})
				end <- err
			}()
			if err := <-end; err != errDown {
				t.Fatal(err)
			}
			want := map[string]int{"reload": 1, "nothing": 1, "growth": 1, "switch": 1}[name]
			if got := total(t, p, "failure"); got != want {
				t.Errorf("%d failures counted, not %d: %s", got, want, shown(t, p))
			}
			env.SetEnabled(true)
			if name != "open" {
				mustState(t, p, seawall.StateClosed)
			}
		})
	}
}

func grow(depth int) (sum byte) {
	var here [256]byte
	here[depth%256] = byte(depth)
	if depth > 0 {
		sum = grow(depth - 1)
	}
	return sum + here[depth%256]
}

// Two registries on one segment are two processes to each other: each enters failures, both see them.
func TestFailuresInHostScopeAreEveryones(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "segments")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SEAWALL_GATE", "on")
	both := make([]*seawall.Policy, 2)
	for i := range both {
		env := seawalltest.New(t)
		if err := env.LoadTOML("[host]\ndir = \""+folder+"\"\n", "host.toml"); err != nil {
			t.Fatal(err)
		}
		both[i] = env.Policy(seawall.Config{Name: "identity", Scope: "host",
			Breaker: &seawall.Breaker{Window: seawall.Window{Size: 100}, FailureCount: 60, OpenFor: time.Hour}})
	}
	for range 300 {
		_, _ = seawall.Do(context.Background(), both[0], answers)
		_, _ = seawall.Do(context.Background(), both[1], answers)
	}
	for call := range 60 {
		mustState(t, both[call%2], seawall.StateClosed)
		if _, err := seawall.Do(context.Background(), both[call%2], fails); err != errDown {
			t.Fatal(call, err)
		}
	}
	for i, p := range both {
		if _, err := seawall.Do(context.Background(), p, answers); !errors.Is(err, seawall.ErrCircuitOpen) {
			t.Errorf("registry %d: %v", i, err)
		}
	}
}

func spawn(all *sync.WaitGroup, run func()) {
	all.Add(1)
	go func() {
		defer all.Done()
		run()
	}()
}
