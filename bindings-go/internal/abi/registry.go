package abi

/*
#include "seawall.h"
#cgo noescape seawall_registry_now
#cgo nocallback seawall_registry_now
#cgo noescape seawall_registry_enabled
#cgo nocallback seawall_registry_enabled
*/
import "C"

import "runtime"

// Registry is a handle on a set of named policies and their clock.
type Registry struct{ ptr *C.seawall_registry }

// Global is the registry of the process.
func Global() *Registry {
	var ptr *C.seawall_registry
	C.seawall_registry_global(&ptr)
	return ownRegistry(ptr)
}

// Manual is a registry of its own whose clock stands at zero and whose randomness is seeded.
func Manual(seed uint64) *Registry {
	var ptr *C.seawall_registry
	C.seawall_registry_manual(C.uint64_t(seed), &ptr)
	return ownRegistry(ptr)
}

// ManualWith is Manual with variables of its own, a JSON table.
func ManualWith(seed uint64, environment string) *Registry {
	var ptr *C.seawall_registry
	C.seawall_registry_manual_with(C.uint64_t(seed), str(environment), &ptr)
	return ownRegistry(ptr)
}

func ownRegistry(ptr *C.seawall_registry) *Registry {
	r := &Registry{ptr}
	runtime.AddCleanup(r, func(ptr *C.seawall_registry) { C.seawall_registry_free(ptr) }, ptr)
	return r
}

// Enabled tells whether the off switch is not on.
func (r *Registry) Enabled() bool {
	var enabled C.uint8_t
	C.seawall_registry_enabled(r.ptr, &enabled)
	runtime.KeepAlive(r)
	return enabled != 0
}

// SetEnabled turns the off switch.
func (r *Registry) SetEnabled(enabled bool) {
	C.seawall_registry_set_enabled(r.ptr, flag(enabled))
	runtime.KeepAlive(r)
}

// Now is the instant of the registry's clock in nanoseconds.
func (r *Registry) Now() uint64 {
	var nanos C.uint64_t
	C.seawall_registry_now(r.ptr, &nanos)
	runtime.KeepAlive(r)
	return uint64(nanos)
}

// Freeze lets the clock stand still, Thaw lets it follow the system again.
func (r *Registry) Freeze() { C.seawall_registry_freeze(r.ptr); runtime.KeepAlive(r) }
func (r *Registry) Thaw()   { C.seawall_registry_thaw(r.ptr); runtime.KeepAlive(r) }

// Advance moves a clock that stands still.
func (r *Registry) Advance(nanos uint64) Status {
	status := C.seawall_registry_advance(r.ptr, C.uint64_t(nanos))
	runtime.KeepAlive(r)
	return Status(status)
}

// Reseed starts the randomness anew.
func (r *Registry) Reseed(seed uint64) {
	C.seawall_registry_reseed(r.ptr, C.uint64_t(seed))
	runtime.KeepAlive(r)
}

// Script appends a number to be drawn before any other.
func (r *Registry) Script(number float64) {
	C.seawall_registry_script(r.ptr, C.double(number))
	runtime.KeepAlive(r)
}

// Uniform draws a number.
func (r *Registry) Uniform() float64 {
	var number C.double
	C.seawall_registry_uniform(r.ptr, &number)
	runtime.KeepAlive(r)
	return float64(number)
}

// Load reads a configuration; a mistake comes back as JSON.
func (r *Registry) Load(toml, source string) (Status, string) {
	var why C.seawall_text
	status := C.seawall_registry_load(r.ptr, str(toml), str(source), &why)
	runtime.KeepAlive(r)
	return Status(status), taken(&why)
}

// LoadPath reads a configuration file.
func (r *Registry) LoadPath(path string) (Status, string) {
	var why C.seawall_text
	status := C.seawall_registry_load_path(r.ptr, str(path), &why)
	runtime.KeepAlive(r)
	return Status(status), taken(&why)
}

