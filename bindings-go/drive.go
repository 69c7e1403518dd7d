package seawall

import (
	"context"
	"log/slog"
	"time"

	"seawall.dev/seawall/internal/abi"
)

// drive carries out the steps of one call: it runs, waits, looks up and wakes, and decides nothing.
type drive struct {
	ctx     context.Context
	policy  *Policy
	view    *view
	work    work
	options callOptions
	call    abi.Call
	step    abi.Step
	err     error // of the last attempt
	waiting bool  // the caller gave up between attempts, or before the first
	ended   bool  // the last step came of the end of an attempt
	link    int
	held    bool // a streamed body goes on where the function ended
	queued  uint64
	woken   chan struct{}
	flight  func()
}

func newDrive(ctx context.Context, p *Policy, w work, options []Option) *drive {
	d := &drive{ctx: ctx, policy: p, view: p.look(), work: w, link: -1}
	for _, option := range options {
		option(&d.options)
	}
	return d
}

func (d *drive) begin() {
	p := d.policy
	p.registry.sync()
	var status abi.Status
	d.call, status = p.core.Call(d.brought())
	if !d.call.Valid() {
		d.unprotected(status)
		return
	}
	d.call.Start(&d.step)
}

// brought is what the caller brings along.
func (d *drive) brought() abi.CallOptions {
	o := d.policy.brings(d.ctx)
	o.Cached, o.Estimate = d.options.cached && d.view.cache != nil, amounts(d.options.estimate)
	return o
}

// brings is what a caller without options brings along: what is left of a deadline of his own.
func (p *Policy) brings(ctx context.Context) abi.CallOptions {
	o := abi.CallOptions{Deadline: abi.None}
	if deadline, has := ctx.Deadline(); has {
		if left := p.registry.clock.left(p.registry, deadline); left != 1<<63-1 {
			o.Deadline = nanos(left)
		}
	}
	return o
}

// unprotected is the way out when Seawall itself is broken: the user's call runs.
func (d *drive) unprotected(status abi.Status) {
	slog.Error("seawall: the call runs without protection", "policy", d.policy.name, "status", status.String())
	d.step = abi.Step{Kind: abi.StepRun, Span: abi.None}
}

func (d *drive) loop() error {
	for {
		if hook := d.policy.host.onSlow; hook != nil && d.ended {
			if took := d.step.Slow; took != abi.None && took != 0 {
				d.guard("OnSlowOperation", func() { hook(duration(took)) })
			}
		}
		d.ended = false
		if d.step.Wakes > 0 {
			d.call.TakeWakes(wake)
		}
		if d.options.single && d.over() {
			return d.err
		}
		switch d.step.Kind {
		case abi.StepRun:
			if !d.call.Valid() {
				return d.work.attempt(d.ctx)
			}
			d.run()
			if d.held {
				return nil
			}
		case abi.StepWait:
			d.wait()
		case abi.StepQueue:
			d.queue()
		case abi.StepLookUp:
			d.lookUp()
		case abi.StepFallBack:
			d.fallBack()
		default:
			return d.finish()
		}
	}
}

// over tells that a call of a single attempt has had it.
func (d *drive) over() bool {
	return d.err != nil && (d.step.Kind == abi.StepWait || d.step.Kind == abi.StepFallBack)
}

func (d *drive) run() {
	attempt, span := d.step.Attempt, d.step.Span
	ctx := d.ctx
	var limit *limitContext
	if span != abi.None {
		limit = newLimit(ctx, d.policy.registry, duration(span))
		ctx = limit
	}
	if d.options.streaming {
		ctx = context.WithValue(ctx, callKey{}, d)
	}
	returned := false
	defer func() {
		if limit != nil {
			limit.end()
		}
		if !returned {
			cause := recover()
			outcome := OutcomeCancelled // runtime.Goexit
			if cause != nil {
				outcome = OutcomeFailure
			}
			d.done(attempt, outcome, abi.NoHint)
			if cause != nil {
				panic(cause)
			}
		}
	}()
	var err error
	left := false
	if limit != nil && d.abandons() {
		err, left = d.work.apart(ctx)
	} else {
		err = d.work.attempt(ctx)
	}
	returned = true
	if left {
		err = nil // not the user's error: the function has not answered
	}
	d.err = err
	if limit != nil && limit.passed.Load() && (err != nil || left) {
		d.sync()
		d.call.Expire(attempt, &d.step)
		d.ended = true
		d.timedOut(span)
		return
	}
	if left {
		d.err = d.ctx.Err()
		d.cancelled()
		return
	}
	d.settle(attempt, err, limit)
}

