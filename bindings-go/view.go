package seawall

import (
	"context"
	"sync/atomic"

	"seawall.dev/seawall/internal/abi"
)

// view is what a policy looks like under the settings in force. A reload and the off switch make a
// new one; calls that began under the old one end under it.
type view struct {
	shape abi.Shape
	cache *cache
	// chain holds the configured values of the fallback chain, as JSON.
	chain []string
	// endings is made with the first error.
	endings atomic.Pointer[endings]
}

// look is the present view.
func (p *Policy) look() *view {
	if p.epoch.Load() == p.registry.epoch.Load() {
		return p.seen.Load()
	}
	return p.lookAgain()
}

func (p *Policy) lookAgain() *view {
	p.looking.Lock()
	defer p.looking.Unlock()
	// The number first: settings that come in force meanwhile make another view.
	epoch := p.registry.epoch.Load()
	if v := p.seen.Load(); v != nil && p.epoch.Load() == epoch {
		return v
	}
	p.overlay.Shut()
	v := &view{shape: p.core.Shape()}
	if v.shape.FallbackCount > 0 {
		v.chain = make([]string, v.shape.FallbackCount)
		for i := range v.chain {
			_, v.chain[i] = p.core.Fallback(uint32(i))
		}
	}
	v.cache = p.cacheFor(v.shape)
	p.seen.Store(v)
	if p.registry.gate {
		p.overlay.Take(p.core, p.inspects)
	}
	p.epoch.Store(epoch)
	return v
}

// passes tells whether calls under the gate may run without asking: it says so, and it is that of the
// settings in force.
func (p *Policy) passes(gate uint32) bool {
	return abi.Passes(gate) && p.epoch.Load() == p.registry.epoch.Load()
}

// began is when a call under a pass begins, where calls are timed or the caller has a deadline: the
// dependency is to blame for its passing only if it had its chance. 0: nobody needs to know.
func (p *Policy) began(ctx context.Context) uint64 {
	if _, has := ctx.Deadline(); !has && !p.overlay.Timed() {
		return 0
	}
	return p.registry.clock.began(p.registry)
}

// takeAgain looks where calls pass now. Other processes may have moved it, which this one is told nothing of.
func (p *Policy) takeAgain() {
	p.looking.Lock()
	defer p.looking.Unlock()
	if p.registry.gate {
		p.overlay.Take(p.core, p.inspects)
	}
}

// dismiss reports the success of an admission.
func (p *Policy) dismiss(in *abi.Admission) {
	p.registry.sync()
	p.core.Dismiss(in, wake)
	p.registry.pump()
}

// count counts a success under a pass. Do has the same written out.
func (p *Policy) count(gate uint32) {
	if writer := abi.Take(); p.overlay.TallyAlone(writer, gate) {
		abi.Give()
	} else {
		abi.Give()
		p.tally(writer, gate)
	}
}

// tally is count for who is no writer alone.
func (p *Policy) tally(writer int, gate uint32) {
	if line := p.overlay.Tally(writer, gate); line != abi.Tallied {
		p.core.Report(gate, line)
		p.registry.pump()
	}
}

// since tells an admission when its call began, if that is known.
func (p *Policy) since(in *abi.Admission, began uint64) {
	if began != 0 {
		in.Since(p.registry.clock.started(p.registry, began))
	}
}
