package seawall

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// clock is how a registry waits. The core reads its own clock; this one sleeps, or moves a clock
// that stands still.
type clock interface {
	// after calls fire once, when d has passed, unless stop is called before.
	after(r *Registry, d time.Duration, fire func()) (stop func() bool)
	// sleep waits for d or the end of ctx, and reports whether d has passed.
	sleep(ctx context.Context, r *Registry, d time.Duration) bool
	// left is how much of ctx's own deadline there is.
	left(r *Registry, deadline time.Time) time.Duration
	// at is the instant for Deadline() of a context that ends in d.
	at(r *Registry, d time.Duration) time.Time
	// began is now, as cheaply as there is, and started what it is on the core's clock.
	began(r *Registry) uint64
	started(r *Registry, began uint64) uint64
	// sync brings the core's clock up to date.
	sync(r *Registry)
	stands() bool
}

type systemClock struct{}

func (systemClock) after(_ *Registry, d time.Duration, fire func()) func() bool {
	return time.AfterFunc(d, fire).Stop
}

func (systemClock) sleep(ctx context.Context, _ *Registry, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (systemClock) left(_ *Registry, deadline time.Time) time.Duration { return time.Until(deadline) }
func (systemClock) at(_ *Registry, d time.Duration) time.Time          { return time.Now().Add(d) }

// since is where Go's own clock is read from, which costs less than to ask the core.
var since = time.Now()

func (systemClock) began(*Registry) uint64 { return uint64(time.Since(since)) + 1 }
func (s systemClock) started(r *Registry, began uint64) uint64 {
	return r.core.Now() - min(s.began(r)-began, r.core.Now())
}
func (systemClock) sync(*Registry) {}
func (systemClock) stands() bool   { return false }

// manualClock stands still until it is advanced; a wait advances it.
type manualClock struct {
	mu     sync.Mutex
	timers []*manualTimer
}

type manualTimer struct {
	at   uint64
	fire func()
	done atomic.Bool
}

// epoch is the instant zero of manual clocks, for Deadline().
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (m *manualClock) after(r *Registry, d time.Duration, fire func()) func() bool {
	t := &manualTimer{at: r.core.Now() + uint64(max(d, 0)), fire: fire}
	m.mu.Lock()
	m.timers = append(m.timers, t)
	m.mu.Unlock()
	return func() bool {
		m.mu.Lock()
		m.timers = slices.DeleteFunc(m.timers, func(other *manualTimer) bool { return other == t })
		m.mu.Unlock()
		return t.done.CompareAndSwap(false, true)
	}
}

// advance moves the clock and fires what becomes due on the way, in order.
func (m *manualClock) advance(r *Registry, d time.Duration) {
	target := r.core.Now() + uint64(max(d, 0))
	for {
		m.mu.Lock()
		var next *manualTimer
		for _, t := range m.timers {
			if t.at <= target && (next == nil || t.at < next.at) {
				next = t
			}
		}
		if next != nil {
			m.timers = slices.DeleteFunc(m.timers, func(other *manualTimer) bool { return other == next })
		}
		m.mu.Unlock()
		if next == nil {
			break
		}
		if now := r.core.Now(); next.at > now {
			r.core.Advance(next.at - now)
		}
		if next.done.CompareAndSwap(false, true) {
			next.fire()
		}
	}
	if now := r.core.Now(); target > now {
		r.core.Advance(target - now)
	}
	r.pump()
}

func (m *manualClock) sleep(ctx context.Context, r *Registry, d time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	// A caller's deadline on this clock that comes earlier ends the wait when it comes.
	if deadline, has := ctx.Deadline(); has && deadline.Year() < 2010 {
		if left := m.left(r, deadline); left < d {
			m.advance(r, left)
			return ctx.Err() == nil
		}
	}
	m.advance(r, d)
	return ctx.Err() == nil
}

func (m *manualClock) left(r *Registry, deadline time.Time) time.Duration {
	if deadline.Year() >= 2010 {
		return 1<<63 - 1 // a deadline of the system's clock says nothing on this one
	}
	return deadline.Sub(epoch) - time.Duration(r.core.Now())
}

func (m *manualClock) at(r *Registry, d time.Duration) time.Time {
	return epoch.Add(time.Duration(r.core.Now()) + d)
}
func (m *manualClock) began(r *Registry) uint64                 { return r.core.Now() }
func (m *manualClock) started(_ *Registry, began uint64) uint64 { return began }
func (m *manualClock) sync(*Registry)                           {}
func (m *manualClock) stands() bool                             { return true }

// bubbleClock follows Go's clock instead of the system's, for testing/synctest.
type bubbleClock struct {
	systemClock
	start time.Time
	mu    sync.Mutex
}

func (b *bubbleClock) began(r *Registry) uint64                 { return r.now() }
func (b *bubbleClock) started(_ *Registry, began uint64) uint64 { return began }

func (b *bubbleClock) sync(r *Registry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := uint64(time.Since(b.start)); d > r.core.Now() {
		r.core.Advance(d - r.core.Now())
	}
}
