package seawall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"seawall.dev/seawall/internal/abi"
)

// Sentinels for errors.Is. ErrRejected stands for every refusal, ErrTimedOut for every time limit of
// a policy; a time limit is a context.DeadlineExceeded too.
var (
	ErrRejected        = errors.New("seawall: rejected")
	ErrCircuitOpen     = errors.New("seawall: circuit is open")
	ErrBulkheadFull    = errors.New("seawall: bulkhead is full")
	ErrBulkheadTimeout = errors.New("seawall: no bulkhead permit in time")
	ErrCostExceeded    = errors.New("seawall: cost budget is spent")
	ErrHostUnavailable = errors.New("seawall: what the processes of this host share cannot be had")

	ErrTimedOut         = errors.New("seawall: timed out")
	ErrAttemptTimeout   = errors.New("seawall: attempt timed out")
	ErrDeadlineExceeded = errors.New("seawall: deadline exceeded")

	ErrConfig        = errors.New("seawall: invalid configuration")
	ErrUnknownPolicy = errors.New("seawall: unknown policy")
	ErrNoSuchPart    = errors.New("seawall: the policy has no such part")
	ErrUnknownValue  = errors.New("seawall: unknown value")
	ErrNullArgument  = errors.New("seawall: missing argument")
	ErrInvalidText   = errors.New("seawall: text is not UTF-8")
	ErrStaleHandle   = errors.New("seawall: reported twice or too late")
	ErrInvalidSize   = errors.New("seawall: library and module are of different versions")
	ErrWrongOrder    = errors.New("seawall: reported out of order")
	ErrInternal      = errors.New("seawall: fault of Seawall itself")
)

// sentinels has a sentinel for each number of the shared list; a test walks the library's list.
var sentinels = map[abi.Status]error{
	circuitOpen: ErrCircuitOpen, 17: ErrBulkheadFull, 18: ErrBulkheadTimeout, 19: ErrAttemptTimeout,
	20: ErrDeadlineExceeded, 21: ErrCostExceeded, hostUnavailable: ErrHostUnavailable,
	96: ErrUnknownValue, 97: ErrNullArgument, 98: ErrConfig, 99: ErrInvalidText, noSuchPart: ErrNoSuchPart,
	101: ErrStaleHandle, 102: ErrInvalidSize, 103: ErrUnknownPolicy, 104: ErrWrongOrder,
	200: ErrInternal,
}

// RejectedError tells that a policy did not let the call through. Several calls may share one: it is
// to be read, not written to.
type RejectedError struct {
	// Kind is the sentinel: ErrCircuitOpen, ErrBulkheadFull, ErrBulkheadTimeout, ErrCostExceeded or
	// ErrHostUnavailable.
	Kind error
	// Policy is the name of the policy, empty if it has none.
	Policy string
	// State is the state of the circuit where a breaker refused.
	State State
	// RetryAfter is when it is worth trying again; zero where that is not known.
	RetryAfter time.Duration
	// Used and Limit are the numbers of the part: permits, or the amount of a cost budget.
	Used, Limit uint64
	// Problem says, of ErrHostUnavailable, what is wrong with the state that the processes of this
	// host share, where, and what to do about it.
	Problem string
}

func (e *RejectedError) Error() string {
	var what string
	switch e.Kind {
	case ErrCircuitOpen:
		what = "circuit is " + e.State.String()
	case ErrBulkheadFull:
		what = fmt.Sprintf("bulkhead is full (%d of %d permits in use)", e.Used, e.Limit)
	case ErrBulkheadTimeout:
		what = fmt.Sprintf("no bulkhead permit within %v", duration(e.Limit).Round(time.Millisecond))
	case ErrHostUnavailable:
		what = "not called: the state it shares with other processes cannot be had: " + e.Problem
	default:
		what = "cost budget is spent"
		if e.Used < e.Limit {
			what = "cost budget has too little left"
		}
		what += fmt.Sprintf(" (%d of %d used)", e.Used, e.Limit)
	}
	if e.RetryAfter > 0 {
		what += fmt.Sprintf("; retry in %v", e.RetryAfter.Round(time.Millisecond))
	}
	return prefix(e.Policy) + what
}

// Is makes the error its sentinel and ErrRejected.
func (e *RejectedError) Is(target error) bool { return target == ErrRejected || target == e.Kind }

// TimeoutError tells that a time limit of a policy passed.
type TimeoutError struct {
	// Kind is ErrAttemptTimeout or ErrDeadlineExceeded.
	Kind error
	// Policy is the name of the policy, empty if it has none.
	Policy string
	// Limit is the limit that passed.
	Limit time.Duration
	// Attempts is how many attempts were made.
	Attempts int
	// Last is the error of the last attempt, if there was one.
	Last error
}