func (d *drive) abandons() bool { return d.step.Mode == abi.ModeAbandon }

func (d *drive) sync() { d.policy.registry.sync() }

// settle reports an attempt whose function returned.
func (d *drive) settle(attempt uint32, err error, limit *limitContext) {
	d.err = err
	if err != nil && d.ctx.Err() != nil {
		d.cancelled()
		return
	}
	outcome, hint := d.classify(err)
	if d.options.actual != nil {
		if used := d.options.actual(d.work.result(), err); used != nil {
			d.call.SettleCost(amounts(used))
		}
	}
	if outcome == OutcomeSuccess && d.hold(attempt, limit) {
		return
	}
	if err != nil {
		d.call.ErrorType(typeName(err))
	}
	d.done(attempt, outcome, hint)
	if d.step.Kind != abi.StepRun && d.step.Refusal == 19 && limit != nil {
		d.timedOut(d.step.Limit)
	}
}

func (d *drive) done(attempt uint32, outcome Outcome, hint int64) {
	d.sync()
	d.call.Done(attempt, uint8(outcome), hint, &d.step)
	d.ended = true
}

func (d *drive) cancelled() {
	d.sync()
	d.call.Cancelled(byDeadline(d.ctx), &d.step)
}

func (d *drive) timedOut(limit uint64) {
	if hook := d.policy.host.onTimeout; hook != nil {
		d.guard("OnTimeout", func() { hook(duration(limit)) })
	}
}

func (d *drive) wait() {
	span := duration(d.step.Span)
	if hook := d.policy.host.onRetry; hook != nil {
		attempt, err := int(d.step.Attempt), d.err
		d.guard("OnRetry", func() { hook(attempt, err, span) })
	}
	d.policy.registry.pump()
	if !d.policy.registry.clock.sleep(d.ctx, d.policy.registry, span) {
		d.waiting = true
		d.cancelled()
		return
	}
	d.sync()
	d.call.Woke(&d.step)
}

// queue waits for a bulkhead permit. A permit may be handed over between the answer and the entry
// in the table, so a new ticket looks once more before it waits.
func (d *drive) queue() {
	if d.queued != d.step.Ticket || d.woken == nil {
		d.unqueue()
		d.queued, d.woken = d.step.Ticket, make(chan struct{}, 1)
		waiters.Store(d.queued, d.woken)
		d.sync()
		d.call.Woke(&d.step)
		return
	}
	due := make(chan struct{})
	most := time.Duration(-1)
	if d.step.Span != abi.None {
		most = duration(d.step.Span)
		stop := d.policy.registry.clock.after(d.policy.registry, most, func() { close(due) })
		defer stop()
	}
	d.policy.registry.pump()
	if hook := d.policy.host.onQueue; hook != nil {
		d.guard("OnQueue", func() { hook(most) })
	}
	select {
	case <-d.woken:
	case <-due:
	case <-d.ctx.Done():
		d.waiting = true
		d.cancelled()
		return
	}
	d.sync()
	d.call.Woke(&d.step)
}

func (d *drive) unqueue() {
	if d.woken != nil {
		waiters.Delete(d.queued)
		d.woken = nil
	}
}

// leave ends the call, also when the user's function panicked.
func (d *drive) leave() {
	d.unqueue()
	if d.held {
		return
	}
	if d.flight != nil {
		d.flight()
	}
	if d.call.Valid() {
		if d.step.Kind != abi.StepFinish {
			// Gone without an end: permits go back, and those who wait for them are told.
			d.call.Cancelled(false, &d.step)
		}
		if d.step.Wakes > 0 {
			d.call.TakeWakes(wake)
		}
		d.call.Free()
	}
	d.policy.registry.pump()
}

// Remaining is how much time the function still has; false if there is no limit.
func Remaining(ctx context.Context) (time.Duration, bool) {
	deadline, has := ctx.Deadline()
	if !has {
		return 0, false
	}
	return time.Until(deadline), true
}
