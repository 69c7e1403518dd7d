package abi

import (
	"runtime"
	"testing"
)

// Where one call in fifty succeeds and a window of a hundred is to be full of failures, each verdict is good for
// fifty failures at least: whenever in the window it begins, and however many writers have counted, no more than
// that cross. Counted, as no clock tells it.
func TestFailuresAreJudgedOncePerCredit(t *testing.T) {
	const size, between, failures = 100, 50, 5_000
	for begin := range size {
		p, o := policyOf(t, `{"breaker":{"window":{"kind":"count","size":100},"failure_rate":1.0,"minimum_calls":100}}`)
		for call := 0; !Passes(o.Gate()); call++ {
			if call == size {
				t.Fatalf("after %d successes none passes", size)
			}
			in := PassOf(o.Gate())
			p.Dismiss(&in, func(uint64) {})
		}
		e := p.Ending(failure, "*errors.errorString")
		judged := 0
		for call := range failures {
			if (call+begin)%(between-1) == 0 {
				if runtime.Gosched(); !tallied(o, o.Gate()) {
					t.Fatal("not tallied")
				}
			}
			entered, judge := o.Fail(o.Gate(), e)
			if !entered {
				t.Fatalf("failure %d is not entered", call)
			}
			if judge {
				judged++
				p.Judge(o.Gate())
			}
		}
		if judged == 0 || judged > failures/between+1 {
			t.Errorf("begun at %d: %d of %d failures were judged", begin, judged, failures)
		}
		mustShow(t, p, `"state":"closed"`)
	}
}
