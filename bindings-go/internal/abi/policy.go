package abi

/*
#include "seawall.h"
*/
import "C"

import "runtime"

// Bits of Shape.Parts.
const (
	PartBreaker  = 1 << 1
	PartRetry    = 1 << 2
	PartBudget   = 1 << 3
	PartBulkhead = 1 << 4
	PartTimeout  = 1 << 5
	PartFallback = 1 << 6
	PartCache    = 1 << 7
	PartCost     = 1 << 8
)

// Modes of an attempt timeout.
const (
	ModeCooperative = 0
	ModeAbandon     = 1
)

// Policy is a counted handle; a keyed view is one too.
type Policy struct{ ptr *C.seawall_policy }

func ownPolicy(ptr *C.seawall_policy) *Policy {
	if ptr == nil {
		return nil
	}
	p := &Policy{ptr}
	runtime.AddCleanup(p, func(ptr *C.seawall_policy) { C.seawall_policy_free(ptr) }, ptr)
	return p
}

// Shape is what a driver must know about a policy, once.
type Shape struct {
	Parts               uint32
	Enabled             bool
	StreamExempt        bool
	CacheFirst          bool
	TimeoutMode         uint8
	CacheSize           uint32
	CacheTTL            uint64
	CacheStaleFor       uint64
	AttemptTimeout      uint64
	Deadline            uint64
	IdleTimeout         uint64
	SlowAfter           uint64
	CallerDeadlineAfter uint64
	FallbackTimeout     uint64
	FallbackCount       uint32
	MaxKeys             uint32
	// Admits: Admit may let a call in; Ends: End may end one.
	Admits, Ends bool
	// Moves: other processes may move where calls pass.
	Moves bool
}

// Shape reads the parts and numbers of the policy.
func (p *Policy) Shape() Shape {
	var s C.seawall_shape
	s.size = C.sizeof_seawall_shape
	C.seawall_policy_shape(p.ptr, &s)
	runtime.KeepAlive(p)
	return Shape{
		Parts: uint32(s.parts), Enabled: s.enabled != 0, StreamExempt: s.stream_exempt != 0,
		CacheFirst: s.cache_first != 0, TimeoutMode: uint8(s.timeout_mode), CacheSize: uint32(s.cache_size),
		CacheTTL: uint64(s.cache_ttl), CacheStaleFor: uint64(s.cache_stale_for),
		AttemptTimeout: uint64(s.attempt_timeout), Deadline: uint64(s.deadline), IdleTimeout: uint64(s.idle_timeout),
		SlowAfter: uint64(s.slow_after), CallerDeadlineAfter: uint64(s.caller_deadline_after),
		FallbackTimeout: uint64(s.fallback_timeout), FallbackCount: uint32(s.fallback_count), MaxKeys: uint32(s.max_keys),
		Admits: s.admits != 0, Ends: s.ends != 0, Moves: s.moves != 0,
	}
}

// Fallback is one link of the chain, and the JSON of its value where the configuration holds one.
func (p *Policy) Fallback(index uint32) (step uint8, value string) {
	var s C.uint8_t
	var text C.seawall_text
	C.seawall_policy_fallback(p.ptr, C.uint32_t(index), &s, &text)
	runtime.KeepAlive(p)
	return uint8(s), taken(&text)
}

// HostProblem tells why calls are refused for want of what processes share; empty while they are not.
func (p *Policy) HostProblem() string {
	var text C.seawall_text
	C.seawall_policy_host_problem(p.ptr, &text)
	runtime.KeepAlive(p)
	return taken(&text)
}

// At is the policy for one key.
func (p *Policy) At(key string) (*Policy, Status) {
	var ptr *C.seawall_policy
	status := C.seawall_policy_at(p.ptr, str(key), &ptr)
	runtime.KeepAlive(p)
	return ownPolicy(ptr), Status(status)
}

// Name is empty for a policy without one.
func (p *Policy) Name() string {
	var name C.seawall_str
	C.seawall_policy_name(p.ptr, &name)
	s := borrowed(name)
	runtime.KeepAlive(p)
	return s
}

// Enabled is false when the policy or the whole registry is switched off.
func (p *Policy) Enabled() bool {
	var enabled C.uint8_t
	C.seawall_policy_enabled(p.ptr, &enabled)
	runtime.KeepAlive(p)
	return enabled != 0
}

// Snapshot is the policy's state as JSON.
func (p *Policy) Snapshot() string {
	var text C.seawall_text
	C.seawall_policy_snapshot(p.ptr, &text)
	runtime.KeepAlive(p)
	return taken(&text)
}

// Resolved is the complete configuration as JSON.
func (p *Policy) Resolved() string {
	var text C.seawall_text
	C.seawall_policy_config(p.ptr, &text)
	runtime.KeepAlive(p)
	return taken(&text)
}

// ID is the number of the policy in its process; events carry it.
func (p *Policy) ID() uint64 {
	var id C.uint64_t
	C.seawall_policy_id(p.ptr, &id)
	runtime.KeepAlive(p)
	return uint64(id)
}
