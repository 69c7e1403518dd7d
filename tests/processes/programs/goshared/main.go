// Goshared is a c-shared library with a copy of Seawall of its own: loaded into an interpreter that
// has the wheel, two copies live in one process.
package main

import "C"

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

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
	err = policy.Run(context.Background(), work)
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

func work(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("UPSTREAM")+"/work", nil)
	if err != nil {
		return err
	}
	request.Header.Set("X-Sender", "go library")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode >= 500 {
		return fmt.Errorf("the upstream answered %d", answer.StatusCode)
	}
	return nil
}

func main() {}
