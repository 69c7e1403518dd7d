package seawall

import (
	"context"
	"time"
)

// Config describes a policy. Zero values mean the default; a nil part is not there. Where zero is
// legal and not the default, the field is a pointer (see Ptr).
type Config struct {
	// Name makes the policy known to the configuration file, the environment, metrics and events,
	// and lets every policy of that name share its state.
	Name string
	// Preset is "development", "staging", "production" or "busy".
	Preset string
	// Without takes parts of the preset or the file away: "retry", "timeout", …
	Without []string
	// Scope is "process", or "host": all processes of the host and user share the state.
	Scope string
	// Revision decides in host scope where processes differ in their settings: the highest is in force.
	Revision int
	// HostRequired refuses calls in host scope where the shared file cannot be used, rather than
	// protect this process alone; not given, only where a cost budget would be overdrawn.
	HostRequired *bool
	// Off turns the policy into a plain call.
	Off bool
	// MaxKeys bounds the partitions of Key; 1024 if zero.
	MaxKeys int
	// Stream is "protect" or "exempt".
	Stream string

	// JSON is the policy in the shape of one table of the configuration file. It stands for all the
	// fields from Name to Cost.
	JSON string

	Breaker  *Breaker
	Retry    *Retry
	Bulkhead *Bulkhead
	Timeout  *Timeout
	Fallback *Fallback
	Cache    *Cache
	Cost     []Cost

	// Classify is asked first; a negative answer passes the question on to the lists and tables.
	Classify func(result any, err error) (outcome Outcome, decided bool)
	// Include are the errors (errors.Is) that alone count as failures, if there are any; Exclude are
	// ignored.
	Include, Exclude []error

	// Hooks run in the caller's goroutine, outside of every lock.
	OnRetry func(attempt int, err error, delay time.Duration)
	// OnQueue is told how long the call will wait for a bulkhead permit at most, -1 for ever.
	OnQueue         func(most time.Duration)
	OnTimeout       func(limit time.Duration)
	OnSlowOperation func(took time.Duration)
	OnFallback      func(err error)
	// OnStateChange is a listener (see Listen) for this policy's breaker.
	OnStateChange func(from, to State)
}

// Breaker describes a circuit breaker. With no window given it counts consecutive failures.
type Breaker struct {
	Name string
	// Failures in a row open the circuit (5).
	Failures int
	// Window counts calls or time instead.
	Window       Window
	FailureRate  float64
	FailureCount int
	SlowCall     *SlowCall
	MinimumCalls int
	// OpenFor is how long the circuit stays open (30s); it grows by OpenFactor with each re-opening,
	// up to OpenCap, give or take the share OpenJitter.
	OpenFor    time.Duration
	OpenFactor float64
	OpenCap    time.Duration
	OpenJitter float64

	HalfOpen       *HalfOpen
	InitialState   State
	CountThrottled *bool
	FromServerHint bool
}

// Window is a count window (Size) or a time window (Span, cut into Slices).
type Window struct {
	Size    int
	Span    time.Duration
	Slices  int
	Aligned bool
}

// SlowCall lets calls that take longer than LongerThan trip the breaker at Rate.
type SlowCall struct {
	LongerThan time.Duration
	Rate       float64
}

// HalfOpen describes the probes that decide whether an open circuit closes.
type HalfOpen struct {
	Permits       int
	Concurrent    bool
	Successes, Of int
	MaxWait       time.Duration
	// OnMaxWait is "open" or "closed".
	OnMaxWait string
	Lease     time.Duration
}

// Retry describes repeated attempts. Attempts counts the first (3).
type Retry struct {
	Attempts int
	Backoff  Backoff
	// Jitter is FullJitter if not given.
	Jitter     Jitter
	MaxElapsed time.Duration
	// ServerHint is "exact", "clamp" or "ignore".
	ServerHint   string
	HintCap      time.Duration
	RetryRefused bool
	// ByOutcome gives "failure", "timeout" or "throttled" a delay of its own.
	ByOutcome map[string]Delay
	Budget    *Budget
}

