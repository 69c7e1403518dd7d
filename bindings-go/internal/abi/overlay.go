package abi

/*
#include "cross.h"
#cgo noescape seawall_policy_overlay
#cgo nocallback seawall_policy_overlay
*/
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Line is a line of tallies in the memory of a policy.
type Line struct {
	tally, limit atomic.Uint64
	_            [lineSize - 16]byte
}

const lineSize = C.SEAWALL_LINE_SIZE

// What the header says of a line is what stands above; else these overflow and nothing compiles.
const (
	_ = -(unsafe.Sizeof(Line{}) ^ C.SEAWALL_LINE_SIZE)
	_ = -(unsafe.Offsetof(Line{}.tally) ^ C.SEAWALL_LINE_TALLY)
	_ = -(unsafe.Offsetof(Line{}.limit) ^ C.SEAWALL_LINE_LIMIT)
)

// lines is how many shared ones a policy has at least, where calls pass at all, and lent how many more
// there are that the writers of this process have for themselves.
const (
	lines = 4
	lent  = C.SEAWALL_LENT_LINES
)

// Overlay is the memory of a policy in which calls pass without crossing into C. The library owns
// it; it lives as long as the policy's handle, and every access to it is atomic, because the race
// detector does not see it. The addresses stand here themselves: what is read on the way to them is
// waited for.
type Overlay struct {
	// gate is that of calls which nobody has to look at: cell, or one that is shut.
	gate  atomic.Pointer[atomic.Uint32]
	cell  atomic.Pointer[atomic.Uint32]
	first atomic.Pointer[Line]
	// log is nil where failures are to be reported.
	log atomic.Pointer[failureLog]
	// slow is 0 where calls need not be timed, else one more than what is slow (see Timed).
	slow atomic.Uint64
	// lent are the lines by the number of their writer; full where it adds to a shared one, which those
	// beyond the last number do.
	lent [lent + 1]atomic.Pointer[Line]
}

var (
	shut, open atomic.Uint32
	// full is a line that nothing can be tallied on.
	full Line
	// idle are lines that nobody looks at, twice as many as are used: each has a cache line for itself.
	idle [2 * lent]Line
)

func init() {
	open.Store(1)
	for at := range idle {
		idle[at].limit.Store(None)
	}
}

// Shut lets everybody ask.
func (o *Overlay) Shut() {
	o.gate.Store(&shut)
	o.cell.Store(&shut)
	o.log.Store(nil)
	o.lent[lent].Store(&full)
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
	case c.lines == 0: // nothing is counted, or where nobody looks
		o.first.Store(&idle[0])
		for writer := range lent {
			o.lent[writer].Store(&idle[2*writer])
		}
		gate = &open
	case c.lines >= lines && uintptr(unsafe.Pointer(c.tallies))%8 == 0: // half a word is never seen
		o.first.Store((*Line)(unsafe.Pointer(c.tallies)))
		for writer := range lent {
			own := (*Line)(unsafe.Pointer(c.lent[writer]))
			if own == nil {
				own = &full
			}
			o.lent[writer].Store(own)
		}
		gate = (*atomic.Uint32)(unsafe.Pointer(c.gate))
		o.log.Store(failureLogOf(p, gate))
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

// Pass is the bit of a gate that lets calls pass.
const Pass = 1

// Passes tells whether the gate has it.
func Passes(gate uint32) bool { return gate&Pass != 0 }

// TallyAlone counts a success of a call that began under the gate, on the line which the writer has for
// itself, between Take and Give. False where it has none, where the gate has changed and where the line is
// full: Tally.
func (o *Overlay) TallyAlone(writer int, gate uint32) bool {
	own := o.Own(writer)
	made := own.Tally()
	if made >= own.Limit() || o.Watched() != gate {
		return false
	}
	own.StoreAlone(made + 1)
	return true
}

// Own is the line that the writer has for itself; a full one where it has none. It is found without a
// branch: the lesser of writer and lent, counted from the end.
func (o *Overlay) Own(writer int) *Line {
	return o.lent[min(uint(writer), lent)].Load()
}

// Tally is what has been counted on the line, Limit what that has to be below.
func (l *Line) Tally() uint64 { return l.tally.Load() }
func (l *Line) Limit() uint64 { return l.limit.Load() }

// Tallied is no line: there is nothing to report.
const Tallied = ^uint32(0)

// Tally counts what TallyAlone has not. Anything but Tallied is the line that the success is to be
// reported with.
func (o *Overlay) Tally(writer int, gate uint32) uint32 {
	if uint(writer) < lent && o.lent[writer].Load() != &full {
		return C.SEAWALL_LINE_LENT | uint32(writer)
	}
	number := uint32(writer) % lines
	at := (*Line)(unsafe.Add(unsafe.Pointer(o.first.Load()), uintptr(number)*lineSize))
	if at.tally.Load() >= at.limit.Load() || o.cell.Load().Load() != gate {
		return number
	}
	at.tally.Add(1)
	return Tallied
}

// Report tells a success that Tally did not count.
func (p *Policy) Report(gate uint32, number uint32) {
	q := C.cross_report{policy: p.ptr, pass: C.SEAWALL_PASSED | C.uint64_t(gate), line: C.uint32_t(number)}
	cross(C.seawall_go_report, unsafe.Pointer(&q))
	runtime.KeepAlive(p)
}
