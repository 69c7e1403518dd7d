package seawall

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// errLimit is the cause of a context that a policy's time limit ended.
var errLimit error = limitError{}

type limitError struct{}

func (limitError) Error() string        { return "seawall: time limit of the policy passed" }
func (limitError) Is(target error) bool { return target == context.DeadlineExceeded }

// limitContext ends when an attempt's time is over. Its timer is set when somebody first waits for the
// end or looks for it, and can be taken off while the context lives on, which a streamed body needs:
// what it costs is paid by those who use it. A function that never looks is judged by the clock.
type limitContext struct {
	context.Context // the caller's
	registry        *Registry
	span            time.Duration
	began           uint64
	passed          atomic.Bool

	mu sync.Mutex
	// armed is the context that really ends, once somebody has asked for it.
	armed  context.Context
	cancel context.CancelCauseFunc
	stop   func() bool
	// kept: somebody reads on after the attempt and cancels by himself.
	kept, ended bool
}

func newLimit(ctx context.Context, r *Registry, d time.Duration) *limitContext {
	return &limitContext{Context: ctx, registry: r, span: d, began: r.clock.began(r)}
}

func (l *limitContext) left() time.Duration {
	return l.span - time.Duration(l.registry.clock.began(l.registry)-l.began)
}

func (l *limitContext) arm() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.armed == nil {
		l.armed, l.cancel = context.WithCancelCause(l.Context)
		switch left := l.left(); {
		case l.ended:
			l.cancel(nil)
		case l.kept:
		case left <= 0: // nobody has looked until now
			l.passed.Store(true)
			l.cancel(errLimit)
		default:
			l.stop = l.registry.clock.after(l.registry, left, l.pass)
		}
	}
	return l.armed
}

// pass ends the context because its time is over.
func (l *limitContext) pass() {
	if armed := l.arm(); armed.Err() == nil {
		l.passed.Store(true)
		l.cancel(errLimit)
	}
}

func (l *limitContext) Done() <-chan struct{} { return l.arm().Done() }

func (l *limitContext) Err() error {
	err := l.arm().Err()
	if err != nil && l.passed.Load() {
		return context.DeadlineExceeded
	}
	return err
}

func (l *limitContext) Deadline() (time.Time, bool) {
	own := l.registry.clock.at(l.registry, l.left())
	if outer, has := l.Context.Deadline(); has && outer.Before(own) {
		return outer, true
	}
	return own, true
}

type limitKey struct{}

func (l *limitContext) Value(key any) any {
	if key == (limitKey{}) {
		return l
	}
	l.mu.Lock()
	armed := l.armed
	l.mu.Unlock()
	if armed != nil {
		return armed.Value(key)
	}
	return l.Context.Value(key)
}

// end closes the attempt's context, unless a body still needs it.
func (l *limitContext) end() {
	l.mu.Lock()
	kept := l.kept
	l.mu.Unlock()
	l.disarm()
	if !kept {
		l.close()
	}
}

func (l *limitContext) disarm() {
	l.mu.Lock()
	stop := l.stop
	l.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (l *limitContext) close() {
	l.mu.Lock()
	l.ended = true
	cancel := l.cancel
	l.mu.Unlock()
	if cancel != nil {
		cancel(nil)
	}
}

// keepContext takes the attempt's context out of its time limit; the returned function ends it.
func keepContext(ctx context.Context) context.CancelFunc {
	l, found := ctx.Value(limitKey{}).(*limitContext)
	if !found {
		return func() {}
	}
	l.mu.Lock()
	l.kept = true
	l.mu.Unlock()
	l.disarm()
	return l.close
}

// byDeadline tells whether a context ended because its time was over.
func byDeadline(ctx context.Context) bool {
	return ctx.Err() == context.DeadlineExceeded || context.Cause(ctx) == errLimit
}
