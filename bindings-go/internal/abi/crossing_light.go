//go:build amd64 && go1.24 && !go1.28

package abi

import "unsafe"

// A question that is asked for each call crosses without what cgo does around it, which costs several times what
// the library needs for the answer: to let go of the P, and to ask for it again. So the P waits meanwhile, and
// with it who wants to stop the world, as for any other stretch of code that cannot be interrupted: the library
// does not call back, and blocks for no longer than a short lock, or, once a second in host scope, a look at the
// file of a segment. Go's runtime calls C so itself, and like procPin this is no promise of Go's.

//go:linkname asmcgocall runtime.asmcgocall
//go:noescape
func asmcgocall(do, question unsafe.Pointer) int32

func cross(do, question unsafe.Pointer) { asmcgocall(do, question) }
