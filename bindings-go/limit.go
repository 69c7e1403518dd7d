package seawall

import (
	"context"
	"sync/atomic"
	"time"
)

// errLimit is the cause of a context that a policy's time limit ended.
var errLimit error = limitError{}

type limitError struct{}

func (limitError) Error() string        { return "seawall: time limit of the policy passed" }
func (limitError) Is(target error) bool { return target == context.DeadlineExceeded }

// limitContext ends when an attempt's time is over. Unlike one of context.WithTimeout its timer can
// be taken off while the context lives on, which is what a streamed body needs.
type limitContext struct {
	context.Context
	deadline time.Time
	cancel   context.CancelCauseFunc
	stop     func() bool
	passed   atomic.Bool
	// kept: somebody reads on after the attempt and cancels by himself.
	kept atomic.Bool
}

func newLimit(ctx context.Context, r *Registry, d time.Duration) *limitContext {
	l := new(limitContext)
	l.Context, l.cancel = context.WithCancelCause(ctx)
	l.deadline = r.clock.at(r, d)
	if outer, has := ctx.Deadline(); has && outer.Before(l.deadline) {
		l.deadline = outer
	}
	l.stop = r.clock.after(r, d, l.pass)
	return l
}

// pass ends the context because its time is over.
func (l *limitContext) pass() {
	if l.Context.Err() == nil {
		l.passed.Store(true)
		l.cancel(errLimit)
	}
}

func (l *limitContext) Deadline() (time.Time, bool) { return l.deadline, true }

func (l *limitContext) Err() error {
	err := l.Context.Err()
	if err != nil && l.passed.Load() {
		return context.DeadlineExceeded
	}
	return err
}

type limitKey struct{}

func (l *limitContext) Value(key any) any {
	if key == (limitKey{}) {
		return l
	}
	return l.Context.Value(key)
}

// end closes the attempt's context, unless a body still needs it.
func (l *limitContext) end() {
	l.stop()
	if !l.kept.Load() {
		l.cancel(nil)
	}
}

// keepContext takes the attempt's context out of its time limit; the returned function ends it.
func keepContext(ctx context.Context) context.CancelFunc {
	l, found := ctx.Value(limitKey{}).(*limitContext)
	if !found {
		return func() {}
	}
	l.kept.Store(true)
	l.stop()
	return func() { l.cancel(nil) }
}

// byDeadline tells whether a context ended because its time was over.
func byDeadline(ctx context.Context) bool {
	return ctx.Err() == context.DeadlineExceeded || context.Cause(ctx) == errLimit
}
