package seawall

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"unsafe"

	"seawall.dev/seawall/internal/abi"
)

// Do runs fn under the policy and gives back what it returns. The user's own error comes through
// untouched; a refusal is a *RejectedError, a passed time limit a *TimeoutError.
//
// While the circuit is closed and the call succeeds nothing is allocated.
func Do[T any](ctx context.Context, p *Policy, fn func(ctx context.Context) (T, error), options ...Option) (T, error) {
	if ctx == nil || p == nil || fn == nil {
		var none T
		return none, fmt.Errorf("seawall.Do: %w: neither the context nor the policy nor the function may be nil", ErrNullArgument)
	}
	if len(options) == 0 {
		if gate, yes := p.passes(); yes {
			if p.inspects || isResponse[T]() {
				return watchedPass(ctx, p, fn, gate)
			}
			return underPass(ctx, p, fn, gate)
		}
	}
	return ask(ctx, p, fn, options)
}

// underPass runs the first attempt without asking; everything but a plain success is reported.
//
// Each word that is put away here has to be in memory before the tally can be added to, so what few
// calls need is in watchedPass.
func underPass[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), gate uint32) (value T, err error) {
	if _, has := ctx.Deadline(); has {
		return watchedPass(ctx, p, fn, gate)
	}
	returned := false
	defer unwind(p, gate, &returned)
	value, err = fn(ctx)
	returned = true
	if err != nil {
		return afterPass(ctx, p, gate, 0, fn, value, err)
	}
	if line := abi.LineOf(unsafe.Pointer(&returned)); !p.overlay.Tally(gate, line) {
		p.report(gate, line)
	}
	runtime.KeepAlive(p) // and with it the memory that was counted in
	return value, err
}

// watchedPass is underPass where the beginning matters, because the caller has a deadline, or where
// a result without an error may still be a failure.
func watchedPass[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), gate uint32) (value T, err error) {
	began, returned := p.began(ctx), false
	defer func() {
		if !returned {
			p.unwound(gate, began, recover())
		}
	}()
	value, err = fn(ctx)
	returned = true
	if err != nil || !p.succeeded(value) {
		return afterPass(ctx, p, gate, began, fn, value, err)
	}
	if line := abi.LineOf(unsafe.Pointer(&returned)); !p.overlay.Tally(gate, line) {
		p.report(gate, line)
	}
	runtime.KeepAlive(p)
	return value, nil
}

func unwind(p *Policy, gate uint32, returned *bool) {
	if !*returned {
		p.unwound(gate, 0, recover())
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

func ask[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), options []Option) (T, error) {
	t := &task[T]{fn: fn}
	d := newDrive(ctx, p, t, options)
	defer d.leave()
	d.begin()
	err := d.loop()
	return t.value, err
}

func afterPass[T any](ctx context.Context, p *Policy, gate uint32, began uint64, fn func(context.Context) (T, error), value T, err error) (T, error) {
	t := &task[T]{fn: fn, value: value, err: err}
	d := newDrive(ctx, p, t, nil)
	defer d.leave()
	d.resume(gate, began)
	err = d.loop()
	return t.value, err
}

// work is what the driver needs from a call whose type it does not know.
type work interface {
	attempt(ctx context.Context) error
	// apart runs the attempt in a goroutine of its own, which is left behind when ctx ends.
	apart(ctx context.Context) (err error, left bool)
	result() any
	// keep takes a value from a cache or a fallback; false if it is of another type.
	keep(value any) bool
	answer(yes bool) bool
	clear()
}

type task[T any] struct {
	fn    func(context.Context) (T, error)
	value T
	err   error
}

func (t *task[T]) attempt(ctx context.Context) error {
	t.clear()
	t.value, t.err = t.fn(ctx)
	return t.err
}

func (t *task[T]) apart(ctx context.Context) (error, bool) {
	t.clear()
	type end struct {
		value T
		err   error
		panic any
	}
	ended := make(chan end, 1)
	go func() {
		var e end
		returned := false
		defer func() {
			if !returned {
				if e.panic = recover(); e.panic == nil {
					e.err = context.Canceled // runtime.Goexit
				}
			}
			ended <- e
		}()
		e.value, e.err = t.fn(ctx)
		returned = true
	}()
	select {
	case e := <-ended:
		if e.panic != nil {
			panic(e.panic)
		}
		t.value, t.err = e.value, e.err
		return t.err, false
	case <-ctx.Done():
		go func() { // what arrives late is put away
			if late, is := any((<-ended).value).(*http.Response); is {
				discard(late)
			}
		}()
		return ctx.Err(), true
	}
}

func (t *task[T]) result() any { return t.value }

func (t *task[T]) keep(value any) bool {
	// A call without a result is content with any answer.
	if _, none := any(&t.value).(*struct{}); none {
		return true
	}
	typed, fits := value.(T)
	if fits {
		t.clear()
		t.value = typed
	}
	return fits
}

func (t *task[T]) answer(yes bool) bool {
	switch place := any(&t.value).(type) {
	case *bool:
		*place = yes
		return true
	case *any:
		*place = yes
		return true
	case *struct{}:
		return yes
	default:
		return false
	}
}

// clear drops the value of an attempt that does not count; a response is read to its end and closed
// so that its connection can be used again.
func (t *task[T]) clear() {
	if response, is := any(t.value).(*http.Response); is {
		discard(response)
	}
	var zero T
	t.value = zero
}

func discard(response *http.Response) {
	if response == nil || response.Body == nil {
		return
	}
	const enough = 64 << 10 // a longer body costs more than a new connection
	_, _ = io.CopyN(io.Discard, response.Body, enough)
	_ = response.Body.Close()
}
