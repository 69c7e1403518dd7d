package seawall

import (
	"time"

	"seawall.dev/seawall/internal/abi"
	"seawall.dev/seawall/internal/bridge"
)

func init() {
	bridge.Manual = func(seed uint64, gate bool) (any, bridge.Control) {
		m := &manualClock{}
		r := &Registry{core: abi.Manual(seed), gate: gate, clock: m}
		return r, control(r, func(d time.Duration) { m.advance(r, d) })
	}
	bridge.Bubble = func(seed uint64) (any, bridge.Control) {
		r := &Registry{core: abi.Manual(seed), gate: true, clock: &bubbleClock{start: time.Now()}}
		return r, control(r, time.Sleep)
	}
}

func control(r *Registry, advance func(time.Duration)) bridge.Control {
	return bridge.Control{
		Advance: advance,
		Now:     func() time.Duration { return time.Duration(r.now()) },
		Reseed:  r.core.Reseed,
		Script:  r.core.Script,
		Uniform: r.core.Uniform,
	}
}
