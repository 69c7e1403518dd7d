//go:build !amd64 || !go1.24 || go1.28

package abi

/*
static inline void cross(void *call, void *question) { ((void (*)(void *))call)(question); }
#cgo noescape cross
#cgo nocallback cross
*/
import "C"

import "unsafe"

// cross asks a question in cgo's own way.
func cross(do, question unsafe.Pointer) { C.cross(do, question) }
