// Package seawalltest tests code that uses Seawall, without waiting: a registry of its own whose
// clock moves only when told, seeded and scripted randomness, forced states, recorded events.
package seawalltest

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/internal/bridge"
)

// Env is a registry for one test. Its clock starts at zero and stands still; a retry's wait moves it
// on instead of sleeping.
type Env struct {
	*seawall.Registry
	control bridge.Control
	tb      testing.TB
	mu      sync.Mutex
	events  []seawall.Event
}

// New makes an environment that ends with the test. Randomness is seeded with 1; see Reseed.
func New(tb testing.TB) *Env {
	tb.Helper()
	return NewWith(tb, nil)
}

// NewWith is New with an environment: the SEAWALL_ variables that the registry reads.
func NewWith(tb testing.TB, environment map[string]string) *Env {
	tb.Helper()
	registry, control := bridge.Manual(1, os.Getenv("SEAWALL_GATE") != "off", environment)
	return start(tb, registry.(*seawall.Registry), control)
}

// InBubble makes an environment inside a testing/synctest bubble: it follows Go's clock there, so
// that time.Sleep and the policies' waits are one.
func InBubble(tb testing.TB) *Env {
	tb.Helper()
	registry, control := bridge.Bubble(1)
	return start(tb, registry.(*seawall.Registry), control)
}

func start(tb testing.TB, registry *seawall.Registry, control bridge.Control) *Env {
	e := &Env{Registry: registry, control: control, tb: tb}
	tb.Cleanup(registry.Listen(func(event seawall.Event) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.events = append(e.events, event)
	}))
	return e
}

// Policy builds a policy and ends the test if its configuration is wrong.
func (e *Env) Policy(config seawall.Config) *seawall.Policy {
	e.tb.Helper()
	p, err := e.New(config)
	if err != nil {
		e.tb.Fatal(err)
	}
	return p
}

// Advance moves the clock, and ends on the way whatever has its time.
func (e *Env) Advance(d time.Duration) { e.control.Advance(d) }

// Now is how far the clock has been moved.
func (e *Env) Now() time.Duration { return e.control.Now() }

// WithTimeout is context.WithTimeout on this clock: what a caller's own deadline looks like.
func (e *Env) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return e.control.Limit(ctx, d)
}

// Keep puts a value into a policy's cache as if it had been stored some time ago.
func (e *Env) Keep(p *seawall.Policy, key string, value any, age time.Duration) {
	e.control.Keep(p, key, value, age)
}

// Reseed starts the randomness anew.
func (e *Env) Reseed(seed uint64) { e.control.Reseed(seed) }

// Next scripts the numbers in [0, 1) that jitter draws before any other.
func (e *Env) Next(numbers ...float64) {
	for _, number := range numbers {
		e.control.Script(number)
	}
}

// Uniform draws the number that jitter would draw.
func (e *Env) Uniform() float64 { return e.control.Uniform() }

// Events are the events so far, of the given kinds if there are any.
func (e *Env) Events(kinds ...string) []seawall.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []seawall.Event
	for _, event := range e.events {
		for _, kind := range kinds {
			if kind == event.Kind {
				found = append(found, event)
			}
		}
		if len(kinds) == 0 {
			found = append(found, event)
		}
	}
	return found
}
