package abi

/*
#include "cross.h"
#cgo noescape seawall_policy_fail
#cgo nocallback seawall_policy_fail
#cgo noescape seawall_call_after_admission
#cgo nocallback seawall_call_after_admission
#cgo noescape seawall_bulkhead_take_wakes
#cgo nocallback seawall_bulkhead_take_wakes
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Admission is what a call holds that runs without being stepped: it was let in, or has passed under
// the gate. It is given back once.
type Admission struct{ c C.seawall_admission }

// PassOf is what a call holds that began under the gate.
func PassOf(gate uint32) Admission {
	return Admission{C.seawall_admission{size: C.sizeof_seawall_admission, pass: C.SEAWALL_PASSED | C.uint64_t(gate)}}
}

// set takes over what another says, field by field: the whole, which would be read in larger pieces than it was
// just written in, would have to wait for the writing.
func (a *Admission) set(from *C.seawall_admission) {
	a.c.size = C.sizeof_seawall_admission
	a.c.placed = from.placed
	a.c.pass = from.pass
	a.c.started = from.started
	a.c.epoch = from.epoch
}

// In is false where a call has to be made; nothing is held then.
func (a *Admission) In() bool { return a.c.pass != 0 }

// Since says when the call began, where nobody else needed to know.
func (a *Admission) Since(instant uint64) {
	if a.c.started == 0 {
		a.c.started = C.uint64_t(instant) + 1 // zero is left for those who do not say
	}
}

// Admit asks to be let in at once. What refuses is read only if the status says so. looks is true of one
// question in 256, by chance: who may be moved by other processes looks then where calls pass.
func (p *Policy) Admit(a *Admission, refusal *Refusal) (status Status, looks bool) {
	var q C.cross_admit
	q.policy, q.admission.size, q.refusal.size, q.refusal.state = p.ptr, C.sizeof_seawall_admission, C.sizeof_seawall_refusal, noState
	cross(C.seawall_go_admit, unsafe.Pointer(&q))
	runtime.KeepAlive(p)
	a.set(&q.admission)
	if q.status != 0 {
		refusal.read(q.status, &q.refusal)
	}
	return Status(q.status), q.looks != 0
}

// Dismiss reports a success; wake gets the tickets of those who come next.
func (p *Policy) Dismiss(a *Admission, wake func(uint64)) {
	var q C.cross_dismiss
	q.policy = p.ptr
	(*Admission)(unsafe.Pointer(&q.admission)).set(&a.c)
	cross(C.seawall_go_dismiss, unsafe.Pointer(&q))
	a.c.pass = q.admission.pass // taken: a second time is one too many
	for q.count > 0 {
		for _, ticket := range q.tickets[:q.count] {
			wake(uint64(ticket))
		}
		if int(q.count) < len(q.tickets) {
			break
		}
		C.seawall_bulkhead_take_wakes(p.ptr, &q.tickets[0], C.size_t(len(q.tickets)), &q.count)
	}
	runtime.KeepAlive(p)
}

// Fail reports anything else. Done: that was the end of the call, whose result stands. Else it goes on
// at the step, with a call where there is more to do.
func (p *Policy) Fail(a *Admission, outcome uint8, hint int64, errorType string, deadline uint64, step *Step) (call Call, done bool, status Status) {
	var ptr *C.seawall_call
	s := C.seawall_step{size: C.sizeof_seawall_step}
	var c C.seawall_status
	if deadline == None {
		c = C.seawall_policy_fail(p.ptr, &a.c, C.uint8_t(outcome), C.int64_t(hint), str(errorType), nil, &s, &ptr)
	} else {
		o := C.seawall_call_options{size: C.sizeof_seawall_call_options, deadline: C.uint64_t(deadline)}
		c = C.seawall_policy_fail(p.ptr, &a.c, C.uint8_t(outcome), C.int64_t(hint), str(errorType), &o, &s, &ptr)
	}
	runtime.KeepAlive(p)
	if c == 0 && ptr == nil && s.verdict == C.SEAWALL_VERDICT_SETTLE {
		return Call{}, true, 0
	}
	step.read(&s)
	return Call{ptr}, false, Status(c)
}

// Ending is how calls end whose errors are of one kind.
type Ending struct {
	ptr     *C.seawall_ending
	counted counted
}

// Ending makes one of an outcome and the name of a type; nil if the core has none.
func (p *Policy) Ending(outcome uint8, errorType string) *Ending {
	var ptr *C.seawall_ending
	C.seawall_ending_new(p.ptr, C.uint8_t(outcome), str(errorType), &ptr)
	runtime.KeepAlive(p)
	if ptr == nil {
		return nil
	}
	e := &Ending{ptr: ptr}
	if outcome == C.SEAWALL_OUTCOME_FAILURE || outcome == C.SEAWALL_OUTCOME_TIMEOUT {
		e.findCounted(p) // the failures that a log takes
	}
	runtime.AddCleanup(e, func(ptr *C.seawall_ending) { C.seawall_ending_free(ptr) }, ptr)
	return e
}

// End is Fail for a call under the gate with an error of a known kind. True: that was the end of the call,
// whose result stands. False: nothing has been taken.
func (p *Policy) End(gate uint32, e *Ending) bool {
	q := C.cross_end{policy: p.ptr, ending: e.ptr, pass: C.SEAWALL_PASSED | C.uint64_t(gate)}
	cross(C.seawall_go_end, unsafe.Pointer(&q))
	runtime.KeepAlive(e)
	runtime.KeepAlive(p)
	return q.ended != 0
}

// CallAfter is the call of an admission whose attempt is still to be reported.
func (p *Policy) CallAfter(a *Admission, options CallOptions) (Call, Status) {
	var ptr *C.seawall_call
	var pins runtime.Pinner
	o := options.lend(&pins)
	status := C.seawall_call_after_admission(p.ptr, &a.c, &o, &ptr)
	pins.Unpin()
	runtime.KeepAlive(p)
	return Call{ptr}, Status(status)
}
