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
	actual   func(result any, err error) map[string]uint64
	report   *Report
	// single: one attempt, no fallback; its end is the end of the call.
	single    bool
	streaming bool
	// hold: a streamed body is part of the attempt.
	hold bool
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
// afterwards what it used (nil: as estimated).
func Estimate(amounts map[string]uint64, actual func(result any, err error) map[string]uint64) Option {
	return func(o *callOptions) { o.estimate, o.actual = amounts, actual }
}

// Streaming is for functions that call Commit.
func Streaming() Option { return func(o *callOptions) { o.streaming = true } }

type callKey struct{}

// Commit says that the answer has begun to come out: the attempt is not repeated, no fallback takes its
// place, and its time limit ends here. It belongs to the function's own context, in a call with
// Streaming, and to the goroutine that runs the function.
func Commit(ctx context.Context) {
	if d, found := ctx.Value(callKey{}).(*drive); found && d.call.Valid() {
		d.call.Commit()
		keepContext(ctx)
	}
}

// Report is what a call leaves beside its result and error.
type Report struct {
	// Verdict is how the call ended: "settle" (with what the last attempt gave), "cached", "stale",
	// "fell_back", "refused", "timed_out", "deadline_exceeded" or "cancelled".
	Verdict  string
	Attempts int
	Elapsed  time.Duration
	// Outcome of the last attempt; nil if none ended.
	Outcome *Outcome
	// Stop is why no further attempt was made.
	Stop Stop
	// Last is the error of the last attempt, also where a fallback answered.
	Last error
	// FellBack and Cached tell where the value came from; Stale that it was past its time.
	FellBack, Cached, Stale bool
	// Link is the place in the fallback chain that was tried last, -1 if none was.
	Link int
	// Refusal is the refusal or passed time limit that decided, also where the call ended with the
	// user's error or a fallback.
	Refusal error
	// Store and Forget tell whether the result is worth keeping, or what was kept is no longer good.
	Store, Forget bool
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
