package seawall

import (
	"context"
	"encoding/json"
	"time"
)

// Option changes one call.
type Option func(*callOptions)

type callOptions struct {
	cacheKey string
	cached   bool
	fallback func(ctx context.Context, err error) (any, error)
	classify func(result any, err error) (Outcome, bool)
	estimate map[string]uint64
	actual   func(result any) map[string]uint64
	report   *Report
	// single: one attempt, no fallback; its end is the end of the call.
	single bool
}

// CacheKey names what the call looks up; without it a policy's cache is not used.
func CacheKey(key string) Option {
	return func(o *callOptions) { o.cacheKey, o.cached = key, true }
}

// Else computes a value for this call where the policy's chain says "function".
func Else[T any](fn func(ctx context.Context, err error) (T, error)) Option {
	return func(o *callOptions) {
		o.fallback = func(ctx context.Context, err error) (any, error) { return fn(ctx, err) }
	}
}

// Classified judges the result and the error of this call before anything else does.
func Classified(fn func(result any, err error) (outcome Outcome, decided bool)) Option {
	return func(o *callOptions) { o.classify = fn }
}

// Estimate reserves amounts of the cost budgets before each attempt; actual, which may be nil, tells
// afterwards what was used.
func Estimate(amounts map[string]uint64, actual func(result any) map[string]uint64) Option {
	return func(o *callOptions) { o.estimate, o.actual = amounts, actual }
}

// Report is what a call leaves beside its result and error.
type Report struct {
	Attempts int
	Elapsed  time.Duration
	// Stop is why no further attempt was made.
	Stop Stop
	// Last is the error of the last attempt, also where a fallback answered.
	Last error
	// FellBack and Cached tell where the value came from; Stale that it was past its time.
	FellBack, Cached, Stale bool
}

// ReportTo fills in a report when the call ends.
func ReportTo(report *Report) Option { return func(o *callOptions) { o.report = report } }

func amounts(m map[string]uint64) string {
	if len(m) == 0 {
		return ""
	}
	text, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return string(text)
}
