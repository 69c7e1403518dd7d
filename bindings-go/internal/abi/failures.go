package abi

/*
#include "cross.h"
#cgo noescape seawall_policy_failure_log
#cgo nocallback seawall_policy_failure_log
#cgo noescape seawall_ending_counted
#cgo nocallback seawall_ending_counted
*/
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Entering a failure looks at the lines of all writers, whether or not any are lent.
func init() { C.seawall_keep_lines_together() }

// failureLog is where a policy's failures are entered without crossing into C: what the core would do, in its
// order and in its memory, and no verdict. What it has said in advance, that so many more failures open nothing,
// is looked up; past that it is asked to judge. It never changes; one that no longer holds is replaced.
type failureLog struct {
	gate     *atomic.Uint32
	failures *atomic.Uint64
	credit   *atomic.Uint64
	ring     unsafe.Pointer
	tallies  unsafe.Pointer
	used     *atomic.Uint64
	streak   *[2]atomic.Uint64
	length   uint64
	lines    uint32
	own      uint32
	rules    uint32
	most     uint32
}

// failureLogOf is nil where each failure is to be reported. gate is that of the overlay taken with it.
func failureLogOf(p *Policy, gate *atomic.Uint32) *failureLog {
	c := C.seawall_failure_log{size: C.sizeof_seawall_failure_log}
	status := C.seawall_policy_failure_log(p.ptr, &c)
	runtime.KeepAlive(p)
	if status != 0 || c.failures == nil || c.length == 0 {
		return nil
	}
	return &failureLog{
		gate: gate, failures: (*atomic.Uint64)(unsafe.Pointer(c.failures)), credit: (*atomic.Uint64)(unsafe.Pointer(c.credit)),
		ring: unsafe.Pointer(c.ring), tallies: unsafe.Pointer(c.tallies), streak: (*[2]atomic.Uint64)(unsafe.Pointer(c.streak)),
		used:   (*atomic.Uint64)(unsafe.Pointer(c.used)),
		length: uint64(c.length), lines: uint32(c.lines), own: uint32(c.own), rules: uint32(c.rules), most: uint32(c.most),
	}
}

// enter enters a failure of a call that passed under the gate, and gives its number.
func (l *failureLog) enter() (index uint64) {
	// The tallies before the index: a goroutine that is stopped must not make a young entry at an old place.
	sum := l.tallied()
	for {
		index = l.failures.Load()
		entry := (*atomic.Uint64)(unsafe.Add(l.ring, index%l.length*8))
		if number := sum + index + 1; entry.Load() < number {
			release(entry, number)
		}
		if l.failures.CompareAndSwap(index, index+1) {
			break
		}
	}
	// A streak that no verdict asks for: a new one where a success came in between.
	if l.streak[0].Load() != sum+1 {
		release(&l.streak[1], index)
		release(&l.streak[0], sum+1)
	}
	return index
}

// tallied is the sum of the lines in use, which are looked up first: a line is said to be in use before
// anything is counted on it.
func (l *failureLog) tallied() uint64 {
	used := l.used.Load()
	sum := sumOf(l.tallies, min(uint32(used), l.own))
	if used>>32 != 0 {
		sum += sumOf(unsafe.Add(l.tallies, uintptr(l.own)*lineSize), l.lines-l.own)
	}
	return sum
}

func sumOf(at unsafe.Pointer, lines uint32) (sum uint64) {
	tally := func(line uintptr) uint64 { return (*atomic.Uint64)(unsafe.Add(at, line*lineSize)).Load() }
	for ; lines >= 4; lines -= 4 { // four additions that do not wait for each other
		sum += tally(0) + tally(1) + (tally(2) + tally(3))
		at = unsafe.Add(at, 4*lineSize)
	}
	for ; lines > 0; lines-- {
		sum += (*atomic.Uint64)(at).Load()
		at = unsafe.Add(at, lineSize)
	}
	return sum
}

// spares tells whether the core has said of that failure that it opens nothing.
func (l *failureLog) spares(gate uint32, index uint64) bool {
	credit := l.credit.Load()
	return uint32(credit>>32) == gate>>1^l.rules && uint32(credit)-uint32(index)-1 < l.most
}

// counted is where calls are counted that end in one way.
type counted struct {
	lent   [lent]*atomic.Uint64
	shared unsafe.Pointer
	lines  uint32
}

func (e *Ending) findCounted(p *Policy) {
	c := C.seawall_ending_lines{size: C.sizeof_seawall_ending_lines}
	status := C.seawall_ending_counted(p.ptr, e.ptr, &c)
	runtime.KeepAlive(p)
	if status != 0 || c.lines == 0 {
		return
	}
	e.counted.shared, e.counted.lines = unsafe.Pointer(c.shared), uint32(c.lines)
	for writer := range e.counted.lent {
		e.counted.lent[writer] = (*atomic.Uint64)(unsafe.Pointer(c.lent[writer]))
	}
}

func (c *counted) add() {
	writer := Take()
	if uint(writer) < lent && c.lent[writer] != nil {
		addAlone(c.lent[writer])
		Give()
		return
	}
	Give()
	(*atomic.Uint64)(unsafe.Add(c.shared, uintptr(uint32(writer)%c.lines)*lineSize)).Add(1)
}

// Fail ends a call that began under the gate with an error of a known kind. False: nothing has been entered,
// Policy.End it. judge: the core is to be asked, by Policy.Judge.
func (o *Overlay) Fail(gate uint32, e *Ending) (entered, judge bool) {
	l := o.log.Load()
	if l == nil || e.counted.shared == nil || l.gate.Load() != gate {
		return false, false
	}
	index := l.enter()
	e.counted.add()
	return true, !l.spares(gate, index)
}

// Judge asks for the verdict on a failure that was entered under the gate.
func (p *Policy) Judge(gate uint32) {
	q := C.cross_judge{policy: p.ptr, gate: C.uint32_t(gate)}
	cross(C.seawall_go_judge, unsafe.Pointer(&q))
	runtime.KeepAlive(p)
}
