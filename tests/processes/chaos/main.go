// Chaos runs workers in four languages on one segment against one upstream, kills and stops them at
// random, and judges by what reaches the upstream: `cargo xtask chaos [--seconds N] [--seed S]`.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"seawall.dev/processes/upstream"
)

var (
	seconds = flag.Int("seconds", 20, "how long")
	seed    = flag.Uint64("seed", 1, "of what is random")
	scope   = flag.String("scope", "host", "of the policy; with `process` the run must find violations")
	each    = flag.Int("each", 3, "workers of each language")
	python  = flag.String("python", "python3", "interpreter with the wheel")
	goer    = flag.String("go", "", "the worker in Go")
	rust    = flag.String("rust", "", "the worker in Rust")
)

const policy = `
[policy.upstream]
scope = %q

[policy.upstream.breaker]
window = { kind = "consecutive", failures = 5 }
open_for = "%dms"
half_open = { permits = %d, lease = "%dms" }

[policy.upstream.bulkhead]
limit = %d
max_wait = "20ms"

[host]
dir = %q
`

// Run is one run of chaos.
type Run struct {
	*Fleet
	judge  *Judge
	up     *upstream.Upstream
	random *rand.Rand
	until  time.Time
	// folder has the segment; of a run that ended well nobody looks at it.
	folder string

	killed, holding, probing, stops, restarts, rests int
}

func main() {
	flag.Parse()
	run, err := begin()
	if err == nil {
		err = run.play()
	}
	if err == nil {
		err = run.finish()
	}
	if err == nil {
		run.judgeLanguages()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		run.leave(2)
	}
	run.tell()
	if len(run.judge.violations) > 0 {
		run.leave(1)
	}
	_ = os.RemoveAll(run.folder)
}

// leave ends the program and says where what is to be looked at lies.
func (run *Run) leave(status int) {
	if run != nil {
		fmt.Fprintln(os.Stderr, "chaos: the segment is in", run.folder)
	}
	os.Exit(status)
}

func begin() (*Run, error) {
	up, err := upstream.Start()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "seawall-chaos")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(folder, "seawall.toml")
	text := fmt.Sprintf(policy, *scope, openFor.Milliseconds(), probes, lease.Milliseconds(), limit, filepath.Join(folder, "segments"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	judge := newJudge(up)
	fleet := &Fleet{judge: judge, environment: environment(up.URL, config), commands: map[string][]string{
		"Python": {*python, "chaos/worker.py"}, "TypeScript": {"node", "chaos/worker.mjs"}, "Go": {*goer}, "Rust": {*rust},
	}}
	run := &Run{Fleet: fleet, judge: judge, up: up, random: rand.New(rand.NewPCG(*seed, 0)), folder: folder}
	for range *each {
		for language := range fleet.commands {
			if err := fleet.start(language); err != nil {
				return run, err
			}
		}
	}
	run.until = time.Now().Add(time.Duration(*seconds) * time.Second)
	return run, nil
}

// play lets rounds of health and outage follow each other, with a killer at work all the time.
func (r *Run) play() error {
	for round := 1; time.Now().Before(r.until); round++ {
		r.up.Answer(http.StatusOK, takes)
		if !r.recover() {
			r.judge.violation("%v after an outage calls are still refused", recovered)
		}
		r.up.Reset()
		r.violence(2500*time.Millisecond, false)
		failing := r.up.Now()
		r.up.Answer(http.StatusInternalServerError, takes)
		r.violence(2500*time.Millisecond, true)
		healed := r.up.Now()
		r.judge.judgeRound(r.up.Log(), failing, healed)
		for _, w := range r.silent() {
			r.judge.violation("nothing was heard of a worker in %s for %v", w.Language, patience)
		}
		if round%roundsToRest == 0 {
			if err := r.rest(); err != nil {
				return err
			}
		}
	}
	return r.rest()
}

// recover waits until calls go through as they should: as many at once as are allowed.
func (r *Run) recover() bool {
	for end := time.Now().Add(recovered); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if r.up.Within() > probes {
			return true
		}
	}
	return false
}

