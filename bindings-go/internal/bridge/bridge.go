// Package bridge lets the testing package reach what users have no business with.
package bridge

import (
	"context"
	"time"
)

// Control moves the clock and the randomness of a registry made for tests.
type Control struct {
	Advance func(time.Duration)
	Now     func() time.Duration
	Reseed  func(uint64)
	Script  func(float64)
	Uniform func() float64
	// Limit is context.WithTimeout on the registry's clock.
	Limit func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
	// Keep puts a value of some age into the cache of a *seawall.Policy.
	Keep func(policy any, key string, value any, age time.Duration)
}

// Manual makes a registry whose clock stands still, Bubble one that follows Go's clock; both are set
// by package seawall and give its *Registry. With gate off the registry always asks.
var (
	Manual func(seed uint64, gate bool, environment map[string]string) (registry any, control Control)
	Bubble func(seed uint64) (registry any, control Control)
)
