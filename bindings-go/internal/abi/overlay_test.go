package abi

import (
	"math"
	"strings"
	"testing"
	"unsafe"
)

func policyOf(t *testing.T, config string) (*Policy, *Overlay) {
	t.Helper()
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

// The gate is 32 bits: a generation number of 31, and whether it lets calls pass.
func TestTheGateWrapsAround(t *testing.T) {
	p, o := policyOf(t, `{"breaker":{"window":{"kind":"consecutive","failures":1}}}`)
	o.gate.Load().Store(math.MaxUint32) // the last generation, passing
	last := o.Gate()
	if !Passes(last) || !o.Tally(last, 0) {
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
	if o.Tally(last, 0) {
		t.Error("a success of the last generation was tallied")
	}
	p.Report(last, 0)
	in = PassOf(last)
	p.Fail(&in, failure, NoHint, "", None, &step)
	mustShow(t, p, `"stale":2`)

	p.Control(ControlReset, 0)
	if !Passes(o.Gate()) || !o.Tally(o.Gate(), 1) || o.Tally(last, 1) {
		t.Errorf("after the wrap the gate is %#x", o.Gate())
	}
	mustShow(t, p, `"state":"closed"`)
}

// A tally is 64 bits here; its low half may run over.
func TestATallyGoesOnPastItsLowHalf(t *testing.T) {
	p, o := policyOf(t, `{"breaker":{}}`)
	o.first.Load().tally.Store(math.MaxUint32 - 1)
	for range 4 {
		if !o.Tally(o.Gate(), 0) {
			t.Fatal("not tallied")
		}
	}
	mustShow(t, p, `"success":4294967298`)
}

func TestALineIsOneOfThoseThereAre(t *testing.T) {
	seen := map[uintptr]bool{}
	stacks := make([]byte, 1<<20)
	for at := 0; at < len(stacks); at += 2048 {
		number := LineOf(unsafe.Pointer(&stacks[at]))
		if number >= lines {
			t.Fatal(number)
		}
		seen[number] = true
	}
	if len(seen) != lines {
		t.Errorf("stacks are told apart by %d lines of %d", len(seen), lines)
	}
}

func TestWhoHasToAskGetsNoMemory(t *testing.T) {
	for _, config := range []string{`{"bulkhead":{}}`, `{"breaker":{},"timeout":{"attempt":"1s"}}`, `{"breaker":{},"enabled":false}`} {
		if _, o := policyOf(t, config); Passes(o.Gate()) {
			t.Error(config, "passes")
		}
	}
	if _, o := policyOf(t, `{"retry":{}}`); !Passes(o.Gate()) || !o.Tally(o.Gate(), 0) {
		t.Error("a retry alone has to ask")
	}
}
