//go:build amd64 && go1.24 && !go1.28

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

// A writer is a P of Go's scheduler: a goroutine that holds on to its own is alone with it, so it counts
// without a locked instruction, which is most of what counting costs. The standard library's pools rest
// on the same two functions. They are no promise of Go: releases that nobody has tried, and machines
// where a plain store is no release, have the other file.

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// Asked for before anything is counted: package variables that make policies come later. Should there be more
// P's one day, the others add to shared lines.
func init() { C.seawall_lend_lines(C.uint32_t(runtime.GOMAXPROCS(0))) }

// Take says which writer the goroutine is until Give, between which it neither waits nor crosses.
func Take() int { return procPin() }
func Give()     { procUnpin() }

// StoreAlone is a store that nobody races with: on this machine a plain one, which Rust may read.
func (l *Line) StoreAlone(made uint64) { *(*uint64)(unsafe.Pointer(&l.tally)) = made }

// addAlone adds one to a word that nobody else writes.
func addAlone(word *atomic.Uint64) { *(*uint64)(unsafe.Pointer(word)) = word.Load() + 1 }

// release is a store that whoever sees finds what was stored before: on this machine a plain one, too. A locked
// one costs as much as all else that a failure is entered with.
func release(word *atomic.Uint64, value uint64) { *(*uint64)(unsafe.Pointer(word)) = value }
