package abi

/*
#include "seawall.h"
#cgo noescape seawall_policy_admit
#cgo nocallback seawall_policy_admit
#cgo noescape seawall_policy_dismiss
#cgo nocallback seawall_policy_dismiss
#cgo noescape seawall_call_after_admission
#cgo nocallback seawall_call_after_admission
#cgo noescape seawall_bulkhead_take_wakes
#cgo nocallback seawall_bulkhead_take_wakes
*/
import "C"

import "runtime"

// Admission is what a call holds that was let in without being stepped. It is given back once.
type Admission struct{ pass, started, slot, epoch uint64 }

// In is false where a call has to be made; nothing is held then.
func (a *Admission) In() bool { return a.pass != 0 }

// Since says when the call began, where nobody else needed to know.
func (a *Admission) Since(instant uint64) {
	if a.started == 0 {
		a.started = instant
	}
}

func (a *Admission) lend() C.seawall_admission {
	return C.seawall_admission{size: C.sizeof_seawall_admission, pass: C.uint64_t(a.pass),
		started: C.uint64_t(a.started), slot: C.uint64_t(a.slot), epoch: C.uint64_t(a.epoch)}
}

// Admit asks to be let in at once. A refusal whose status is not zero is final.
func (p *Policy) Admit() (a Admission, refusal Refusal) {
	c := C.seawall_admission{size: C.sizeof_seawall_admission}
	why := newRefusal()
	status := C.seawall_policy_admit(p.ptr, &c, &why)
	runtime.KeepAlive(p)
	refusal.read(status, &why)
	return Admission{uint64(c.pass), uint64(c.started), uint64(c.slot), uint64(c.epoch)}, refusal
}

// Dismiss reports that an admitted call has succeeded; wake gets the tickets of those who come next.
func (p *Policy) Dismiss(a *Admission, wake func(uint64)) {
	c := a.lend()
	var tickets [4]C.uint64_t
	var count C.size_t
	C.seawall_policy_dismiss(p.ptr, &c, &tickets[0], C.size_t(len(tickets)), &count)
	for count > 0 {
		for _, ticket := range tickets[:count] {
			wake(uint64(ticket))
		}
		if int(count) < len(tickets) {
			break
		}
		C.seawall_bulkhead_take_wakes(p.ptr, &tickets[0], C.size_t(len(tickets)), &count)
	}
	runtime.KeepAlive(p)
}

// CallAfterAdmission goes on with an admitted call that did not simply succeed.
func (p *Policy) CallAfterAdmission(a *Admission, options CallOptions) (Call, Status) {
	var ptr *C.seawall_call
	var pins runtime.Pinner
	o, c := options.lend(&pins), a.lend()
	status := C.seawall_call_after_admission(p.ptr, &c, &o, &ptr)
	pins.Unpin()
	runtime.KeepAlive(p)
	return Call{ptr}, Status(status)
}
