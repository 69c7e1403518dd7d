package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
)

var (
	background = context.Background()
	errDown    = errors.New("down")
)

// The protected functions. Variables, so that no compiler sees what is behind them.
var (
	works  = func(context.Context) (int, error) { return 1, nil }
	fails  = func(context.Context) (int, error) { return 0, errDown }
	runs   = func() error { return nil }
	breaks = func() error { return errDown }
)

type peer struct {
	Peer    string `json:"peer"`
	Version string `json:"version"`
}

// peers are the modules that this program was built with.
func peers() (all []peer) {
	names := map[string]string{
		"github.com/sony/gobreaker/v2": "gobreaker", "github.com/failsafe-go/failsafe-go": "failsafe-go",
		"github.com/eapache/go-resiliency": "eapache", "github.com/mercari/go-circuitbreaker": "mercari",
		"github.com/cep21/circuit/v4": "cep21",
	}
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if name, known := names[module.Path]; known {
			all = append(all, peer{name, strings.TrimPrefix(module.Version, "v")})
		}
	}
	return all
}

// table is every row.
func table() (rows []*row) {
	rows = append(rows, floors()...)
	rows = append(rows, ours()...)
	rows = append(rows, gobreakers()...)
	rows = append(rows, failsafes()...)
	rows = append(rows, eapaches()...)
	rows = append(rows, mercaris()...)
	rows = append(rows, cep21s()...)
	rows = append(rows, memories()...)
	return rows
}

func floors() (rows []*row) {
	var shared atomic.Uint64
	floor := func(variant string, threads int, run func(n int)) {
		rows = append(rows, &row{Case: "floor", Library: "floor", Variant: variant, Threads: threads, Unit: "ns", run: run})
	}
	bare := func(n int) {
		ctx, fn := background, works
		for range n {
			_, _ = fn(ctx)
		}
	}
	add := func(n int) {
		for range n {
			shared.Add(1)
		}
	}
	floor("bare call", 1, bare)
	floor("bare call", 2, bare)
	floor("atomic add", 1, add)
	floor("atomic add, shared", 2, add)
	floor("clock read", 1, func(n int) {
		for range n {
			_ = time.Now()
		}
	})
	return rows
}

// op is a row for one thread. run makes n operations; a loop of its own, because a call more would
// weigh on the quick ones.
func op(name, library, variant string, run func(n int), more ...func(*row)) []*row {
	r := &row{Case: name, Library: library, Variant: variant, Threads: 1, Unit: "ns", run: run}
	for _, change := range more {
		change(r)
	}
	return []*row{r}
}

// both is op for one thread and for two.
func both(name, library, variant string, run func(n int), more ...func(*row)) []*row {
	two := op(name, library, variant, run, more...)
	two[0].Threads = 2
	return append(op(name, library, variant, run, more...), two...)
}

func checked(check func() error) func(*row) { return func(r *row) { r.check = check } }
func unranked(why string) func(*row)        { return func(r *row) { r.Unranked = why } }
func prepared(ready func()) func(*row)      { return func(r *row) { r.ready = ready } }
func wants(what string, is func() bool) func(*row) {
	return checked(func() error {
		if !is() {
			return fmt.Errorf("not so: %s", what)
		}
		return nil
	})
}

// resident is the bytes of memory that the process holds, after a collection.
func resident() float64 {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	must(err)
	var size, pages float64
	_, err = fmt.Sscan(string(text), &size, &pages)
	must(err)
	return pages * float64(os.Getpagesize())
}
