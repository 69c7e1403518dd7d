package seawall

import (
	"encoding/json"
	"log/slog"
	"time"
)

// Event is something that happened in a policy, as plain data.
type Event struct {
	Seq      uint64        `json:"sequence"`
	Kind     string        `json:"kind"`
	Policy   string        `json:"policy"`
	PolicyID uint64        `json:"policy_id"`
	Part     string        `json:"part"`
	Name     string        `json:"name"`
	Key      string        `json:"key"`
	From     string        `json:"from"`
	To       string        `json:"to"`
	Reason   string        `json:"reason"`
	At       uint64        `json:"at_ns"`
	Span     time.Duration `json:"span_ns"`
	Count    uint64        `json:"count"`
	Outcome  string        `json:"outcome"`
}

type listener struct{ call func(Event) }

// Listen calls listener for everything that happens in the process, in order, outside of every lock;
// stop ends it. The first listener starts one goroutine, the last one ends it. A nil listener panics.
func Listen(listener func(Event)) (stop func()) { return Default().Listen(listener) }

// Listen calls the listener for everything that happens in this registry.
func (r *Registry) Listen(call func(Event)) (stop func()) {
	if call == nil {
		panic("seawall: Listen needs a function, got nil")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listeners == nil {
		r.listeners = map[uint64]*listener{}
	}
	r.nextID++
	id := r.nextID
	r.listeners[id] = &listener{call}
	if r.events == nil {
		r.events = r.core.Subscribe()
		r.listening.Store(true)
		if !r.clock.stands() {
			r.reader = make(chan struct{})
			go r.read(r.reader)
		}
	}
	return func() { r.unlisten(id) }
}

func (r *Registry) unlisten(id uint64) {
	r.pump()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.listeners, id)
	if len(r.listeners) > 0 || r.events == nil {
		return
	}
	r.listening.Store(false)
	if r.reader != nil {
		close(r.reader)
		r.reader = nil
	}
	r.events.Free()
	r.events = nil
}

// read reads the ring and applies due transitions while there are listeners.
func (r *Registry) read(stop chan struct{}) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			r.core.Tick()
			r.pump()
		}
	}
}

// pump delivers what has happened. Who finds another at it leaves it to that one, so that a listener
// may use policies, and order is kept.
func (r *Registry) pump() {
	for r.listening.Load() && r.deliver.TryLock() {
		events, listeners := r.drain()
		for _, event := range events {
			for _, l := range listeners {
				notify(l, event)
			}
		}
		r.deliver.Unlock()
		if len(events) == 0 {
			return
		}
	}
}

func (r *Registry) drain() ([]Event, []*listener) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		return nil, nil
	}
	text, dropped := r.events.Drain()
	if dropped > 0 {
		slog.Warn("seawall: events were lost, listeners are too slow", "count", dropped)
	}
	if text == "" {
		return nil, nil
	}
	var events []Event
	if err := json.Unmarshal([]byte(text), &events); err != nil {
		slog.Error("seawall: events cannot be read", "error", err)
		return nil, nil
	}
	listeners := make([]*listener, 0, len(r.listeners))
	for id := uint64(1); id <= r.nextID; id++ {
		if l, found := r.listeners[id]; found {
			listeners = append(listeners, l)
		}
	}
	return events, listeners
}

func notify(l *listener, event Event) {
	defer func() {
		if cause := recover(); cause != nil {
			slog.Error("seawall: a listener panicked", "event", event.Kind, "policy", event.Policy, "panic", cause)
		}
	}()
	l.call(event)
}

func stateListener(policy uint64, call func(from, to State)) func(Event) {
	return func(e Event) {
		if e.PolicyID != policy || e.Part != "breaker" || e.From == e.To {
			return
		}
		from, known := ParseState(e.From)
		to, also := ParseState(e.To)
		if known && also {
			call(from, to)
		}
	}
}
