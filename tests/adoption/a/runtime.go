// Package a is the shared runtime library of system A, rebuilt over Seawall: what its consumers
// import, with nothing of its own but names.
package a

import (
	"context"
	"net/http"
	"time"

	"seawall.dev/seawall"
)

// Settings are the three numbers of the library's breaker.
type Settings struct {
	Name             string
	FailureThreshold int
	SuccessThreshold int
	OpenDuration     time.Duration
}

// Maker builds policies; the process's registry and the testing package's both do.
type Maker interface {
	New(seawall.Config) (*seawall.Policy, error)
}

// Breaker builds the library's three-state breaker.
func Breaker(maker Maker, s Settings) (*seawall.Policy, error) {
	return maker.New(seawall.Config{Name: s.Name, Breaker: s.breaker()})
}

func (s Settings) breaker() *seawall.Breaker {
	return &seawall.Breaker{
		Failures: s.FailureThreshold, OpenFor: s.OpenDuration,
		HalfOpen: &seawall.HalfOpen{Successes: s.SuccessThreshold, Of: s.SuccessThreshold},
	}
}

// RPC is a client whose methods are functions from a request to a reply.
type RPC struct {
	Policy *seawall.Policy
	Call   func(ctx context.Context, method string) (string, error)
}

// Invoke calls a method under the policy.
func (c RPC) Invoke(ctx context.Context, method string) (string, error) {
	return seawall.Do(ctx, c.Policy, func(ctx context.Context) (string, error) { return c.Call(ctx, method) })
}

// Publisher puts messages on a bus: function in, error out.
type Publisher struct {
	Policy *seawall.Policy
	Send   func(ctx context.Context, message []byte) error
}

// Publish sends one message under the policy.
func (p Publisher) Publish(ctx context.Context, message []byte) error {
	return p.Policy.Run(ctx, func(ctx context.Context) error { return p.Send(ctx, message) })
}

// Gateway authenticates requests by asking the identity service, and by its last answer while that
// cannot be asked.
type Gateway struct {
	Policy     *seawall.Policy
	Introspect func(ctx context.Context, token string) (active bool, err error)
}

// GatewayPolicy is the policy the gateway runs under.
func GatewayPolicy(maker Maker) (*seawall.Policy, error) {
	return maker.New(seawall.Config{
		Name:    "identity",
		Breaker: &seawall.Breaker{Failures: 5, OpenFor: 15 * time.Second},
		Timeout: &seawall.Timeout{Attempt: 200 * time.Millisecond},
		Cache:   &seawall.Cache{TTL: 5 * time.Minute, StaleFor: time.Hour},
		Fallback: &seawall.Fallback{
			Chain: []string{"cached", "stale", "fail_closed"},
		},
	})
}

// Active tells whether a token is good.
func (g Gateway) Active(ctx context.Context, token string) (bool, error) {
	return seawall.Do(ctx, g.Policy, func(ctx context.Context) (bool, error) {
		return g.Introspect(ctx, token)
	}, seawall.CacheKey(token))
}

// ServeHTTP lets requests with a good token through.
func (g Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	active, err := g.Active(r.Context(), r.Header.Get("Authorization"))
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	case !active:
		http.Error(w, "not logged in", http.StatusUnauthorized)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
