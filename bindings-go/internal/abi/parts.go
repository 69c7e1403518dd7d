package abi

/*
#include "seawall.h"
#cgo noescape seawall_breaker_acquire
#cgo nocallback seawall_breaker_acquire
#cgo noescape seawall_breaker_record
#cgo nocallback seawall_breaker_record
#cgo noescape seawall_breaker_state
#cgo nocallback seawall_breaker_state
*/
import "C"

import "runtime"

// Ways to move a breaker by hand.
const (
	ControlOpen        = 1
	ControlOpenFor     = 2
	ControlOpenUntil   = 3
	ControlHalfOpen    = 4
	ControlClose       = 5
	ControlForceOpen   = 6
	ControlDisable     = 7
	ControlMetricsOnly = 8
	ControlReset       = 9
)

// AsConfigured lets the bulkhead wait as long as its configuration says.
const AsConfigured = None - 1

// Refusal is why a part said no.
type Refusal struct {
	Status                  Status
	State                   uint8
	RetryAfter, Used, Limit uint64
}

// noState is what stands in a refusal for the state of a circuit that has not refused.
const noState = 255

func newRefusal() C.seawall_refusal {
	return C.seawall_refusal{size: C.sizeof_seawall_refusal, state: noState}
}

func (r *Refusal) read(status C.seawall_status, c *C.seawall_refusal) {
	// Field by field: see Admission.set.
	r.Status, r.State = Status(status), uint8(c.state)
	r.RetryAfter, r.Used, r.Limit = uint64(c.retry_after), uint64(c.used), uint64(c.limit)
}

// Acquire asks the breaker for a permit.
func (p *Policy) Acquire() (permit uint64, refusal Refusal) {
	var out C.uint64_t
	why := newRefusal()
	status := C.seawall_breaker_acquire(p.ptr, &out, &why)
	runtime.KeepAlive(p)
	refusal.read(status, &why)
	return uint64(out), refusal
}

// Record reports the outcome under a permit.
func (p *Policy) Record(permit uint64, outcome uint8, took uint64, hint int64) Status {
	status := C.seawall_breaker_record(p.ptr, C.uint64_t(permit), C.uint8_t(outcome), C.uint64_t(took), C.int64_t(hint))
	runtime.KeepAlive(p)
	return Status(status)
}

// Control moves the breaker by hand.
func (p *Policy) Control(control uint8, span uint64) Status {
	status := C.seawall_breaker_control(p.ptr, C.uint8_t(control), C.uint64_t(span))
	runtime.KeepAlive(p)
	return Status(status)
}

// State is the state of the breaker; a due transition is applied first.
func (p *Policy) State() (uint8, Status) {
	var state C.uint8_t
	status := C.seawall_breaker_state(p.ptr, &state)
	runtime.KeepAlive(p)
	return uint8(state), Status(status)
}

// Kinds of bulkhead entries.
const (
	EntryAdmitted = 1
	EntryQueued   = 2
	EntryRefused  = 3
)

// Entry is a bulkhead's answer.
type Entry struct {
	Kind                 uint8
	Permit, Ticket, Span uint64
}

// Enter asks the bulkhead for a permit.
func (p *Policy) Enter(maxWait uint64) (entry Entry, refusal Refusal) {
	c := C.seawall_entry{size: C.sizeof_seawall_entry}
	why := newRefusal()
	status := C.seawall_bulkhead_enter(p.ptr, C.uint64_t(maxWait), &c, &why)
	runtime.KeepAlive(p)
	refusal.read(status, &why)
	return Entry{uint8(c.kind), uint64(c.permit), uint64(c.ticket), uint64(c.span)}, refusal
}

// Poll asks again with a ticket.
func (p *Policy) Poll(ticket uint64) (entry Entry, refusal Refusal) {
	c := C.seawall_entry{size: C.sizeof_seawall_entry}
	why := newRefusal()
	status := C.seawall_bulkhead_poll(p.ptr, C.uint64_t(ticket), &c, &why)
	runtime.KeepAlive(p)
	refusal.read(status, &why)
	return Entry{uint8(c.kind), uint64(c.permit), uint64(c.ticket), uint64(c.span)}, refusal
}

// Abandon leaves the queue, Leave gives a permit back, Resize changes the limit; wake gets the
// tickets of those who must look again.
func (p *Policy) Abandon(ticket uint64, wake func(uint64)) Status {
	var tickets [16]C.uint64_t
	var count C.size_t
	status := C.seawall_bulkhead_cancel(p.ptr, C.uint64_t(ticket), &tickets[0], C.size_t(len(tickets)), &count)
	p.wakeAll(tickets[:], count, wake)
	return Status(status)
}

func (p *Policy) Leave(permit uint64, wake func(uint64)) Status {
	var tickets [16]C.uint64_t
	var count C.size_t
	status := C.seawall_bulkhead_leave(p.ptr, C.uint64_t(permit), &tickets[0], C.size_t(len(tickets)), &count)
	p.wakeAll(tickets[:], count, wake)
	return Status(status)
}

func (p *Policy) Resize(limit uint32, wake func(uint64)) Status {
	var tickets [16]C.uint64_t
	var count C.size_t
	status := C.seawall_bulkhead_resize(p.ptr, C.uint32_t(limit), &tickets[0], C.size_t(len(tickets)), &count)
	p.wakeAll(tickets[:], count, wake)
	return Status(status)
}

func (p *Policy) wakeAll(tickets []C.uint64_t, count C.size_t, wake func(uint64)) {
	for {
		for _, ticket := range tickets[:min(int(count), len(tickets))] {
			wake(uint64(ticket))
		}
		if int(count) < len(tickets) {
			runtime.KeepAlive(p)
			return
		}
		C.seawall_bulkhead_take_wakes(p.ptr, &tickets[0], C.size_t(len(tickets)), &count)
	}
}

// Schedule is a retry schedule by hand. One goroutine at a time.
type Schedule struct{ ptr *C.seawall_schedule }

// Schedule starts a retry schedule.
func (p *Policy) Schedule() (*Schedule, Status) {
	var ptr *C.seawall_schedule
	status := C.seawall_schedule_new(p.ptr, &ptr)
	runtime.KeepAlive(p)
	if ptr == nil {
		return nil, Status(status)
	}
	s := &Schedule{ptr}
	runtime.AddCleanup(s, func(ptr *C.seawall_schedule) { C.seawall_schedule_free(ptr) }, ptr)
	return s, Status(status)
}

// Next is the delay before the next attempt, or why there is none.
func (s *Schedule) Next(outcome uint8, hint int64, elapsed uint64) (delay uint64, stop uint8) {
	var wait C.uint64_t
	var why C.uint8_t
	C.seawall_schedule_next(s.ptr, C.uint8_t(outcome), C.int64_t(hint), C.uint64_t(elapsed), &why, &wait)
	runtime.KeepAlive(s)
	return uint64(wait), uint8(why)
}

// Attempts is how many attempts the schedule has seen.
func (s *Schedule) Attempts() uint32 {
	var attempts C.uint32_t
	C.seawall_schedule_attempts(s.ptr, &attempts)
	runtime.KeepAlive(s)
	return uint32(attempts)
}
