package abi

/*
#include "seawall.h"
#cgo noescape seawall_call_new
#cgo nocallback seawall_call_new
#cgo noescape seawall_call_start
#cgo nocallback seawall_call_start
#cgo noescape seawall_call_done
#cgo nocallback seawall_call_done
#cgo noescape seawall_call_expire
#cgo nocallback seawall_call_expire
#cgo noescape seawall_call_woke
#cgo nocallback seawall_call_woke
#cgo noescape seawall_call_cancelled
#cgo nocallback seawall_call_cancelled
#cgo noescape seawall_call_looked_up
#cgo nocallback seawall_call_looked_up
#cgo noescape seawall_call_fell_back
#cgo nocallback seawall_call_fell_back
#cgo noescape seawall_call_take_wakes
#cgo nocallback seawall_call_take_wakes
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Kinds of steps.
const (
	StepRun      = 1
	StepWait     = 2
	StepQueue    = 3
	StepLookUp   = 4
	StepFallBack = 5
	StepFinish   = 6
)

// Verdicts of StepFinish.
const (
	VerdictSettle           = 1
	VerdictCached           = 2
	VerdictFellBack         = 3
	VerdictRefused          = 4
	VerdictTimedOut         = 5
	VerdictDeadlineExceeded = 6
	VerdictCancelled        = 7
)

// Links of a fallback chain.
const (
	FallbackValue      = 0
	FallbackFunction   = 1
	FallbackCached     = 2
	FallbackStale      = 3
	FallbackEmpty      = 4
	FallbackFailOpen   = 5
	FallbackFailClosed = 6
)

// Step is what to do next in a call.
type Step struct {
	Kind, Verdict, Fallback, Mode, Stop, State, Outcome  uint8
	Stale, Store, Forget                                 bool
	Attempt, Index, Wakes                                uint32
	Refusal                                              Status
	Span, Ticket, Elapsed, RetryAfter, Used, Limit, Slow uint64
}

func (s *Step) read(c *C.seawall_step) {
	*s = Step{
		Kind: uint8(c.kind), Verdict: uint8(c.verdict), Fallback: uint8(c.fallback), Mode: uint8(c.mode),
		Stop: uint8(c.stop), State: uint8(c.state), Outcome: uint8(c.outcome),
		Stale: c.stale != 0, Store: c.cache&1 != 0, Forget: c.cache&2 != 0,
		Attempt: uint32(c.attempt), Index: uint32(c.index), Wakes: uint32(c.wakes), Refusal: Status(c.refusal),
		Span: uint64(c.span), Ticket: uint64(c.ticket), Elapsed: uint64(c.elapsed),
		RetryAfter: uint64(c.retry_after), Used: uint64(c.used), Limit: uint64(c.limit), Slow: uint64(c.slow),
	}
}

// Call is one call through a policy. One goroutine at a time; Free ends it.
type Call struct{ ptr *C.seawall_call }

// CallOptions are what the caller brings along.
type CallOptions struct {
	// Cached: there is a cache and a key to look under.
	Cached bool
	// Deadline is what is left of the caller's own, or None.
	Deadline uint64
	// Estimate is JSON with the amounts a cost budget reserves.
	Estimate string
	// Line is the overlay's line that the call is counted on, plus one; 0: the thread's own.
	Line uint8
}

// lend gives the options to C for one call; the pins hold their text until it is over.
func (o CallOptions) lend(pins *runtime.Pinner) C.seawall_call_options {
	c := C.seawall_call_options{size: C.sizeof_seawall_call_options, cached: flag(o.Cached), line: C.uint8_t(o.Line), deadline: C.uint64_t(o.Deadline)}
	if o.Estimate != "" {
		pins.Pin(unsafe.StringData(o.Estimate))
		c.estimate = str(o.Estimate)
	}
	return c
}

// Call starts a call.
func (p *Policy) Call(options CallOptions) (Call, Status) {
	var ptr *C.seawall_call
	var pins runtime.Pinner
	o := options.lend(&pins)
	status := C.seawall_call_new(p.ptr, &o, &ptr)
	pins.Unpin()
	runtime.KeepAlive(p)
	return Call{ptr}, Status(status)
}

// Valid is false when the call could not be made; the user's function then runs without protection.
func (c Call) Valid() bool { return c.ptr != nil }

func (c Call) Start(step *Step) {
	var s C.seawall_step
	s.size = C.sizeof_seawall_step
	C.seawall_call_start(c.ptr, &s)
	step.read(&s)
}

// Done reports how an attempt ended.
func (c Call) Done(attempt uint32, outcome uint8, hint int64, step *Step) {
	var s C.seawall_step
	s.size = C.sizeof_seawall_step
	C.seawall_call_done(c.ptr, C.uint32_t(attempt), C.uint8_t(outcome), C.int64_t(hint), &s)
	step.read(&s)
}

// Expire reports that the limit of an attempt passed and its work was cancelled.
func (c Call) Expire(attempt uint32, step *Step) {
	var s C.seawall_step
	s.size = C.sizeof_seawall_step
	C.seawall_call_expire(c.ptr, C.uint32_t(attempt), &s)
	step.read(&s)
}

// Woke reports the end of a wait, or that a ticket was called.
func (c Call) Woke(step *Step) {
	var s C.seawall_step
	s.size = C.sizeof_seawall_step
	C.seawall_call_woke(c.ptr, &s)
	step.read(&s)
}

// Cancelled reports that the caller gave up, or that the caller's own deadline passed.
func (c Call) Cancelled(byDeadline bool, step *Step) {
	var s C.seawall_step
	s.size = C.sizeof_seawall_step
	C.seawall_call_cancelled(c.ptr, flag(byDeadline), &s)
	step.read(&s)
}

// LookedUp reports what the cache had.
func (c Call) LookedUp(hit bool, step *Step) {
	var s C.seawall_step
	s.size = C.sizeof_seawall_step
	C.seawall_call_looked_up(c.ptr, flag(hit), &s)
	step.read(&s)
}

// FellBack reports whether a link of the chain gave a value.
func (c Call) FellBack(ok bool, step *Step) {
	var s C.seawall_step
	s.size = C.sizeof_seawall_step
	C.seawall_call_fell_back(c.ptr, flag(ok), &s)
	step.read(&s)
}

// TakeWakes calls wake with the tickets of other callers.
func (c Call) TakeWakes(wake func(ticket uint64)) {
	var tickets [16]C.uint64_t
	for {
		var count C.size_t
		C.seawall_call_take_wakes(c.ptr, &tickets[0], C.size_t(len(tickets)), &count)
		for _, ticket := range tickets[:min(int(count), len(tickets))] {
			wake(uint64(ticket))
		}
		if int(count) < len(tickets) {
			return
		}
	}
}

// Commit tells that the answer has begun to come: what follows ends the call without another attempt
// and without the attempt's limit.
func (c Call) Commit() { C.seawall_call_commit(c.ptr) }

// ErrorType names the class of the error that the next Done reports, for metrics.
func (c Call) ErrorType(name string) { C.seawall_call_error_type(c.ptr, str(name)) }

// Remaining is what is left of the attempt's limit or the deadline, or None.
func (c Call) Remaining() uint64 {
	var nanos C.uint64_t
	C.seawall_call_remaining(c.ptr, &nanos)
	return uint64(nanos)
}

// SettleCost tells the cost budgets what was really used.
func (c Call) SettleCost(json string) Status {
	return Status(C.seawall_call_settle_cost(c.ptr, str(json)))
}

// Refusal is the refusal as JSON, with its words.
func (c Call) Refusal() string {
	var text C.seawall_text
	C.seawall_call_refusal(c.ptr, &text)
	return taken(&text)
}

// Free ends the call; an unfinished one gives its permits back.
func (c Call) Free() { C.seawall_call_free(c.ptr) }
