// Package bridge lets the testing package reach what users have no business with.
package bridge

import "time"

// Control moves the clock and the randomness of a registry made for tests.
type Control struct {
	Advance func(time.Duration)
	Now     func() time.Duration
	Reseed  func(uint64)
	Script  func(float64)
	Uniform func() float64
}

// Manual makes a registry whose clock stands still, Bubble one that follows Go's clock; both are set
// by package seawall and give its *Registry. With gate off the registry always asks.
var (
	Manual func(seed uint64, gate bool) (registry any, control Control)
	Bubble func(seed uint64) (registry any, control Control)
)
