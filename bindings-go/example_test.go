package seawall_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"seawall.dev/seawall"
)

func ExampleDo() {
	identity := seawall.MustNew(seawall.Config{
		Name:    "example-identity",
		Breaker: &seawall.Breaker{Failures: 5, OpenFor: 30 * time.Second},
		Retry:   &seawall.Retry{Attempts: 3},
	})
	user, err := seawall.Do(context.Background(), identity, func(ctx context.Context) (string, error) {
		return "alice", nil
	})
	fmt.Println(user, err)
	// Output: alice <nil>
}

func ExamplePolicy_Run() {
	bus := seawall.MustNew(seawall.Config{Name: "example-bus", Breaker: &seawall.Breaker{Failures: 1}})
	publish := func(context.Context) error { return errors.New("no route to broker") }
	fmt.Println(bus.Run(context.Background(), publish))
	fmt.Println(errors.Is(bus.Run(context.Background(), publish), seawall.ErrCircuitOpen))
	// Output:
	// no route to broker
	// true
}

func ExamplePolicy_Allow() {
	policy := seawall.MustNew(seawall.Config{Breaker: &seawall.Breaker{Failures: 3}})
	done, err := policy.Allow()
	if err != nil {
		return // the circuit is open
	}
	// … the work …
	done(nil)
	state, _ := policy.State()
	fmt.Println(state)
	// Output: closed
}

func ExampleTransport() {
	policy := seawall.MustNew(seawall.Config{Name: "example-web", Preset: "staging"})
	client := &http.Client{Transport: &seawall.Transport{
		Policy: policy,
		KeyOf:  func(r *http.Request) string { return r.URL.Host },
	}}
	fmt.Println(client.Transport != nil)
	// Output: true
}

func ExampleElse() {
	tokens := seawall.MustNew(seawall.Config{
		Name:     "example-tokens",
		Breaker:  &seawall.Breaker{},
		Cache:    &seawall.Cache{TTL: time.Minute, StaleFor: 10 * time.Minute},
		Fallback: &seawall.Fallback{Chain: []string{"cached", "stale", "fail_closed"}},
	})
	active, err := seawall.Do(context.Background(), tokens,
		func(context.Context) (bool, error) { return false, errors.New("identity is down") },
		seawall.CacheKey("token-1"))
	fmt.Println(active, err)
	// Output: false <nil>
}
