package abi

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// policyOf makes a policy whose gate is in use, and the overlay that shows it.
func policyOf(t *testing.T, config string) (*Policy, *Overlay) {
	t.Helper()
	t.Setenv("SEAWALL_GATE", "on")
	p, status, why := Manual(1).NewPolicy(config)
	if status != 0 {
		t.Fatal(status, why)
	}
	o := new(Overlay)
	o.Shut()
	o.Take(p, false)
	return p, o
}

func mustShow(t *testing.T, p *Policy, part string) {
	t.Helper()
	if text := p.Snapshot(); !strings.Contains(text, part) {
		t.Errorf("no %s in %s", part, text)
	}
}

const failure = 1

func tallied(o *Overlay, gate uint32) bool {
	writer := Take()
	tallied := o.TallyAlone(writer, gate)
	Give()
	return tallied || o.Tally(writer, gate) == Tallied
}

// The gate is 32 bits: a generation number of 31, and whether it lets calls pass.
func TestTheGateWrapsAround(t *testing.T) {
	p, o := policyOf(t, `{"breaker":{"window":{"kind":"consecutive","failures":1}}}`)
	o.gate.Load().Store(math.MaxUint32) // the last generation, passing
	last := o.Gate()
	if !Passes(last) || !tallied(o, last) {
		t.Fatal("the last generation does not pass")
	}
	mustShow(t, p, `"success":1`)
	var step Step
	in := PassOf(last)
	if _, _, status := p.Fail(&in, failure, NoHint, "", None, &step); status != 0 {
		t.Fatal(status)
	}
	mustShow(t, p, `"state":"open"`)
	if Passes(o.Gate()) || o.Gate() >= last {
		t.Fatalf("the gate after the last generation is %#x", o.Gate())
	}
	// What began under the last generation and ends now is late.
	if tallied(o, last) {
		t.Error("a success of the last generation was tallied")
	}
	p.Report(last, 0)
	in = PassOf(last)
	p.Fail(&in, failure, NoHint, "", None, &step)
	mustShow(t, p, `"stale":2`)

	p.Control(ControlReset, 0)
	if !Passes(o.Gate()) || !tallied(o, o.Gate()) || tallied(o, last) {
		t.Errorf("after the wrap the gate is %#x", o.Gate())
	}
	mustShow(t, p, `"state":"closed"`)
}

// A tally is 64 bits here; its low half may run over.
func TestATallyGoesOnPastItsLowHalf(t *testing.T) {
	p, o := policyOf(t, `{"breaker":{}}`)
	o.first.Load().tally.Store(math.MaxUint32 - 1)
	for writer := range o.lent {
		o.lent[writer].Store(&full)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one line
	for range 4 {
		if !tallied(o, o.Gate()) {
			t.Fatal("not tallied")
		}
	}
	mustShow(t, p, `"success":4294967298`)
}

// More goroutines than Ps, stopped at every chance: a line that is added to by a plain store has one
// writer, or something is lost.
func TestNothingIsLostWhoeverCounts(t *testing.T) {
	for _, procs := range []int{2, 7} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			p, o := policyOf(t, `{"breaker":{}}`)
			var stop atomic.Bool
			counts := make(chan int)
			for range 3 * procs {
				go func() {
					made := 0
					for ; !stop.Load(); made++ {
						if !tallied(o, o.Gate()) {
							t.Error("not tallied")
						}
						if made%10_000 == 0 {
							p.State() // crosses into C: its P may go to another meanwhile
						}
					}
					counts <- made
				}()
			}
			for range 6 {
				time.Sleep(time.Millisecond)
				runtime.ReadMemStats(new(runtime.MemStats)) // stops everybody, wherever they are
			}
			stop.Store(true)
			all := 0
			for range 3 * procs {
				all += <-counts
			}
			mustShow(t, p, fmt.Sprintf(`"success":%d`, all))
		}()
	}
}

func TestWhoHasToAskGetsNoMemory(t *testing.T) {
	for _, config := range []string{`{"bulkhead":{}}`, `{"breaker":{},"timeout":{"attempt":"1s"}}`, `{"breaker":{},"enabled":false}`} {
		if _, o := policyOf(t, config); Passes(o.Gate()) {
			t.Error(config, "passes")
		}
	}
	if _, o := policyOf(t, `{"retry":{}}`); !Passes(o.Gate()) || !tallied(o, o.Gate()) {
		t.Error("a retry alone has to ask")
	}
}
