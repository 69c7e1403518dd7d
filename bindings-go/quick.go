package seawall

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"

	"seawall.dev/seawall/internal/abi"
)

// Calls that are not stepped: they pass without asking, or are let in at once with one question and
// one report. Everything but a plain success makes a call of them.

// fellShortUnderPass is fellShort for a call that nobody looked at.
func fellShortUnderPass[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), gate uint32, value T, err error) (T, error) {
	if ending := p.endingOf(err); ending != nil && ctx.Err() == nil {
		entered, judge := p.overlay.Fail(gate, ending)
		if entered && !judge {
			runtime.KeepAlive(p)
			return value, err
		}
		p.registry.sync()
		if judge {
			p.core.Judge(gate)
		} else {
			entered = p.core.End(gate, ending)
		}
		if entered {
			p.registry.pump()
			return value, err
		}
	}
	in := abi.PassOf(gate)
	return fellShort(ctx, p, fn, &in, 0, value, err)
}

// unwoundPass is unwound for one.
func (p *Policy) unwoundPass(gate uint32, cause any) {
	in := abi.PassOf(gate)
	p.unwound(&in, 0, cause)
}

// watchedPass is a call under a pass where the beginning matters, because the caller has a deadline or slow calls
// count, or where a result without an error may still be a failure.
func watchedPass[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), gate uint32) (value T, err error) {
	began, returned := p.began(ctx), false
	defer func() {
		if !returned {
			in := abi.PassOf(gate)
			p.unwound(&in, began, recover())
		}
	}()
	value, err = fn(ctx)
	returned = true
	if err != nil || !p.succeeded(value) {
		in := abi.PassOf(gate)
		return fellShort(ctx, p, fn, &in, began, value, err)
	}
	if began != 0 && p.overlay.Timed() && p.overlay.Slow(p.registry.clock.began(p.registry)-began) {
		in := abi.PassOf(gate)
		p.since(&in, began)
		p.dismiss(&in)
	} else {
		p.count(gate)
	}
	runtime.KeepAlive(p)
	return value, nil
}

// admitted runs the first attempt where the core lets it in at once, and steps the call where not.
func admitted[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error)) (value T, err error) {
	shape := &p.look().shape
	if !p.registry.gate || !shape.Admits {
		return ask(ctx, p, fn, nil)
	}
	p.registry.sync()
	var in abi.Admission
	var refusal abi.Refusal
	status, looks := p.core.Admit(&in, &refusal)
	if looks && shape.Moves {
		p.takeAgain()
	}
	if status == circuitOpen {
		return value, p.turnedAway(&refusal)
	}
	if !in.In() {
		return ask(ctx, p, fn, nil)
	}
	began, returned := p.began(ctx), false
	defer func() {
		if !returned {
			p.unwound(&in, began, recover())
		}
	}()
	value, err = fn(ctx)
	returned = true
	if err != nil || !p.succeeded(value) {
		return fellShort(ctx, p, fn, &in, began, value, err)
	}
	p.dismiss(&in)
	return value, nil
}

// fellShort reports an attempt that was no plain success. Most often that is the end of the call; a
// retry, a fallback, a caller who has gone, and what the user wants to judge need the driver.
func fellShort[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), in *abi.Admission, began uint64, value T, err error) (T, error) {
	p.registry.sync()
	p.since(in, began)
	brings := p.brings(ctx)
	var call abi.Call
	var step abi.Step
	if err == nil || p.inspects || ctx.Err() != nil {
		var status abi.Status
		if call, status = p.core.CallAfter(in, brings); !call.Valid() {
			return value, unprotected(p, status, err)
		}
		return goOn(ctx, p, fn, value, err, func(d *drive) { d.call = call; d.settle(1, err, nil) })
	}
	outcome, hint := p.classify(err)
	call, done, status := p.core.Fail(in, uint8(outcome), hint, typeName(err), brings.Deadline, &step)
	p.registry.pump()
	switch {
	case done:
		return value, err
	case status != 0:
		return value, unprotected(p, status, err)
	}
	return goOn(ctx, p, fn, value, err, func(d *drive) { d.call, d.step, d.err, d.ended = call, step, err, true })
}

// unprotected is the end of a call that Seawall itself failed: the user's result stands.
func unprotected(p *Policy, status abi.Status, err error) error {
	slog.Error("seawall: the call ran without protection", "policy", p.name, "status", status.String())
	return err
}

// goOn makes a stepped call of one whose first attempt has run.
func goOn[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), value T, err error, begin func(*drive)) (T, error) {
	t := &task[T]{fn: fn, value: value, err: err}
	d := newDrive(ctx, p, t, nil)
	defer d.leave()
	begin(d)
	err = d.loop()
	return t.value, err
}

// unwound reports a call that was not stepped and whose function did not return, and panics on.
func (p *Policy) unwound(in *abi.Admission, began uint64, cause any) {
	outcome := OutcomeCancelled // runtime.Goexit
	if cause != nil {
		outcome = OutcomeFailure
	}
	p.registry.sync()
	p.since(in, began)
	if call, _ := p.core.CallAfter(in, abi.CallOptions{Deadline: abi.None}); call.Valid() {
		var step abi.Step
		call.Done(1, uint8(outcome), abi.NoHint, &step)
		call.TakeWakes(wake)
		call.Free()
	}
	p.registry.pump()
	if cause != nil {
		panic(cause)
	}
}

func isResponse[T any]() bool {
	_, is := any((*T)(nil)).(**http.Response)
	return is
}

// succeeded tells whether a result without an error is a success beyond doubt.
func (p *Policy) succeeded(value any) bool {
	response, is := value.(*http.Response)
	return !p.inspects && (!is || response != nil && ClassifyStatus(response.StatusCode) == OutcomeSuccess)
}
