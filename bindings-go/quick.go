package seawall

import (
	"context"
	"net/http"
	"runtime"
	"unsafe"

	"seawall.dev/seawall/internal/abi"
)

// Calls that are not stepped: they pass without asking, or are let in at once with one question and
// one report. Everything but a plain success makes a call of them.

// underPass runs the first attempt without asking.
//
// Each word that is put away here has to be in memory before the tally can be added to, so what few
// calls need is in watchedPass.
func underPass[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), gate uint32) (value T, err error) {
	if _, has := ctx.Deadline(); has {
		return watchedPass(ctx, p, fn, gate)
	}
	returned := false
	defer unwindPass(p, gate, &returned)
	value, err = fn(ctx)
	returned = true
	if err != nil {
		call, status := p.core.CallAfterPass(p.pass(gate, 0), p.brings(ctx))
		return goOn(ctx, p, fn, call, status, value, err)
	}
	if line := abi.LineOf(unsafe.Pointer(&returned)); !p.overlay.Tally(gate, line) {
		p.report(gate, line)
	}
	runtime.KeepAlive(p) // and with it the memory that was counted in
	return value, nil
}

func unwindPass(p *Policy, gate uint32, returned *bool) {
	if !*returned {
		cause := recover()
		call, _ := p.core.CallAfterPass(p.pass(gate, 0), abi.CallOptions{Deadline: abi.None})
		p.unwound(call, cause)
	}
}

// watchedPass is underPass where the beginning matters, because the caller has a deadline, or where
// a result without an error may still be a failure.
func watchedPass[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), gate uint32) (value T, err error) {
	began, returned := p.began(ctx), false
	defer func() {
		if !returned {
			cause := recover()
			call, _ := p.core.CallAfterPass(p.pass(gate, began), abi.CallOptions{Deadline: abi.None})
			p.unwound(call, cause)
		}
	}()
	value, err = fn(ctx)
	returned = true
	if err != nil || !p.succeeded(value) {
		call, status := p.core.CallAfterPass(p.pass(gate, began), p.brings(ctx))
		return goOn(ctx, p, fn, call, status, value, err)
	}
	if line := abi.LineOf(unsafe.Pointer(&returned)); !p.overlay.Tally(gate, line) {
		p.report(gate, line)
	}
	runtime.KeepAlive(p)
	return value, nil
}

// admitted runs the first attempt where the core lets it in at once, and steps the call where not.
func admitted[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error)) (value T, err error) {
	if !p.registry.gate || !p.look().shape.Admits {
		return ask(ctx, p, fn, nil)
	}
	p.registry.sync()
	var in abi.Admission
	var refusal abi.Refusal
	if p.core.Admit(&in, &refusal) == circuitOpen {
		return value, refusalError(p.name, refusal)
	}
	if !in.In() {
		return ask(ctx, p, fn, nil)
	}
	began, returned := p.began(ctx), false
	defer func() {
		if !returned {
			cause := recover()
			in.Since(p.started(began))
			call, _ := p.core.CallAfterAdmission(&in, abi.CallOptions{Deadline: abi.None})
			p.unwound(call, cause)
		}
	}()
	value, err = fn(ctx)
	returned = true
	p.registry.sync()
	if err != nil || !p.succeeded(value) {
		in.Since(p.started(began))
		call, status := p.core.CallAfterAdmission(&in, p.brings(ctx))
		return goOn(ctx, p, fn, call, status, value, err)
	}
	p.core.Dismiss(&in, wake)
	p.registry.pump()
	return value, nil
}

// goOn makes a stepped call of one whose first attempt has run.
func goOn[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), call abi.Call, status abi.Status, value T, err error) (T, error) {
	t := &task[T]{fn: fn, value: value, err: err}
	d := newDrive(ctx, p, t, nil)
	defer d.leave()
	d.resume(call, status, err)
	err = d.loop()
	return t.value, err
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
