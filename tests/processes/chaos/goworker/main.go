// Goworker is a worker of the chaos run: two goroutines that call the upstream without pause until
// stdin ends.
//
// Ten times a second it prints: calls that were counted, those among them that failed, refusals by the
// breaker, refusals by the bulkhead, faults of Seawall, and the longest stay inside Seawall in microseconds.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"seawall.dev/processes/programs/ask"
	"seawall.dev/seawall"
)

var (
	calls, failed, refused, full, faults, longest atomic.Int64

	me = strconv.Itoa(os.Getpid())
)

func caller(policy *seawall.Policy, ending *atomic.Bool) {
	for !ending.Load() {
		begun, outside := time.Now(), time.Duration(0)
		err := policy.Run(context.Background(), func(ctx context.Context) error {
			before := time.Now()
			defer func() { outside = time.Since(before) }()
			return ask.Upstream(ctx, me)
		})
		switch {
		case errors.Is(err, seawall.ErrCircuitOpen):
			refused.Add(1)
		case errors.Is(err, seawall.ErrBulkheadFull), errors.Is(err, seawall.ErrBulkheadTimeout):
			full.Add(1)
		case err != nil:
			failed.Add(1)
			calls.Add(1)
		default:
			calls.Add(1)
		}
		inside := int64((time.Since(begun) - outside) / time.Microsecond)
		for most := longest.Load(); inside > most && !longest.CompareAndSwap(most, inside); most = longest.Load() {
		}
		if outside == 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func report() {
	fmt.Println(calls.Load(), failed.Load(), refused.Load(), full.Load(), faults.Load(), longest.Swap(0))
}

func main() {
	policy, err := seawall.Named("upstream")
	if err != nil {
		log.Fatal(err)
	}
	seawall.Listen(func(event seawall.Event) {
		if event.Kind == "internal" {
			faults.Add(1)
		}
	})
	var ending atomic.Bool
	var callers sync.WaitGroup
	for range 2 {
		callers.Add(1)
		go func() {
			defer callers.Done()
			caller(policy, &ending)
		}()
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		ending.Store(true)
		callers.Wait()
		report()
		os.Exit(0)
	}()
	for range time.Tick(100 * time.Millisecond) {
		report()
	}
}
