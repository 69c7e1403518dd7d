package seawall

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"

	"github.com/jellydator/ttlcache/v3"

	"seawall.dev/seawall/internal/abi"
)

// cache keeps good results by key. Their age is told by the registry's clock, so that it stands
// still with it; the library only bounds how many there are.
type cache struct {
	entries *ttlcache.Cache[string, entry]
	mu      sync.Mutex
	flights map[string]chan struct{}
}

type entry struct {
	value any
	since uint64
}

func newCache(size uint32) *cache {
	return &cache{
		entries: ttlcache.New(ttlcache.WithCapacity[string, entry](uint64(max(size, 1)))),
		flights: map[string]chan struct{}{},
	}
}

// cacheFor is the policy's cache; policies of one name share it.
func (p *Policy) cacheFor(shape abi.Shape) *cache {
	switch {
	case shape.Parts&abi.PartCache == 0:
		return nil
	case p.name == "":
		return p.own
	}
	shared, found := p.registry.caches.Load(p.name)
	if !found {
		shared, _ = p.registry.caches.LoadOrStore(p.name, newCache(shape.CacheSize))
	}
	return shared.(*cache)
}

// look finds a value that is young enough.
func (c *cache) look(key string, now, oldest uint64) (any, bool) {
	item := c.entries.Get(key)
	if item == nil {
		return nil, false
	}
	found := item.Value()
	if now-found.since > oldest {
		return nil, false
	}
	return found.value, true
}

func (d *drive) key() string { return d.policy.key + "\x00" + d.options.cacheKey }

func (d *drive) lookUp() {
	hit := false
	if c := d.view.cache; c != nil && d.options.cached {
		if d.step.Attempt == 0 && !d.step.Stale && d.view.shape.CacheFirst {
			hit = d.lookOnce(c)
		} else {
			hit = d.take(c, d.step.Stale)
		}
	}
	d.sync()
	d.call.LookedUp(hit, &d.step)
}

// take looks for a fresh value, or also for a stale one.
func (d *drive) take(c *cache, stale bool) bool {
	oldest := d.view.shape.CacheTTL
	if stale && d.view.shape.CacheStaleFor != abi.None {
		oldest += min(d.view.shape.CacheStaleFor, abi.None-oldest)
	}
	value, found := c.look(d.key(), d.policy.registry.now(), oldest)
	return found && d.keepOrWarn(value, "cached value")
}

// lookOnce lets one caller of a key do the work and the others wait for it. Whatever comes of it,
// those who waited then look once more and otherwise go on by themselves.
func (d *drive) lookOnce(c *cache) bool {
	if d.take(c, false) {
		return true
	}
	key := d.key()
	c.mu.Lock()
	busy, found := c.flights[key]
	if !found {
		ended := make(chan struct{})
		c.flights[key] = ended
		d.flight = func() {
			c.mu.Lock()
			delete(c.flights, key)
			c.mu.Unlock()
			close(ended)
		}
	}
	c.mu.Unlock()
	if !found {
		// Another's call may have ended since the first look.
		return d.take(c, false)
	}
	select {
	case <-busy:
		return d.take(c, false)
	case <-d.ctx.Done():
		return false
	}
}

// remember stores a live success and forgets what the dependency says is wrong.
func (d *drive) remember() {
	c := d.view.cache
	if c == nil || !d.options.cached {
		return
	}
	if d.step.Store {
		c.entries.Set(d.key(), entry{d.work.result(), d.policy.registry.now()}, ttlcache.NoTTL)
	}
	if d.step.Forget {
		c.entries.Delete(d.key())
	}
}

func (d *drive) keepOrWarn(value any, what string) bool {
	if d.work.keep(value) {
		return true
	}
	slog.Error("seawall: a fallback does not fit the call's result", "policy", d.policy.name, "what", what, "value", value)
	return false
}

// fallBack computes one link of the chain.
func (d *drive) fallBack() {
	step := d.step
	d.link = int(step.Index)
	cause := d.cause()
	ok := false
	switch step.Fallback {
	case abi.FallbackValue:
		ok = d.fallBackValue(step.Index)
	case abi.FallbackFunction:
		ok = d.fallBackFunction(cause, step.Span)
	case abi.FallbackCached, abi.FallbackStale:
		ok = d.view.cache != nil && d.options.cached && d.take(d.view.cache, step.Fallback == abi.FallbackStale)
	case abi.FallbackEmpty:
		d.work.clear()
		ok = true
	case abi.FallbackFailOpen:
		ok = d.work.answer(true)
	case abi.FallbackFailClosed:
		ok = d.work.answer(false)
	}
	if hook := d.policy.host.onFallback; hook != nil && ok {
		d.guard("OnFallback", func() { hook(cause) })
	}
	d.sync()
	d.call.FellBack(ok, &d.step)
}

// cause is the error that the call would end with without a fallback.
func (d *drive) cause() error {
	if d.err != nil {
		return d.err
	}
	return d.refusal()
}

// refusal is what a part said no with, or the time limit that passed.
func (d *drive) refusal() error {
	switch d.step.Refusal {
	case 0:
		return nil
	case 19:
		return d.timeout(ErrAttemptTimeout)
	case 20:
		return d.timeout(ErrDeadlineExceeded)
	}
	s := &d.step
	return d.policy.rejected(s.Refusal, s.State, s.RetryAfter, s.Used, s.Limit)
}

func (d *drive) fallBackValue(index uint32) bool {
	if value := d.policy.host.value; value != nil {
		return d.keepOrWarn(value, "value")
	}
	if int(index) >= len(d.view.chain) || d.view.chain[index] == "" {
		return false
	}
	var value any
	if err := json.Unmarshal([]byte(d.view.chain[index]), &value); err != nil {
		return false
	}
	return d.keepOrWarn(value, "value of the configuration")
}

func (d *drive) fallBackFunction(cause error, span uint64) bool {
	fn := d.options.fallback
	if fn == nil {
		fn = d.policy.host.fallback
	}
	if fn == nil {
		return false
	}
	ctx := context.Context(d.ctx)
	if span != abi.None {
		limit := newLimit(ctx, d.policy.registry, duration(span))
		defer limit.end()
		ctx = limit
	}
	value, err := fn(ctx, cause)
	if err != nil {
		return false
	}
	return d.keepOrWarn(value, "value of the function")
}
