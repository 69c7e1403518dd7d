//go:build amd64 && go1.24 && !go1.28

package abi

import (
	"runtime"
	"testing"
)

// alone is how many of the Ps that there are at the start have a line of their own.
var alone = min(runtime.GOMAXPROCS(0), lent)

// Each of the first Ps counts on a line of its own, the others on shared ones.
func TestTheFirstWritersAreAlone(t *testing.T) {
	_, o := policyOf(t, `{"breaker":{}}`)
	for writer := range alone {
		if own := o.lent[writer].Load(); own == &full {
			t.Errorf("writer %d has no line", writer)
		} else if !o.TallyAlone(writer, o.Gate()) || own.tally.Load() != 1 {
			t.Errorf("writer %d: %d", writer, own.tally.Load())
		}
	}
	for _, beyond := range []int{alone, lent, lent + 1, 1 << 20} {
		if o.TallyAlone(beyond, o.Gate()) || o.Tally(beyond, o.Gate()) != Tallied {
			t.Errorf("writer %d", beyond)
		}
	}
}

// In a time window a line passes on credit, which its writer gets by reporting.
func TestALentLineGetsCredit(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p, o := policyOf(t, `{"breaker":{"window":{"kind":"time","span":"60s"},"failure_rate":0.5,"minimum_calls":1}}`)
	in := PassOf(o.Gate())
	p.Dismiss(&in, func(uint64) {})
	told := 0
	for range 10_000 {
		writer := Take()
		tallied := o.TallyAlone(writer, o.Gate())
		Give()
		if !tallied {
			told++
			p.Report(o.Gate(), o.Tally(writer, o.Gate()))
		}
	}
	mustShow(t, p, `"success":10001`)
	if told < 4000 || told > 5000 { // until the line is busy each, then one in 65
		t.Errorf("%d of 10000 reported", told)
	}
}
