package seawall_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

func TestBadConfigurationsAreLoudAndSayWhere(t *testing.T) {
	env := seawalltest.New(t)
	for name, c := range map[string]struct {
		config seawall.Config
		path   string
	}{
		"negative duration": {seawall.Config{Name: "x", Breaker: &seawall.Breaker{OpenFor: -time.Second}}, "open_for"},
		"rate above one":    {seawall.Config{Name: "x", Breaker: &seawall.Breaker{Window: seawall.Window{Size: 10}, FailureRate: 1.5}}, "failure_rate"},
		"negative limit":    {seawall.Config{Name: "x", Bulkhead: &seawall.Bulkhead{Limit: -1}}, "limit"},
		"unknown preset":    {seawall.Config{Name: "x", Preset: "prodution"}, "preset"},
		"unknown backoff":   {seawall.Config{Name: "x", Retry: &seawall.Retry{Backoff: seawall.Backoff{Kind: "expnential"}}}, "backoff"},
		"negative attempts": {seawall.Config{Name: "x", Retry: &seawall.Retry{Attempts: -3}}, "attempts"},
		"unknown jitter":    {seawall.Config{Name: "x", Retry: &seawall.Retry{Jitter: seawall.Jitter{Kind: "ful"}}}, "jitter"},
		"10 kB name":        {seawall.Config{Name: strings.Repeat("n", 10_000), Breaker: &seawall.Breaker{}}, ""},
		"name not UTF-8":    {seawall.Config{Name: "\xff\xfe", Breaker: &seawall.Breaker{}}, ""},
		"unknown fallback":  {seawall.Config{Name: "x", Fallback: &seawall.Fallback{Chain: []string{"cashed"}}}, "chain"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := env.New(c.config)
			var wrong *seawall.ConfigError
			if p != nil || !errors.As(err, &wrong) || !errors.Is(err, seawall.ErrConfig) {
				t.Fatalf("%v, %v", p, err)
			}
			if !strings.Contains(wrong.Path, c.path) || wrong.Code == "" || wrong.Error() == "" {
				t.Fatalf("%+v", wrong)
			}
		})
	}
}

func TestALengthOfTimeIsToldAsPeopleWriteIt(t *testing.T) {
	_, err := seawalltest.New(t).New(seawall.Config{Name: "x", Timeout: &seawall.Timeout{Attempt: -1500 * time.Millisecond}})
	if err == nil || !strings.Contains(err.Error(), "/policy/x/timeout/attempt: -1.5s is negative") {
		t.Fatal(err)
	}
	// And to the nanosecond, in every unit that Go writes: a retry that would begin later is none.
	for _, span := range []time.Duration{2, 1500, 2*time.Millisecond + 1, 90*time.Minute + 7} {
		retry := seawall.Retry{MaxElapsed: span, Backoff: seawall.Backoff{Kind: "fixed", Base: 1}, Jitter: seawall.Jitter{Kind: "none"}}
		p, err := seawalltest.New(t).New(seawall.Config{Name: "x", Retry: &retry})
		if err != nil {
			t.Fatal(err)
		}
		for late, want := range map[time.Duration]seawall.Stop{0: seawall.StopElapsed, 1: 0} {
			elapsed := span - late
			schedule, err := p.Schedule()
			if err != nil {
				t.Fatal(err)
			}
			if _, stop := schedule.NextDelay(seawall.Failed{Outcome: seawall.OutcomeFailure, Elapsed: &elapsed}); stop != want {
				t.Errorf("%v of %v: %v", elapsed, span, stop)
			}
		}
	}
}

func TestFilesAreReadCheckedAndReloaded(t *testing.T) {
	env := seawalltest.New(t)
	if err := env.LoadTOML("[policy.identity.breaker]\nwindow = { kind = \"consecutive\", failures = 2 }\n", "seawall.toml"); err != nil {
		t.Fatal(err)
	}
	p, err := env.Named("identity")
	if err != nil || p.Name() != "identity" {
		t.Fatal(err)
	}
	if _, err := env.Named("identiti"); !errors.Is(err, seawall.ErrConfig) && !errors.Is(err, seawall.ErrUnknownPolicy) {
		t.Fatal(err)
	}
	err = env.LoadTOML("[policy.identity.breaker]\nopen_for = 30\n", "seawall.toml")
	var wrong *seawall.ConfigError
	if !errors.As(err, &wrong) || wrong.Code != "missing_unit" || wrong.Path != "/policy/identity/breaker/open_for" {
		t.Fatalf("%v", err)
	}
	err = env.LoadTOML("[policy.identity.breaker]\nopenfor = \"30s\"\n", "seawall.toml")
	if !errors.As(err, &wrong) || wrong.Code != "unknown_option" || wrong.Suggestion != "open_for" {
		t.Fatalf("%v", err)
	}
	if err := env.LoadTOML("[policy", "seawall.toml"); !errors.As(err, &wrong) || wrong.Code != "syntax" {
		t.Fatalf("%v", err)
	}
	if err := env.Load("/does/not/exist.toml"); err == nil {
		t.Fatal("a missing file is an error")
	}
}

func TestPresetsAndTables(t *testing.T) {
	env := seawalltest.New(t)
	for _, preset := range []string{"development", "staging", "production", "busy"} {
		if _, err := env.New(seawall.Config{Preset: preset}); err != nil {
			t.Fatal(preset, err)
		}
	}
	if env.OperationTimeout("llm") != time.Minute || env.OperationTimeout("anything") != 30*time.Second {
		t.Fatal(env.OperationTimeout("llm"), env.OperationTimeout("anything"))
	}
	if env.ResourceLimit("redis") != 100 {
		t.Fatal(env.ResourceLimit("redis"))
	}
}

func TestPoliciesOfOneNameShareTheirBreaker(t *testing.T) {
	env := seawalltest.New(t)
	one, two := breakAfter(env, 1), breakAfter(env, 1)
	_ = one.Open()
	mustState(t, two, seawall.StateOpen)
}
