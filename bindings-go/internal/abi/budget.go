package abi

/*
#include "seawall.h"
*/
import "C"

import "runtime"

// BudgetBegin to BudgetSuccess are the retry budget by hand.
func (p *Policy) BudgetBegin() Status {
	status := C.seawall_budget_begin(p.ptr)
	runtime.KeepAlive(p)
	return Status(status)
}

func (p *Policy) BudgetEnd() Status {
	status := C.seawall_budget_end(p.ptr)
	runtime.KeepAlive(p)
	return Status(status)
}

func (p *Policy) BudgetWithdraw(outcome uint8) (cost uint64, granted bool, status Status) {
	var yes C.uint8_t
	var out C.uint64_t
	s := C.seawall_budget_withdraw(p.ptr, C.uint8_t(outcome), &yes, &out)
	runtime.KeepAlive(p)
	return uint64(out), yes != 0, Status(s)
}

func (p *Policy) BudgetRetryEnd(cost uint64) Status {
	status := C.seawall_budget_retry_end(p.ptr, C.uint64_t(cost))
	runtime.KeepAlive(p)
	return Status(status)
}

func (p *Policy) BudgetSuccess(lastCost uint64) Status {
	status := C.seawall_budget_success(p.ptr, C.uint64_t(lastCost))
	runtime.KeepAlive(p)
	return Status(status)
}

func (p *Policy) BudgetBalance() float64 {
	var out C.double
	C.seawall_budget_balance(p.ptr, &out)
	runtime.KeepAlive(p)
	return float64(out)
}

func (p *Policy) BudgetLimit() float64 {
	var out C.uint64_t
	C.seawall_budget_limit(p.ptr, &out)
	runtime.KeepAlive(p)
	return float64(out)
}

func (p *Policy) BudgetActive() uint64 {
	var out C.uint64_t
	C.seawall_budget_active(p.ptr, &out)
	runtime.KeepAlive(p)
	return uint64(out)
}

// CostCheck asks whether the cost budgets have anything left.
func (p *Policy) CostCheck() Refusal {
	why := newRefusal()
	status := C.seawall_cost_check(p.ptr, &why)
	runtime.KeepAlive(p)
	var refusal Refusal
	refusal.read(status, &why)
	return refusal
}

// Reservation holds amounts of the cost budgets until they are settled.
type Reservation struct {
	ptr   *C.seawall_reservation
	owned runtime.Cleanup
}

// CostReserve takes an estimate, JSON with named amounts.
func (p *Policy) CostReserve(json string) (*Reservation, Refusal) {
	var ptr *C.seawall_reservation
	why := newRefusal()
	status := C.seawall_cost_reserve(p.ptr, str(json), &ptr, &why)
	runtime.KeepAlive(p)
	var refusal Refusal
	refusal.read(status, &why)
	if ptr == nil {
		return nil, refusal
	}
	r := &Reservation{ptr: ptr}
	r.owned = runtime.AddCleanup(r, func(ptr *C.seawall_reservation) { C.seawall_reservation_free(ptr) }, ptr)
	return r, refusal
}

// Release gives everything back that was not settled.
func (r *Reservation) Release() {
	if r.ptr != nil {
		r.owned.Stop()
		C.seawall_reservation_free(r.ptr)
		r.ptr = nil
	}
}

// Settle replaces the estimate by what was used, once.
func (r *Reservation) Settle(json string) Status {
	status := C.seawall_cost_settle(r.ptr, str(json))
	runtime.KeepAlive(r)
	return Status(status)
}
