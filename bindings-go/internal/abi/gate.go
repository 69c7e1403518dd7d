package abi

/*
#include "seawall.h"
*/
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// line is one tally word on a cache line of its own.
type line struct {
	count atomic.Uint64
	_     [56]byte
}

// Gate is the closed path of a policy: it tells whether a call may run without asking, and counts
// its success. Where the policy's words can be read directly nothing crosses into C.
//
// The words live in memory of the library, outside the sight of the collector and of the race
// detector: every access here is atomic, and the handle is kept alive past the last one.
type Gate struct {
	policy *Policy
	word   *atomic.Uint32
	lines  []line
	ask    bool
}

// NewGate looks up how the policy's gate is reached. With ask the answer is always "ask".
func NewGate(p *Policy, ask bool) Gate {
	g := Gate{policy: p, ask: ask}
	if ask {
		return g
	}
	var raw C.seawall_gate
	raw.size = C.sizeof_seawall_gate
	C.seawall_policy_gate(p.ptr, &raw)
	runtime.KeepAlive(p)
	if raw.gate == nil || raw.tally == nil || raw.shards == 0 {
		return g
	}
	// SAFETY: both addresses belong to the policy's cell, which lives as long as the handle; the
	// gate is an aligned u32, the tallies are `shards` words 64 bytes apart; nobody reads or
	// writes them but with atomics.
	g.word = (*atomic.Uint32)(unsafe.Pointer(raw.gate))
	g.lines = unsafe.Slice((*line)(unsafe.Pointer(raw.tally)), int(raw.shards))
	return g
}

// Pass gives the pass to hand back to Succeed, or zero: ask.
func (g *Gate) Pass() uint64 {
	if g.word != nil {
		if now := g.word.Load(); now&1 == 1 {
			return uint64(now)
		}
		return 0
	}
	if g.ask {
		return 0
	}
	return g.policy.pass()
}

// Succeed counts a success under a pass; false means that the pass has ended meanwhile and that the
// success has to be reported.
func (g *Gate) Succeed(pass uint64) bool {
	if g.word == nil {
		return g.policy.succeed(pass)
	}
	if uint64(g.word.Load()) != pass {
		return false
	}
	g.lines[shard(len(g.lines))].count.Add(1)
	runtime.KeepAlive(g.policy)
	return true
}

// shard chooses a tally by the place of the goroutine's stack: goroutines that run at the same time
// have different stacks, so they mostly write to different lines. Any choice is right.
func shard(shards int) int {
	var here byte
	// SAFETY: the address is only hashed, never followed.
	place := uintptr(unsafe.Pointer(&here)) >> 11
	return int((place^place>>7)*0x9E3779B97F4A7C15>>32) & (shards - 1)
}
