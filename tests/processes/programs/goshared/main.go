// Goshared is a c-shared library with a copy of Seawall of its own: loaded into an interpreter that
// has the wheel, two copies live in one process.
package main

import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"

	"seawall.dev/processes/programs/ask"
	"seawall.dev/seawall"
)

const (
	answered = iota
	failed
	circuitOpen
	bulkheadFull
	broken
)

// CallUpstream calls once through the policy `upstream`, and tells how that went.
//
//export CallUpstream
func CallUpstream() C.int {
	policy, err := seawall.Named("upstream")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return broken
	}
	err = policy.Run(context.Background(), func(ctx context.Context) error {
		return ask.Upstream(ctx, "go library")
	})
	switch {
	case err == nil:
		return answered
	case errors.Is(err, seawall.ErrCircuitOpen):
		return circuitOpen
	case errors.Is(err, seawall.ErrBulkheadFull):
		return bulkheadFull
	default:
		return failed
	}
}

// IsOpen tells whether the circuit of `upstream` is open, as this copy sees it.
//
//export IsOpen
func IsOpen() C.int {
	policy, err := seawall.Named("upstream")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return -1
	}
	if state, err := policy.State(); err == nil && state == seawall.StateOpen {
		return 1
	}
	return 0
}

func main() {}
