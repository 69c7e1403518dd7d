// Package b is the multi-agent resilience package of system B, rebuilt over Seawall: the defaults its
// agents rely on.
package b

import (
	"time"

	"seawall.dev/seawall"
)

// Breaker is the package's breaker: five failures, an open time, and a time for half-open.
func Breaker(open, halfOpen time.Duration) *seawall.Breaker {
	return &seawall.Breaker{Failures: 5, OpenFor: open, HalfOpen: &seawall.HalfOpen{Permits: 1, MaxWait: halfOpen}}
}

// Retry is the package's retry: three attempts, 1 s doubling to 30 s, up to a quarter on top.
func Retry() *seawall.Retry {
	return &seawall.Retry{
		Attempts: 3, Jitter: seawall.AdditiveJitter(0.25),
		Backoff: seawall.Backoff{Kind: "exponential", Base: time.Second, Factor: 2, Cap: 30 * time.Second},
	}
}

// Stack is timeout ⊃ retry ⊃ breaker ⊃ call.
func Stack(name string, whole time.Duration) seawall.Config {
	return seawall.Config{
		Name: name, Timeout: &seawall.Timeout{Deadline: whole}, Retry: Retry(),
		Breaker: Breaker(30*time.Second, time.Minute),
	}
}
