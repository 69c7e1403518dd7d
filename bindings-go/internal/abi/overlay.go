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

// Overlay is the memory of a policy in which calls pass without crossing into C. The library owns
// it; it lives as long as the policy's handle, and every access to it is atomic, because the race
// detector does not see it.
type Overlay struct {
	gate  *atomic.Uint32
	lines unsafe.Pointer
	mask  uintptr
}

// shut is the gate of those who always ask.
var shut atomic.Uint32

// NoOverlay always asks.
func NoOverlay() Overlay { return Overlay{gate: &shut} }

// Overlay is where calls pass now; it is to be asked for again when the settings have changed.
func (p *Policy) Overlay() Overlay {
	o := C.seawall_overlay{size: C.sizeof_seawall_overlay}
	status := C.seawall_policy_overlay(p.ptr, &o)
	runtime.KeepAlive(p)
	// Both halves of a 64-bit word are added to in one piece only at a multiple of eight.
	if status != 0 || o.lines == 0 || uintptr(unsafe.Pointer(o.tallies))%lineSize != 0 {
		return NoOverlay()
	}
	mask := uintptr(1)
	for mask<<1 <= min(uintptr(o.lines), 128) { // a call names its line in a byte
		mask <<= 1
	}
	return Overlay{(*atomic.Uint32)(unsafe.Pointer(o.gate)), unsafe.Pointer(o.tallies), mask - 1}
}

// Gate is what a call begins under; Passes tells whether it may run without asking.
func (o *Overlay) Gate() uint32 { return o.gate.Load() }

// Passes tells whether the gate lets calls pass.
func Passes(gate uint32) bool { return gate&1 != 0 }

// Line is the line that a goroutine counts on. Those that run at once have different stacks, so the
// address of a variable there tells them apart, mostly.
func (o *Overlay) Line() uintptr {
	var here byte
	// The smallest stacks are 2 kB; the multiplication spreads what differs above that.
	return uintptr(uint64(uintptr(unsafe.Pointer(&here))>>11)*0x9e3779b97f4a7c15>>40) & o.mask
}

// Tally counts a success of a call that began under the gate. False: it is to be reported.
func (o *Overlay) Tally(gate uint32, number uintptr) bool {
	at := (*line)(unsafe.Add(o.lines, number*lineSize))
	if o.gate.Load() != gate || at.tally.Load() >= at.limit.Load() {
		return false
	}
	at.tally.Add(1)
	return true
}

// Pass lets a call run without asking.
type Pass struct{ number, started uint64 }

// PassOf is the pass of a call that began under the gate, at an instant of the core's clock; 0 where
// nobody knows.
func PassOf(gate uint32, started uint64) Pass { return Pass{C.SEAWALL_PASSED | uint64(gate), started} }

// Report tells a success that Tally did not count.
func (p *Policy) Report(gate uint32, number uintptr) {
	C.seawall_policy_report(p.ptr, C.uint64_t(C.SEAWALL_PASSED|uint64(gate)), C.uint32_t(number))
	runtime.KeepAlive(p)
}
