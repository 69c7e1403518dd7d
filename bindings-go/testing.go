package seawall

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jellydator/ttlcache/v3"

	"seawall.dev/seawall/internal/abi"
	"seawall.dev/seawall/internal/bridge"
)

func init() {
	bridge.Manual = func(seed uint64, gate bool, environment map[string]string) (any, bridge.Control) {
		m := &manualClock{}
		r := &Registry{core: abi.Manual(seed), gate: gate, clock: m}
		if len(environment) > 0 {
			text, _ := json.Marshal(environment) // a table of texts always can be
			r.core = abi.ManualWith(seed, string(text))
		}
		return r, control(r, func(d time.Duration) { m.advance(r, d) })
	}
	bridge.Bubble = func(seed uint64) (any, bridge.Control) {
		r := &Registry{core: abi.Manual(seed), gate: true, follows: true, clock: &bubbleClock{start: time.Now()}}
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
		Limit: func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
			l := newLimit(ctx, r, d)
			return l, l.end
		},
		Keep: func(policy any, key string, value any, age time.Duration) {
			if p := policy.(*Policy); p.look().cache != nil {
				p.look().cache.entries.Set(p.key+"\x00"+key, entry{value, r.now() - uint64(age)}, ttlcache.NoTTL)
			}
		},
	}
}
