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
func Do[T any](ctx context.Context, p *Policy, fn func(ctx context.Context) (T, error), options ...Option) (value T, err error) {
	if ctx == nil || p == nil || fn == nil {
		return value, errNothingToDo
	}
	if len(options) > 0 || isResponse[T]() {
		return doOtherwise(ctx, p, fn, options)
	}
	// Asking a context costs a call; that of programs without one never ends, and its kind says so.
	if *(*unsafe.Pointer)(unsafe.Pointer(&ctx)) != background {
		if _, has := ctx.Deadline(); has {
			return doOtherwise(ctx, p, fn, nil)
		}
	}
	gate := p.overlay.Gate()
	if !p.passes(gate) {
		return doOtherwise(ctx, p, fn, nil)
	}
	// Most calls come here, and all there is to them stands in this function. What is put away here is
	// waited for by who counts, so what few calls need is elsewhere.
	in := passing{p, gate}
	defer in.end()()
	value, err = fn(ctx)
	in.policy = nil
	if err != nil {
		return fellShortUnderPass(ctx, p, fn, gate, value, err)
	}
	// abi.Overlay.TallyAlone, written out: a call that is put into another's condition costs more than its steps.
	writer := abi.Take()
	own := p.overlay.Own(writer)
	if made := own.Tally(); made < own.Limit() && p.overlay.Watched() == gate {
		own.StoreAlone(made + 1)
		abi.Give()
	} else {
		abi.Give()
		p.tally(writer, gate)
	}
	runtime.KeepAlive(p) // and with it the memory that was counted in
	return value, err
}

// passing is a call that runs under a pass of its policy; nil once the function has returned.
type passing struct {
	policy *Policy
	gate   uint32
}

// end gives the function that is deferred, which has to be the one that the panic meets. It is made here, where no
// type parameter has to go along.
func (c *passing) end() func() {
	return func() {
		if c.policy != nil {
			c.policy.unwoundPass(c.gate, recover())
		}
	}
}

// background is what kind of context context.Background is.
var background = func(ctx context.Context) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&ctx)) }(context.Background())

var errNothingToDo = fmt.Errorf("seawall.Do: %w: neither the context nor the policy nor the function may be nil", ErrNullArgument)

// doOtherwise is Do for calls that somebody looks at, or that have to ask.
func doOtherwise[T any](ctx context.Context, p *Policy, fn func(ctx context.Context) (T, error), options []Option) (T, error) {
	if len(options) > 0 {
		return ask(ctx, p, fn, options)
	}
	if gate := p.overlay.Watched(); p.passes(gate) {
		return watchedPass(ctx, p, fn, gate)
	}
	return admitted(ctx, p, fn)
}

func ask[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), options []Option) (T, error) {
	t := &task[T]{fn: fn}
	d := newDrive(ctx, p, t, options)
	defer d.leave()
	d.begin()
	err := d.loop()
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
