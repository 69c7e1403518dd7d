package seawall_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

var errDown = errors.New("identity is down")

func fails(context.Context) (string, error)   { return "", errDown }
func answers(context.Context) (string, error) { return "alice", nil }

// breakAfter is a policy with a breaker alone that opens after so many failures in a row.
func breakAfter(env *seawalltest.Env, failures int) *seawall.Policy {
	return env.Policy(seawall.Config{Name: "identity", Breaker: &seawall.Breaker{Failures: failures, OpenFor: 30 * time.Second}})
}

func mustState(t *testing.T, p *seawall.Policy, want seawall.State) {
	t.Helper()
	got, err := p.State()
	if err != nil || got != want {
		t.Fatalf("state = %v, %v; want %v", got, err, want)
	}
}

func noJitter(attempts int, base time.Duration) *seawall.Retry {
	return &seawall.Retry{Attempts: attempts, Backoff: seawall.Backoff{Kind: "fixed", Base: base}, Jitter: seawall.NoJitter}
}
