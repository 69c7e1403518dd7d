// Command bench times Seawall beside what a Go user would pick instead.
//
//	bench ROUNDS SLICE_MS [CASE]
//	bench together
//
// Every round runs every row once, for about SLICE_MS milliseconds, in an order of its own, so that
// sample i of all rows comes from the same moment. Stdout gets JSON lines and nothing else.
package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// row is one thing to time.
type row struct {
	Case     string    `json:"case"`
	Library  string    `json:"library"`
	Variant  string    `json:"variant"`
	Threads  int       `json:"threads"`
	Unit     string    `json:"unit"`
	Samples  []float64 `json:"samples"`
	Allocs   *float64  `json:"allocs,omitempty"`
	Bytes    *float64  `json:"bytes,omitempty"`
	Unranked string    `json:"unranked,omitempty"`

	// run makes n operations; two threads run it at the same time where threads is 2.
	run func(n int)
	// check tells whether the thing still is what its case says.
	check func() error
	// ready brings the thing into its state before a sample.
	ready func()
	batch int
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "together" {
		together()
		return
	}
	rounds, slice, only := arguments()
	say := json.NewEncoder(os.Stdout)
	for _, peer := range peers() {
		must(say.Encode(peer))
	}
	var rows []*row
	for _, r := range table() {
		if r.Case == "floor" || strings.Contains(r.Case, only) {
			rows = append(rows, r)
		}
	}
	timed := prepare(rows, slice)
	for range rounds {
		rand.Shuffle(len(timed), func(i, j int) { timed[i], timed[j] = timed[j], timed[i] })
		for _, r := range timed {
			r.Samples = append(r.Samples, r.sample())
		}
	}
	for _, r := range rows {
		if r.check != nil {
			must(r.check())
		}
		must(r.filled(slice))
		must(say.Encode(map[string]*row{"row": r}))
	}
}

// mostAtOnce is how many operations a sample has at most.
const mostAtOnce = 1 << 24

// prepare warms the rows up, finds how many operations fill a slice, and counts allocations.
func prepare(rows []*row, slice time.Duration) (timed []*row) {
	for _, r := range rows {
		if r.run == nil {
			continue // measured already
		}
		timed = append(timed, r)
		wanted := slice
		if r.Threads > 1 {
			wanted /= 2 // the shorter, the likelier that no thread is put aside meanwhile
		}
		r.batch = 64
		for r.batch < mostAtOnce {
			// The quickest: what the rows before have left, a heap in pieces say, is tidied up in some first
			// call, for as long as a slice takes, and this row would for ever be timed a few cold calls at a time.
			took := time.Duration(r.quickest() * float64(r.batch))
			if took >= wanted {
				break
			}
			r.batch = int(float64(r.batch) * min(8, max(1.2, 1.1*float64(wanted)/float64(max(took, 1)))))
		}
		if r.check != nil {
			must(r.check())
		}
		if r.Threads == 1 {
			r.Allocs, r.Bytes = r.allocated()
		}
	}
	// What the rows of many operations keep is not to be collected while others are timed.
	debug.SetGCPercent(400)
	return timed
}

func arguments() (rounds int, slice time.Duration, only string) {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: bench ROUNDS SLICE_MS [CASE]")
		os.Exit(2)
	}
	rounds, err := strconv.Atoi(os.Args[1])
	must(err)
	millis, err := strconv.ParseFloat(os.Args[2], 64)
	must(err)
	if len(os.Args) > 3 {
		only = os.Args[3]
	}
	return rounds, time.Duration(millis * float64(time.Millisecond)), only
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
