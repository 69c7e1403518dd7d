package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
	"seawall.dev/seawall"
)

// batch is how many calls there are between two looks at the clock.
const batch = 1000

// together is one of some processes that call at the same time; xtask/src/bench/together.rs tells
// what it is asked.
func together() {
	// The thread's own time is measured, as in meter.go.
	runtime.LockOSThread()
	policies := map[string]*seawall.Policy{}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var name, scope string
		var processes int
		var from, until int64
		_, err := fmt.Sscan(lines.Text(), &name, &scope, &processes, &from, &until)
		must(err)
		key := fmt.Sprintf("%s-%s-%d", name, scope, processes)
		p := policies[key]
		if p == nil {
			p = shared(key, name, scope)
			policies[key] = p
		}
		run := call(p)
		if name == "failing" {
			// One in 16 succeeds: four processes never fill a window with failures.
			run = failing(p, 16)
		}
		for monotonic() < from {
		}
		start, done := threadTime(), 0
		for {
			deeper(done/batch*27%128, run)
			done += batch
			if monotonic() >= until {
				break
			}
		}
		spent := threadTime() - start
		must(fits(p, name))
		fmt.Println(spent, done)
	}
}

// deeper runs a batch so many frames, of 32 bytes each, down the stack: bench/rust/src/harness.rs tells why.
//
//go:noinline
func deeper(frames int, run func(int)) {
	if frames == 0 {
		run(batch)
		return
	}
	deeper(frames-1, run)
}

func shared(key, name, scope string) *seawall.Policy {
	config := seawall.Config{Name: key, Scope: scope}
	switch name {
	case "bulkhead":
		config.Bulkhead = &seawall.Bulkhead{Limit: 64}
	case "failing":
		config.Breaker = patient(100)
	default:
		config.Breaker = count(100)
		config.Breaker.OpenFor = time.Hour
	}
	p := policy(config)
	if name == "open" {
		must(p.Open())
	}
	return p
}

// fits tells whether a call still ends as its case says.
func fits(p *seawall.Policy, name string) error {
	fn, wanted := works, error(nil)
	switch name {
	case "failing":
		fn, wanted = fails, errDown
	case "open":
		wanted = seawall.ErrCircuitOpen
	}
	if _, err := seawall.Do(background, p, fn); !errors.Is(err, wanted) {
		return fmt.Errorf("%s: a call ended with %v", name, err)
	}
	return nil
}

func monotonic() int64 {
	var t unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_MONOTONIC, &t))
	return t.Nano()
}
