package seawall

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"seawall.dev/seawall/internal/abi"
)

// Policy protects calls. It is safe for use by many goroutines and needs no closing.
type Policy struct {
	// epoch is that of the settings which overlay and seen belong to.
	epoch   atomic.Uint64
	overlay abi.Overlay
	// inspects: a result without an error may still be a failure, the user says.
	inspects bool
	registry *Registry
	seen     atomic.Pointer[view]
	looking  sync.Mutex
	keys     atomic.Pointer[keyTable]
	turned   atomic.Pointer[RejectedError]
	core     *abi.Policy
	host     *host
	name     string
	key      string
	// own is the cache of a policy without a name.
	own *cache
	// base keeps the policy that a keyed view belongs to, and its listener, alive.
	base *Policy
}

func (r *Registry) adopt(core *abi.Policy, h *host) *Policy {
	p := &Policy{registry: r, core: core, host: h, name: core.Name(), inspects: h.classify != nil}
	if p.name == "" {
		if shape := core.Shape(); shape.Parts&abi.PartCache != 0 {
			p.own = newCache(shape.CacheSize)
		}
	}
	p.lookAgain()
	if h.onStateChange != nil {
		stop := r.Listen(stateListener(core.ID(), h.onStateChange))
		runtime.AddCleanup(p, func(stop func()) { stop() }, stop)
	}
	return p
}

// Name is empty for a policy without one.
func (p *Policy) Name() string { return p.name }

// Run protects a function without a result.
func (p *Policy) Run(ctx context.Context, fn func(ctx context.Context) error, options ...Option) error {
	if fn == nil {
		return fmt.Errorf("seawall: Policy.Run: %w: the function may not be nil", ErrNullArgument)
	}
	_, err := Do(ctx, p, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) }, options...)
	return err
}

// Wrap gives a function that runs under the policy.
func Wrap[T any](p *Policy, fn func(ctx context.Context) (T, error)) func(ctx context.Context) (T, error) {
	return func(ctx context.Context) (T, error) { return Do(ctx, p, fn) }
}

// Enabled is false when the policy or its registry is switched off.
func (p *Policy) Enabled() bool { return p.core.Enabled() }

// State is what the breaker is doing; ErrNoSuchPart if there is none.
func (p *Policy) State() (State, error) {
	p.registry.sync()
	state, status := p.core.State()
	p.registry.pump()
	return State(state), p.lacks(status, "breaker")
}

// The breaker moved by hand. ForceOpen, Disable and MetricsOnly never end by themselves; Reset
// empties the statistics and closes.
func (p *Policy) Open() error        { return p.control(abi.ControlOpen, 0) }
func (p *Policy) HalfOpen() error    { return p.control(abi.ControlHalfOpen, 0) }
func (p *Policy) Close() error       { return p.control(abi.ControlClose, 0) }
func (p *Policy) ForceOpen() error   { return p.control(abi.ControlForceOpen, 0) }
func (p *Policy) Disable() error     { return p.control(abi.ControlDisable, 0) }
func (p *Policy) MetricsOnly() error { return p.control(abi.ControlMetricsOnly, 0) }
func (p *Policy) Reset() error       { return p.control(abi.ControlReset, 0) }

// OpenFor opens the circuit for a time.
func (p *Policy) OpenFor(d time.Duration) error { return p.control(abi.ControlOpenFor, nanos(d)) }

func (p *Policy) control(control uint8, span uint64) error {
	p.registry.sync()
	status := p.core.Control(control, span)
	p.registry.pump()
	return p.lacks(status, "breaker")
}

// Snapshot is the policy's state as a JSON document, decoded; the reference lists its fields.
func (p *Policy) Snapshot() (map[string]any, error) {
	p.registry.sync()
	fields := map[string]any{}
	err := json.Unmarshal([]byte(p.core.Snapshot()), &fields)
	p.registry.pump()
	return fields, err
}

// Resolved is what the configuration came to: every layer merged, every default filled in.
func (p *Policy) Resolved() (map[string]any, error) {
	fields := map[string]any{}
	return fields, json.Unmarshal([]byte(p.core.Resolved()), &fields)
}

func nanos(d time.Duration) uint64 { return uint64(max(d, 0)) }
