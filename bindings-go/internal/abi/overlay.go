package abi

/*
#include "seawall.h"
#cgo noescape seawall_policy_overlay
#cgo nocallback seawall_policy_overlay
#cgo noescape seawall_policy_report
#cgo nocallback seawall_policy_report
*/
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// line is a line of tallies in the memory of a policy.
type line struct {
	tally, limit atomic.Uint64
	_            [lineSize - 16]byte
}

const lineSize = C.SEAWALL_LINE_SIZE

// What the header says of a line is what stands above; else these overflow and nothing compiles.
const (
	_ = -(unsafe.Sizeof(line{}) ^ C.SEAWALL_LINE_SIZE)
	_ = -(unsafe.Offsetof(line{}.tally) ^ C.SEAWALL_LINE_TALLY)
	_ = -(unsafe.Offsetof(line{}.limit) ^ C.SEAWALL_LINE_LIMIT)
)

// lines is how many a policy has at least, where calls pass at all.
const lines = 4

// Overlay is the memory of a policy in which calls pass without crossing into C. The library owns
// it; it lives as long as the policy's handle, and every access to it is atomic, because the race
// detector does not see it. The addresses stand here themselves: what is read on the way to them is
// waited for.
type Overlay struct {
	// gate is that of calls which nobody has to look at: cell, or one that is shut.
	gate  atomic.Pointer[atomic.Uint32]
	cell  atomic.Pointer[atomic.Uint32]
	first atomic.Pointer[line]
	// slow is 0 where calls need not be timed, else one more than what is slow (see Timed).
	slow atomic.Uint64
}

var shut, open atomic.Uint32

func init() { open.Store(1) }

// Shut lets everybody ask.
func (o *Overlay) Shut() {
	o.gate.Store(&shut)
	o.cell.Store(&shut)
}

// Take up where calls pass now; to be done again when the settings have changed. watched: somebody
// looks at each call. The gates come last: who finds one finds its lines. Who found the one before
// finds that it no longer passes.
func (o *Overlay) Take(p *Policy, watched bool) {
	c := C.seawall_overlay{size: C.sizeof_seawall_overlay}
	status := C.seawall_policy_overlay(p.ptr, &c)
	runtime.KeepAlive(p)
	o.Shut()
	var slow uint64
	if c.timed != 0 {
		slow = min(uint64(c.slow_after), None-1) + 1
	}
	o.slow.Store(slow)
	gate := &shut
	switch {
	case status != 0 || c.gate == nil:
	case c.lines == 0: // nothing is counted
		o.first.Store(nil)
		gate = &open
	case c.lines >= lines && uintptr(unsafe.Pointer(c.tallies))%8 == 0: // half a word is never seen
		o.first.Store((*line)(unsafe.Pointer(c.tallies)))
		gate = (*atomic.Uint32)(unsafe.Pointer(c.gate))
	}
	o.cell.Store(gate)
	if !watched && slow == 0 {
		o.gate.Store(gate)
	}
}

// Timed tells whether calls have to know when they began; Slow whether one that took so long is to be
// reported rather than tallied.
func (o *Overlay) Timed() bool           { return o.slow.Load() != 0 }
func (o *Overlay) Slow(took uint64) bool { return o.Timed() && took > o.slow.Load()-1 }

// Gate is what a call begins under that nobody has to look at, Watched what any other does; Passes
// tells whether it may run without asking.
func (o *Overlay) Gate() uint32    { return o.gate.Load().Load() }
func (o *Overlay) Watched() uint32 { return o.cell.Load().Load() }

// Passes tells whether the gate lets calls pass.
func Passes(gate uint32) bool { return gate&1 != 0 }

// LineOf is the line that a goroutine counts on, by the address of a variable of its own. Those that
// run at once have different stacks, so that tells them apart, mostly.
func LineOf(here unsafe.Pointer) uintptr {
	// The smallest stacks are 2 kB; the multiplication spreads what differs above that.
	return uintptr(uint64(uintptr(here)>>11)*0x9e3779b97f4a7c15>>40) % lines
}

// Tally counts a success of a call that began under the gate. False: it is to be reported.
func (o *Overlay) Tally(gate uint32, number uintptr) bool {
	first := o.first.Load()
	if o.cell.Load().Load() != gate {
		return false
	}
	if first == nil {
		return true
	}
	at := (*line)(unsafe.Add(unsafe.Pointer(first), number*lineSize))
	if at.tally.Load() >= at.limit.Load() {
		return false
	}
	at.tally.Add(1)
	return true
}

// Report tells a success that Tally did not count.
func (p *Policy) Report(gate uint32, number uintptr) {
	C.seawall_policy_report(p.ptr, C.uint64_t(C.SEAWALL_PASSED|uint64(gate)), C.uint32_t(number))
	runtime.KeepAlive(p)
}
