package seawall

import "seawall.dev/seawall/internal/abi"

// view is what a policy looks like under the settings in force. A reload and the off switch make a
// new one; calls that began under the old one end under it.
type view struct {
	epoch uint64
	// overlay is where calls pass without asking.
	overlay abi.Overlay
	shape   abi.Shape
	cache   *cache
	// chain holds the configured values of the fallback chain, as JSON.
	chain []string
}

// look is the present view.
func (p *Policy) look() *view {
	if v := p.seen.Load(); v.epoch == p.registry.epoch.Load() {
		return v
	}
	return p.lookAgain()
}

func (p *Policy) lookAgain() *view {
	// The number first: settings that come in force meanwhile make another view.
	v := &view{epoch: p.registry.epoch.Load(), overlay: abi.NoOverlay(), shape: p.core.Shape()}
	if p.registry.gate {
		v.overlay = p.core.Overlay()
	}
	if v.shape.FallbackCount > 0 {
		v.chain = make([]string, v.shape.FallbackCount)
		for i := range v.chain {
			_, v.chain[i] = p.core.Fallback(uint32(i))
		}
	}
	v.cache = p.cacheFor(v.shape)
	p.seen.Store(v)
	return v
}

// began is when a call under a pass begins. That matters where the caller has a deadline: the
// dependency is to blame for its passing only if it had its chance.
func (p *Policy) began() uint64 { return p.registry.clock.began(p.registry) }

// pass is what the core knows a call by that began under the gate.
func (p *Policy) pass(gate uint32, began uint64) abi.Pass {
	if began != 0 {
		began = p.registry.clock.started(p.registry, began)
	}
	return abi.PassOf(gate, began)
}
