package seawall

import (
	"sync/atomic"
	"unsafe"

	"seawall.dev/seawall/internal/abi"
)

// endings is what the core has said of kinds of errors: what a type alone tells is asked for once. A kind
// whose place another has goes the long way.
type endings [8]atomic.Pointer[ending]

type ending struct {
	kind unsafe.Pointer
	abi  *abi.Ending
}

// words are those of an error: what its type is, and which one it is.
type words struct{ kind, data unsafe.Pointer }

func wordsOf(err error) words { return *(*words)(unsafe.Pointer(&err)) }

func (e *endings) place(kind unsafe.Pointer) *atomic.Pointer[ending] {
	return &e[uintptr(kind)>>5%uintptr(len(e))] // descriptions of types are longer than that
}

// endingOf is how a call ends with the error, if that is all there is to it; else nil.
func (p *Policy) endingOf(err error) *abi.Ending {
	v, is := p.look(), wordsOf(err)
	if known := v.endings.Load(); known != nil && is != wordsOf(ErrRejected) {
		if one := known.place(is.kind).Load(); one != nil {
			if one.kind == is.kind {
				return one.abi
			}
			return nil
		}
	}
	return p.learn(v, err)
}

// learn asks for the ending of an error whose type says everything.
func (p *Policy) learn(v *view, err error) *abi.Ending {
	if !v.shape.Ends || len(p.host.exclude) > 0 || len(p.host.include) > 0 || says(err) {
		return nil
	}
	one := &ending{kind: wordsOf(err).kind, abi: p.core.Ending(uint8(lookUp(err).outcome), typeName(err))}
	if one.abi == nil {
		return nil
	}
	v.endings.CompareAndSwap(nil, new(endings))
	v.endings.Load().place(one.kind).CompareAndSwap(nil, one)
	return one.abi
}
