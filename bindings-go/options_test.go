package seawall

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// literals together use every field of Config that describes a policy.
func literals() []Config {
	all := Backoff{Kind: "list", Base: 1, Factor: 2, Cap: 3, Delays: []time.Duration{1}, Min: 1, Max: 2}
	jitter := Jitter{Kind: "absolute", Factor: 0.5, Span: 1}
	delay := Delay{all, jitter}
	return []Config{
		{
			Name: "n", Preset: "busy", Scope: "process", Revision: 1, HostRequired: Ptr(false), Off: true, MaxKeys: 1, Stream: "exempt",
			Breaker: &Breaker{
				Name: "b", Failures: 1, FailureRate: 0.5, FailureCount: 1, SlowCall: &SlowCall{1, 0.5}, MinimumCalls: 1,
				OpenFor: 1, OpenFactor: 2, OpenCap: 3, OpenJitter: 0.1,
				HalfOpen:     &HalfOpen{Permits: 1, Concurrent: true, Successes: 1, Of: 1, MaxWait: 1, OnMaxWait: "open", Lease: 1},
				InitialState: StateOpen, CountThrottled: Ptr(false), FromServerHint: true,
			},
			Retry: &Retry{
				Attempts: 1, Backoff: all, Jitter: jitter, MaxElapsed: 1, ServerHint: "exact", HintCap: 1, RetryRefused: true,
				ByOutcome: map[string]Delay{"failure": delay, "timeout": delay, "throttled": delay},
				Budget: &Budget{
					Name: "b", Kind: "tokens", Capacity: 1, Refund: Ptr(0), Share: 0.1, FloorPerSecond: Ptr(0.0), Span: 1, Floor: Ptr(0), Retries: 1,
					Costs: map[string]int{"failure": 1, "timeout": 1, "throttled": 1, "hedge": 1},
				},
			},
			Bulkhead: &Bulkhead{Name: "b", Limit: 1, Queue: Ptr(0), MaxWait: 1, Resource: "db"},
			Timeout: &Timeout{
				Name: "t", Attempt: 1, Deadline: 1, Mode: "abandon", SlowAfter: 1, Idle: 1, Operation: "db",
				Adaptive: &Adaptive{0.9, 1, 1, 1, 1}, CallerDeadlineAfter: Ptr(time.Duration(0)),
			},
			Fallback: &Fallback{Chain: []string{"value"}, Value: 1, On: []string{"any"}, Timeout: 1},
			Cache:    &Cache{1, 1, 1, true},
			Cost:     []Cost{{"c", map[string]uint64{"tokens": 1}, 1}},
		},
		{Breaker: &Breaker{Window: Window{Size: 1, Span: 1, Slices: 1, Aligned: true}}},
	}
}

func TestEveryOptionCanBeSaidInALiteral(t *testing.T) {
	said := map[string]bool{}
	for _, config := range literals() {
		text, err := config.document()
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			t.Fatal(err)
		}
		paths(document, "", said)
	}
	for _, path := range generatedOptions {
		if !said[path] {
			t.Errorf("no field says %s", path)
		}
	}
	for path := range said {
		if !slices.Contains(generatedOptions, path) && path != "cost.limits.tokens" {
			t.Errorf("a field says %s, which is no option", path)
		}
	}
}

func paths(table map[string]any, before string, said map[string]bool) {
	for name, value := range table {
		path := before + name
		said[path] = true
		switch value := value.(type) {
		case map[string]any:
			paths(value, path+".", said)
		case []any:
			for _, one := range value {
				if inner, is := one.(map[string]any); is {
					paths(inner, path+".", said)
				}
			}
		}
	}
}

func TestTheGeneratedListsAreTheOnesInUse(t *testing.T) {
	for word, number := range generatedOutcomes {
		if Outcome(number).String() != word {
			t.Errorf("outcome %d is %v, not %s", number, Outcome(number), word)
		}
	}
	for word, number := range generatedStates {
		if State(number).String() != word {
			t.Errorf("state %d is %v, not %s", number, State(number), word)
		}
	}
	for word, number := range generatedCodes {
		found := false
		for status := range sentinels {
			found = found || int(status) == number && status.String() == word
		}
		if !found {
			t.Errorf("no sentinel for %s (%d)", word, number)
		}
	}
}
