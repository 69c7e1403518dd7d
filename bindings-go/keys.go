package seawall

import (
	"maps"
	"sync"
	"sync/atomic"
	"weak"
)

// Key is the policy for one partition: a tenant, a model, a host. Each has its own breaker and
// bulkhead; budgets are shared. The number of keys is bounded, and so is their length: calls of a key of
// more than 256 bytes pass through what is kept by key. A key that is no UTF-8 is ErrInvalidText.
//
// Looking a key up is cheap: there is no need to keep what it gives.
func (p *Policy) Key(key string) (*Policy, error) {
	if known := p.keys.Load(); known != nil {
		if one := known.seen(key); one != nil {
			return one, nil
		}
	}
	if p.keys.Load() == nil {
		p.keys.CompareAndSwap(nil, new(keyTable))
	}
	return p.keys.Load().find(key, p.at)
}

func (p *Policy) at(key string) (*Policy, error) {
	core, status := p.core.At(key)
	if status != 0 {
		return nil, statusError(status, p.name)
	}
	keyed := &Policy{registry: p.registry, core: core, host: p.host, name: p.name, key: key, own: p.own, base: p, inspects: p.inspects}
	keyed.lookAgain()
	return keyed, nil
}

// keyTable finds the policies of keys without a lock and without keeping them alive: the core bounds
// how many there are, and gives the place of one that nobody holds to another.
type keyTable struct {
	// read is never written to.
	read atomic.Pointer[map[string]weak.Pointer[Policy]]
	mu   sync.Mutex
	// later is all of read and what has come since; nil where that is nothing.
	later map[string]weak.Pointer[Policy]
	// missed is how often read was too old, and room how many later may hold before it is swept.
	missed, room int
}

func (t *keyTable) seen(key string) *Policy {
	if read := t.read.Load(); read != nil {
		return (*read)[key].Value()
	}
	return nil
}

func (t *keyTable) find(key string, build func(key string) (*Policy, error)) (*Policy, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.later[key].Value(); one != nil {
		if t.missed++; t.missed >= len(t.later) {
			later := t.later
			t.read.Store(&later)
			t.later, t.missed = nil, 0
		}
		return one, nil
	}
	if one := t.seen(key); one != nil { // it has come just now
		return one, nil
	}
	one, err := build(key)
	if err == nil {
		t.keep(key, one)
	}
	return one, err
}

// keep notes a new policy, and forgets those that the collector has taken when they may be many.
func (t *keyTable) keep(key string, one *Policy) {
	if t.later == nil {
		t.later = map[string]weak.Pointer[Policy]{}
		if read := t.read.Load(); read != nil {
			maps.Copy(t.later, *read)
		}
	}
	if len(t.later) >= t.room {
		maps.DeleteFunc(t.later, func(_ string, policy weak.Pointer[Policy]) bool { return policy.Value() == nil })
		t.room = 64 + 2*len(t.later)
	}
	t.later[key] = weak.Make(one)
}