// violence kills, stops and restarts for a while.
func (r *Run) violence(length time.Duration, outage bool) {
	for end := time.Now().Add(length); time.Now().Before(end); {
		switch pick := r.random.IntN(100); {
		case pick < 60:
			r.killOne(outage)
		case pick < 94:
			r.stopOne()
		default:
			r.restartOne()
		}
		time.Sleep(time.Duration(100+r.random.IntN(300)) * time.Millisecond)
	}
}

// killOne prefers one that has a request under way: that is what holds a permit or is a probe.
func (r *Run) killOne(outage bool) {
	var victim *Worker
	for end := time.Now().Add(150 * time.Millisecond); victim == nil && time.Now().Before(end); {
		senders := r.up.Senders()
		running := r.running()
		for _, i := range r.random.Perm(len(running)) {
			if senders[running[i].Pid] > 0 {
				victim = running[i]
				break
			}
		}
		if victim == nil {
			time.Sleep(time.Millisecond)
		}
	}
	if victim == nil {
		if victim = r.pick(); victim == nil {
			return
		}
	}
	busy := r.kill(victim) > 0
	r.killed++
	if busy {
		r.holding++
		if outage {
			r.probing++
		}
	}
	r.replace(victim)
}

// stopOne stops somebody for longer than a lease; it goes on by itself.
func (r *Run) stopOne() {
	victim := r.pick()
	if victim == nil {
		return
	}
	r.signal(victim, syscall.SIGSTOP)
	r.stops++
	length := lease + time.Duration(100+r.random.IntN(500))*time.Millisecond
	time.AfterFunc(length, func() { r.signal(victim, syscall.SIGCONT) })
}

func (r *Run) restartOne() {
	victim := r.pick()
	if victim == nil {
		return
	}
	if err := r.end(victim); err != nil {
		r.judge.violation("%v", err)
	}
	r.restarts++
	r.replace(victim)
}

func (r *Run) replace(victim *Worker) {
	if err := r.start(victim.Language); err != nil {
		r.judge.violation("%v", err)
	}
}

// idle is who is neither stopped nor ending.
func (r *Run) idle() []*Worker {
	var all []*Worker
	for _, w := range r.running() {
		w.mutex.Lock()
		if !w.stopped && !w.ended {
			all = append(all, w)
		}
		w.mutex.Unlock()
	}
	return all
}

func (r *Run) pick() *Worker {
	all := r.idle()
	// Never the last ones: somebody must be there to see what the others left.
	if len(all) < 4 {
		return nil
	}
	return all[r.random.IntN(len(all))]
}

// judgeLanguages demands that each took its part.
func (r *Run) judgeLanguages() {
	_, by := r.calls()
	for language := range r.commands {
		if by[language] == 0 {
			r.judge.violation("no worker in %s got a call through", language)
		}
	}
}

func (r *Run) calls() (all int, by map[string]int) {
	by = map[string]int{}
	for _, w := range append(r.running(), r.dead...) {
		all += w.told.Calls
		by[w.Language] += w.told.Calls
	}
	return all, by
}

func (r *Run) tell() {
	row := func(name, format string, values ...any) {
		fmt.Printf("  %-46s "+format+"\n", append([]any{name}, values...)...)
	}
	calls, by := r.calls()
	fmt.Printf("\nchaos: %d s, seed %d, scope %s, %d workers in %d languages\n", *seconds, *seed, *scope, *each*len(r.commands), len(r.commands))
	row("killed", "%d", r.killed)
	row("  of them with a permit or as a probe", "%d", r.holding)
	row("  of them as a probe of an outage", "%d", r.probing)
	row("stopped longer than a lease ("+lease.String()+")", "%d", r.stops)
	row("restarted", "%d", r.restarts)
	row("calls that workers counted", "%d (%s)", calls, strings.Trim(fmt.Sprint(by), "map[]"))
	row("requests that the upstream saw in rounds", "%d, %d of them probes", r.judge.requests, r.judge.probed)
	row("late requests of the stopped, excused", "%d", r.judge.excused)
	row("longest stay inside Seawall", "%v", r.judge.longest.Round(100*time.Microsecond))
	row("rests, in which every permit was looked for", "%d", r.rests)
	row("violations", "%d", len(r.judge.violations))
}