// Backoff grows the delay. Kind is "exponential" (the default), "linear", "fixed", "list" or "uniform".
type Backoff struct {
	Kind     string
	Base     time.Duration
	Factor   float64
	Cap      time.Duration
	Delays   []time.Duration
	Min, Max time.Duration
}

// Delay is a backoff with its jitter.
type Delay struct {
	Backoff Backoff
	Jitter  Jitter
}

// Jitter spreads the delays. Factor and Span belong to the kinds that need them.
type Jitter struct {
	Kind   string
	Factor float64
	Span   time.Duration
}

// The kinds of jitter without a number; r is uniform in [0, 1), e the delay without jitter.
var (
	NoJitter             = Jitter{Kind: "none"}
	FullJitter           = Jitter{Kind: "full"}  // r·e
	EqualJitter          = Jitter{Kind: "equal"} // e/2 + r·e/2
	DecorrelatedJitter   = Jitter{Kind: "decorrelated"}
	DecorrelatedJitterV2 = Jitter{Kind: "decorrelated_v2"}
)

// ProportionalJitter spreads by ± the share f of the delay.
func ProportionalJitter(f float64) Jitter { return Jitter{Kind: "proportional", Factor: f} }

// AdditiveJitter adds up to the share f of the delay.
func AdditiveJitter(f float64) Jitter { return Jitter{Kind: "additive", Factor: f} }

// AbsoluteJitter spreads by ± d.
func AbsoluteJitter(d time.Duration) Jitter { return Jitter{Kind: "absolute", Span: d} }

// Budget bounds retries. Kind is "tokens", "ratio", "concurrent" or "cap"; with Name alone it is one
// that the configuration file declares.
type Budget struct {
	Name           string
	Kind           string
	Capacity       int
	Refund         *int
	Costs          map[string]int
	Share          float64
	FloorPerSecond *float64
	Span           time.Duration
	Floor          *int
	Retries        int
}

// Bulkhead bounds the calls in flight (25). Resource takes the limit from a table instead.
type Bulkhead struct {
	Name     string
	Limit    int
	Queue    *int
	MaxWait  time.Duration
	Resource string
}

// Timeout bounds time: Attempt each attempt, Deadline the whole call.
type Timeout struct {
	Name     string
	Attempt  time.Duration
	Deadline time.Duration
	// Mode is "cooperative" (cancel the context and wait for the function) or "abandon".
	Mode string
	// SlowAfter raises a slow event without cancelling.
	SlowAfter time.Duration
	Idle      time.Duration
	// Operation takes the limit from a table: "llm", "auth", "db", "http", else 30 s.
	Operation           string
	Adaptive            *Adaptive
	CallerDeadlineAfter *time.Duration
}

// Adaptive takes the limit from past attempts: Quantile × Factor, between Min and the fixed limit.
type Adaptive struct {
	Quantile     float64
	Factor       float64
	Min          time.Duration
	Span         time.Duration
	MinimumCalls int
}

// Fallback says what to answer instead. Without a Chain it is built from what is given: Func, then
// Value.
type Fallback struct {
	// Chain is made of "cached", "stale", "value", "function", "empty", "fail_open", "fail_closed".
	Chain []string
	// Value must have the type that the call returns.
	Value any
	// Func must return a value of the type that the call returns.
	Func func(ctx context.Context, err error) (any, error)
	// On is made of "refused", "timeout", "failure", "throttled" (together the default), or "any".
	On      []string
	Timeout time.Duration
}

// Cache keeps the last good result of each key given with CacheKey.
type Cache struct {
	TTL      time.Duration
	StaleFor time.Duration
	Size     int
	// First looks in the cache before calling, not only when the call fails.
	First bool
}

// Cost is a budget of named amounts.
type Cost struct {
	Name   string
	Limits map[string]uint64
	Per    time.Duration
}

// Ptr is for fields where zero is legal and not the default.
func Ptr[T any](value T) *T { return &value }
