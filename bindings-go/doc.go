// Package seawall protects calls to a dependency: circuit breakers, retries, bulkheads, timeouts,
// fallbacks and budgets that decide the same in every language, because one core decides.
//
// A policy is described by a literal, whose zero values mean the default, or by name in a
// configuration file that all languages read:
//
//	var identity = seawall.MustNew(seawall.Config{
//		Name:    "identity",
//		Breaker: &seawall.Breaker{Failures: 5, OpenFor: 30 * time.Second},
//		Retry:   &seawall.Retry{Attempts: 3},
//		Timeout: &seawall.Timeout{Attempt: 2 * time.Second},
//	})
//
//	user, err := seawall.Do(ctx, identity, func(ctx context.Context) (User, error) {
//		return client.WhoAmI(ctx, token)
//	})
//
// The parts of a policy have a fixed order, outermost first: fallback and cache, deadline, cost
// budgets, retry, and for each attempt bulkhead, breaker, attempt timeout. The context given to the
// function ends when its attempt's time is over; the caller's own cancellation is never counted
// against the dependency.
//
// Errors of the function come through untouched. Those of a policy are told apart with errors.Is
// (ErrCircuitOpen, ErrBulkheadFull, ErrTimedOut, …) and read with errors.As (*RejectedError,
// *TimeoutError, *ConfigError).
//
// Package seawalltest tests code that uses policies without waiting.
package seawall
