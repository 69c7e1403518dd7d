//go:build !amd64 || !go1.24 || go1.28

package abi

import (
	"sync/atomic"
	"unsafe"
)

// Take tells goroutines that run at once apart, mostly, by their stacks: nobody is alone with a line.
func Take() int {
	var here byte
	// The smallest stacks are 2 kB; the multiplication spreads what differs above that.
	return int(uint64(uintptr(unsafe.Pointer(&here))>>11) * 0x9e3779b97f4a7c15 >> 40)
}

func Give() {}

// StoreAlone and addAlone are never called: no line has been lent.
func (l *Line) StoreAlone(made uint64) { l.tally.Store(made) }

func addAlone(word *atomic.Uint64) { word.Add(1) }

func release(word *atomic.Uint64, value uint64) { word.Store(value) }
