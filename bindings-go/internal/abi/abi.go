// Package abi is the only room of the module that speaks C. It turns the functions of seawall.h
// into methods on handles that the collector frees, and holds no decision of its own.
//
// No function behind it blocks or calls back, so every entry may be told so (noescape, nocallback).
package abi

/*
#cgo linux,amd64 LDFLAGS: -L${SRCDIR}/lib/linux_amd64 -lseawall -lpthread -ldl -lm
#include "seawall.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// None stands for a length or an instant that is not there.
const None = ^uint64(0)

// NoHint stands for a missing server hint; a negative hint means "never".
const NoHint = -1 << 63

// Status is a number of the shared list of codes; zero is fine.
type Status int32

// library is the number of the library that this was compiled for. Nobody reads it, but with another one
// the package is another, and the tools of Go link it anew.
var library uint64 = C.SEAWALL_LIBRARY

func init() {
	const needed = uint32(C.SEAWALL_ABI_VERSION) // of the header that this module was compiled with
	if got := uint32(C.seawall_abi_version()); got>>16 != needed>>16 || got < needed {
		panic(fmt.Sprintf("seawall: the linked library speaks ABI %d.%d, this module needs %d.%d: take both from one release",
			got>>16, got&0xffff, needed>>16, needed&0xffff))
	}
}

// Version is the version of the linked library.
func Version() string { return borrowed(C.seawall_version()) }

// Statuses is the whole list of codes that the library knows.
func Statuses() []Status {
	var count C.size_t
	C.seawall_status_list(nil, 0, &count)
	if count == 0 {
		return nil
	}
	list := make([]C.seawall_status, count)
	C.seawall_status_list(&list[0], count, &count)
	all := make([]Status, len(list))
	for i, one := range list {
		all[i] = Status(one)
	}
	return all
}

func (s Status) String() string { return borrowed(C.seawall_status_name(C.seawall_status(s))) }

// OutcomeName is the word for an outcome in vectors, events and metrics.
func OutcomeName(outcome uint8) string { return borrowed(C.seawall_outcome_name(C.uint8_t(outcome))) }

// ParseOutcome is the number of an outcome's word.
func ParseOutcome(name string) (uint8, bool) {
	var outcome C.uint8_t
	status := C.seawall_outcome_parse(str(name), &outcome)
	return uint8(outcome), status == 0
}

// StateName is the word for a state of a breaker.
func StateName(state uint8) string { return borrowed(C.seawall_state_name(C.uint8_t(state))) }

// StopName is the word for the reason why no further attempt was made.
func StopName(stop uint8) string { return borrowed(C.seawall_stop_name(C.uint8_t(stop))) }

// FallbackName is the word for a link of a fallback chain.
func FallbackName(step uint8) string { return borrowed(C.seawall_fallback_name(C.uint8_t(step))) }

// str lends a Go string to C for one call.
func str(s string) C.seawall_str {
	return C.seawall_str{ptr: (*C.char)(unsafe.Pointer(unsafe.StringData(s))), len: C.size_t(len(s))}
}

// borrowed copies text that C keeps.
func borrowed(s C.seawall_str) string { return C.GoStringN(s.ptr, C.int(s.len)) }

// taken copies text that C gave away and frees it.
func taken(text *C.seawall_text) string {
	s := C.GoStringN(text.ptr, C.int(text.len))
	C.seawall_text_free(text)
	return s
}