// Reload reads the configuration again.
func (r *Registry) Reload() (Status, string) {
	var why C.seawall_text
	status := C.seawall_registry_reload(r.ptr, &why)
	runtime.KeepAlive(r)
	return Status(status), taken(&why)
}

// TakeWakes calls wake with the tickets that a configuration admitted.
func (r *Registry) TakeWakes(wake func(ticket uint64)) {
	var tickets [16]C.uint64_t
	for {
		var count C.size_t
		C.seawall_registry_take_wakes(r.ptr, &tickets[0], C.size_t(len(tickets)), &count)
		runtime.KeepAlive(r)
		for _, ticket := range tickets[:min(int(count), len(tickets))] {
			wake(uint64(ticket))
		}
		if int(count) < len(tickets) {
			return
		}
	}
}

// Tick applies due transitions.
func (r *Registry) Tick() { C.seawall_registry_tick(r.ptr); runtime.KeepAlive(r) }

// Metrics is the Prometheus text, Snapshot a JSON array of policies.
func (r *Registry) Metrics() string {
	var text C.seawall_text
	C.seawall_registry_metrics(r.ptr, &text)
	runtime.KeepAlive(r)
	return taken(&text)
}

func (r *Registry) Snapshot() string {
	var text C.seawall_text
	C.seawall_registry_snapshot(r.ptr, &text)
	runtime.KeepAlive(r)
	return taken(&text)
}

// Find is a policy that was built under the name.
func (r *Registry) Find(name string) (*Policy, Status) {
	var ptr *C.seawall_policy
	status := C.seawall_registry_find(r.ptr, str(name), &ptr)
	runtime.KeepAlive(r)
	return ownPolicy(ptr), Status(status)
}

// OperationTimeout and ResourceLimit read the tables that configuration may replace.
func (r *Registry) OperationTimeout(operation string) uint64 {
	var nanos C.uint64_t
	C.seawall_registry_operation_timeout(r.ptr, str(operation), &nanos)
	runtime.KeepAlive(r)
	return uint64(nanos)
}

func (r *Registry) ResourceLimit(resource string) uint32 {
	var limit C.uint32_t
	C.seawall_registry_resource_limit(r.ptr, str(resource), &limit)
	runtime.KeepAlive(r)
	return uint32(limit)
}

// NewPolicy builds a policy from the code layer; a mistake comes back as JSON.
func (r *Registry) NewPolicy(json string) (*Policy, Status, string) {
	var ptr *C.seawall_policy
	var why C.seawall_text
	status := C.seawall_policy_new(r.ptr, str(json), &ptr, &why)
	runtime.KeepAlive(r)
	return ownPolicy(ptr), Status(status), taken(&why)
}

// Named is a policy that the file or the environment declares.
func (r *Registry) Named(name string) (*Policy, Status, string) {
	var ptr *C.seawall_policy
	var why C.seawall_text
	status := C.seawall_policy_named(r.ptr, str(name), &ptr, &why)
	runtime.KeepAlive(r)
	return ownPolicy(ptr), Status(status), taken(&why)
}

// Events is a reader of what happens in a registry from now on. One goroutine at a time.
type Events struct{ ptr *C.seawall_events }

// Subscribe starts a reader; Free ends it.
func (r *Registry) Subscribe() *Events {
	var ptr *C.seawall_events
	C.seawall_events_new(r.ptr, &ptr)
	runtime.KeepAlive(r)
	return &Events{ptr}
}

// Drain is a JSON array of events, empty when nothing happened, and how many were lost.
func (e *Events) Drain() (json string, dropped uint64) {
	var text C.seawall_text
	var lost C.uint64_t
	C.seawall_events_drain(e.ptr, &text, &lost)
	return taken(&text), uint64(lost)
}

// Free ends the subscription.
func (e *Events) Free() { C.seawall_events_free(e.ptr); e.ptr = nil }

func flag(b bool) C.uint8_t {
	if b {
		return 1
	}
	return 0
}
