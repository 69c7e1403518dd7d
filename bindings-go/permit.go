package seawall

import (
	"context"
	"sync/atomic"
	"time"

	"seawall.dev/seawall/internal/abi"
)

// Allow is the two-step form of a breaker: it asks for a permit, and done reports how it went. done
// may be deferred and called twice; only the first call counts.
func (p *Policy) Allow() (done func(err error), err error) {
	permit, err := p.Acquire()
	if err != nil {
		return nil, err
	}
	start := p.registry.now()
	return func(err error) {
		if !permit.done.CompareAndSwap(false, true) {
			return
		}
		outcome, hint := OutcomeSuccess, int64(abi.NoHint)
		if err != nil {
			outcome, hint = ClassifyError(err), hintOf(nil, err)
		}
		took := time.Duration(p.registry.now() - start)
		_ = permit.report(outcome, took, hint)
	}, nil
}

// Permit is a breaker's permission for one call. Release it in any case: without a report it gives
// the permit back and says nothing about the dependency. Report it once: a probe's second report is
// counted as stale, any other cannot be told from that of another call.
type Permit struct {
	policy *Policy
	id     uint64
	done   *atomic.Bool
}

// Acquire asks the breaker for a permit.
func (p *Policy) Acquire() (Permit, error) {
	p.registry.sync()
	id, refusal := p.core.Acquire()
	p.registry.pump()
	if refusal.Status != 0 {
		return Permit{}, p.refusalError(refusal, "breaker")
	}
	return Permit{p, id, new(atomic.Bool)}, nil
}

// Report tells the outcome and how long the call took.
func (m Permit) Report(outcome Outcome, took time.Duration) error {
	return m.report(outcome, took, abi.NoHint)
}

// ReportHint is Report with the dependency's wish when to be asked again, Never for not at all.
func (m Permit) ReportHint(outcome Outcome, took, after time.Duration) error {
	return m.report(outcome, took, int64(after))
}

// Release gives a permit back that was not reported.
func (m Permit) Release() {
	if m.done != nil && !m.done.Load() {
		_ = m.report(OutcomeCancelled, 0, abi.NoHint)
	}
}

func (m Permit) report(outcome Outcome, took time.Duration, hint int64) error {
	if m.done == nil {
		return ErrNullArgument
	}
	m.done.Store(true)
	m.policy.registry.sync()
	status := m.policy.core.Record(m.id, uint8(outcome), nanos(took), hint)
	m.policy.registry.pump()
	return m.policy.lacks(status, "breaker")
}

// Enter takes a bulkhead permit, waiting as configured; leave gives it back and may be called twice.
func (p *Policy) Enter(ctx context.Context) (leave func(), err error) {
	entry, err := p.TryEnter(nil)
	for err == nil && entry.Queued() {
		err = entry.Wait(ctx)
	}
	if err != nil {
		return nil, err
	}
	return entry.Leave, nil
}

// Entry is a place in a bulkhead: a permit, or a ticket in its queue.
type Entry struct {
	policy *Policy
	ticket uint64
	permit uint64
	span   uint64
	ready  chan struct{}
	state  atomic.Uint32 // one of entry*
}

const (
	entryQueued uint32 = iota + 1
	entryIn
	entryOut
)

// TryEnter asks for a permit and does not wait. maxWait overrides how long the ticket may queue: nil
// as configured, zero not at all, negative for ever.
func (p *Policy) TryEnter(maxWait *time.Duration) (*Entry, error) {
	limit := uint64(abi.AsConfigured)
	if maxWait != nil {
		limit = abi.None
		if *maxWait >= 0 {
			limit = uint64(*maxWait)
		}
	}
	p.registry.sync()
	answer, refusal := p.core.Enter(limit)
	p.registry.pump()
	if refusal.Status != 0 {
		return nil, p.refusalError(refusal, "bulkhead")
	}
	e := &Entry{policy: p}
	e.take(answer)
	if e.Queued() {
		e.ready = make(chan struct{}, 1)
		waiters.Store(e.ticket, e.ready)
		// A permit may have been handed over before the entry stood in the table.
		if err := e.Poll(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *Entry) take(answer abi.Entry) {
	if answer.Kind == abi.EntryAdmitted {
		waiters.Delete(e.ticket)
		e.permit = answer.Permit
		e.state.Store(entryIn)
		return
	}
	e.ticket, e.span = answer.Ticket, answer.Span
	e.state.Store(entryQueued)
}

// Queued tells whether the entry still waits for its permit.
func (e *Entry) Queued() bool { return e.state.Load() == entryQueued }

// Ready receives when it is worth a Poll.
func (e *Entry) Ready() <-chan struct{} { return e.ready }

// Poll looks whether the permit has come; the error tells that the wait is over without one.
func (e *Entry) Poll() error {
	if !e.Queued() {
		return nil
	}
	e.policy.registry.sync()
	answer, refusal := e.policy.core.Poll(e.ticket)
	e.policy.registry.pump()
	if refusal.Status != 0 {
		waiters.Delete(e.ticket)
		e.state.Store(entryOut)
		return e.policy.refusalError(refusal, "bulkhead")
	}
	if answer.Ticket == 0 {
		answer.Ticket = e.ticket
	}
	e.take(answer)
	return nil
}

// Wait waits for the permit, its time, or the end of ctx.
func (e *Entry) Wait(ctx context.Context) error {
	r := e.policy.registry
	for e.Queued() {
		if err := e.Poll(); err != nil || !e.Queued() {
			return err
		}
		due := make(chan struct{})
		stop := func() bool { return true }
		if e.span != abi.None {
			stop = r.clock.after(r, duration(e.span), func() { close(due) })
		}
		select {
		case <-e.ready:
		case <-due:
		case <-ctx.Done():
			stop()
			e.Leave()
			return ctx.Err()
		}
		stop()
	}
	return nil
}

// Leave gives the permit back, or leaves the queue.
func (e *Entry) Leave() {
	e.policy.registry.sync()
	switch e.state.Swap(entryOut) {
	case entryIn:
		e.policy.core.Leave(e.permit, wake)
	case entryQueued:
		waiters.Delete(e.ticket)
		e.policy.core.Abandon(e.ticket, wake)
	}
	e.policy.registry.pump()
}

// Resize changes the limit of the bulkhead while it is in use.
func (p *Policy) Resize(limit int) error {
	p.registry.sync()
	status := p.core.Resize(uint32(max(limit, 0)), wake)
	p.registry.pump()
	return p.lacks(status, "bulkhead")
}