func (e *TimeoutError) Error() string {
	if e.Kind == ErrDeadlineExceeded {
		more := "s"
		if e.Attempts == 1 {
			more = ""
		}
		return fmt.Sprintf("%sdeadline of %v exceeded after %d attempt%s", prefix(e.Policy), e.Limit, e.Attempts, more)
	}
	return fmt.Sprintf("%sattempt took longer than %v", prefix(e.Policy), e.Limit)
}

// Is makes the error its sentinel, ErrTimedOut and context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool {
	return target == ErrTimedOut || target == e.Kind || target == context.DeadlineExceeded
}

// Unwrap gives the error of the last attempt.
func (e *TimeoutError) Unwrap() error { return e.Last }

// Timeout marks the error for those who ask as they ask a net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// ConfigError tells what is wrong with a configuration, where, and what to write instead.
type ConfigError struct {
	// Code is the kind: "unknown_option", "out_of_range", "missing_unit", …
	Code string `json:"code"`
	// Path is a JSON pointer: /policy/identity/retry/backoff/cap.
	Path       string `json:"path"`
	Reason     string `json:"reason"`
	Suggestion string `json:"suggestion"`
	// Source is the layer that said it: a preset, a file, "code", an environment variable.
	Source  string `json:"source"`
	Message string `json:"message"`
}

func (e *ConfigError) Error() string {
	if e.Message != "" {
		return "seawall: " + e.Message
	}
	return "seawall: " + e.Path + ": " + e.Reason
}

// Is makes the error ErrConfig.
func (e *ConfigError) Is(target error) bool { return target == ErrConfig }

func prefix(policy string) string {
	if policy == "" {
		return "seawall: "
	}
	return "seawall: policy " + policy + ": "
}

// configError turns a status and the library's JSON into an error.
func configError(status abi.Status, why string) error {
	if status == 0 {
		return nil
	}
	if why != "" {
		problem := new(ConfigError)
		if json.Unmarshal([]byte(why), problem) == nil {
			return problem
		}
	}
	return statusError(status, "")
}

// statusError is the sentinel of a misuse, with the policy's name before it.
func statusError(status abi.Status, policy string) error {
	if status == 0 {
		return nil
	}
	kind, known := sentinels[status]
	if !known {
		kind = ErrInternal
	}
	if policy == "" {
		return kind
	}
	return fmt.Errorf("policy %s: %w", policy, kind)
}

// lacks is the error of who asks for a part that the policy does not have; part is where its settings
// would stand.
func (p *Policy) lacks(status abi.Status, part string) error {
	if status != noSuchPart {
		return statusError(status, p.name)
	}
	return &misuseError{ErrNoSuchPart, prefix(p.name) + "the policy has no `" + part + "`, which this call is about: add it to its settings"}
}

// misuseError is a sentinel that says what to do.
type misuseError struct {
	kind  error
	words string
}

func (e *misuseError) Error() string { return e.words }
func (e *misuseError) Unwrap() error { return e.kind }

// turnedAway is the error of a call that an open circuit refused at once. Refusals of one tick of the
// clock are alike and share it.
func (p *Policy) turnedAway(r *abi.Refusal) error {
	after, state := duration(r.RetryAfter), State(r.State)
	if last := p.turned.Load(); last != nil && last.RetryAfter == after && last.State == state {
		return last
	}
	e := p.rejected(r.Status, r.State, r.RetryAfter, r.Used, r.Limit)
	p.turned.Store(e)
	return e
}

// refusalError builds the error of a refusal by a part that was used by hand.
func (p *Policy) refusalError(r abi.Refusal, part string) error {
	if r.Status < 16 || r.Status >= 64 {
		return p.lacks(r.Status, part)
	}
	return p.rejected(r.Status, r.State, r.RetryAfter, r.Used, r.Limit)
}

func (p *Policy) rejected(status abi.Status, state uint8, retryAfter, used, limit uint64) *RejectedError {
	e := &RejectedError{Kind: ErrCircuitOpen, Policy: p.name, RetryAfter: duration(retryAfter), Used: used, Limit: limit}
	if status != circuitOpen { // the one that has to be quick
		e.Kind = sentinels[status]
	}
	if status == hostUnavailable {
		e.Problem = p.core.HostProblem()
	}
	if state != 255 {
		e.State = State(state)
	}
	return e
}

const circuitOpen, hostUnavailable, noSuchPart abi.Status = 16, 22, 100

// duration turns "none" into zero and keeps what does not fit at the greatest length.
func duration(nanos uint64) time.Duration {
	if nanos == abi.None {
		return 0
	}
	return time.Duration(min(nanos, 1<<63-1))
}
