package main

import (
	"fmt"
	"sort"
	"sync"
	"time"

	"seawall.dev/processes/upstream"
)

const (
	limit   = 6
	probes  = 2
	openFor = 100 * time.Millisecond
	// A stop is longer than this, so that a probe of the stopped is given to another.
	lease = time.Second
	// What a call takes at the upstream.
	takes = 20 * time.Millisecond
	// Threads or callers in a worker.
	threads = 2
	// How long nothing may be heard from a worker that nobody stopped, and how long a call of one
	// may stay inside Seawall. Both are ruled by the machine: many processes share few cores.
	patience = 5 * time.Second
	longest  = 2 * time.Second
	// When an outage has certainly been found: the threshold is reached within a few calls.
	settled = 500 * time.Millisecond
	// After so many rounds all workers rest, and every permit must be free.
	roundsToRest = 5
	// When a circuit has certainly closed after an outage: a probe that was lost twice.
	recovered = 6 * time.Second
)

// Judge collects what must not be. It looks at what reached the upstream.
type Judge struct {
	up *upstream.Upstream

	mutex      sync.Mutex
	violations []string
	longest    time.Duration
	// When each process was let go on.
	resumes map[string][]time.Duration
	// Requests in an outage that were let through before their process was stopped.
	excused int
	// Requests seen, and how many of them were probes.
	requests, probed int
}

func newJudge(up *upstream.Upstream) *Judge {
	return &Judge{up: up, resumes: map[string][]time.Duration{}}
}

func (j *Judge) violation(format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.violations = append(j.violations, text)
	fmt.Println("  VIOLATION:", text)
}

func (j *Judge) stay(language string, took time.Duration) {
	j.mutex.Lock()
	j.longest = max(j.longest, took)
	j.mutex.Unlock()
	if took > longest {
		j.violation("a call in %s stayed %v inside Seawall", language, took.Round(time.Millisecond))
	}
}

func (j *Judge) resumed(pid string, at time.Duration) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.resumes[pid] = append(j.resumes[pid], at)
}

// judgeRound looks at a round that is over: healthy, then an outage from `failing` to `healed`.
func (j *Judge) judgeRound(log []upstream.Request, failing, healed time.Duration) {
	all, _ := most(log)
	if all > limit {
		j.violation("%d requests were under way at once, the limit is %d", all, limit)
	}
	inOutage := j.probesOf(log, failing+settled, healed)
	if together, at := most(inOutage); together > probes {
		j.violation("%d probes were under way at once %v into an outage, at most %d are let through", together, at-failing, probes)
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.requests += len(log)
	j.probed += len(inOutage)
}

// probesOf is what reached the upstream in an outage: probes, and calls that were let through before
// their process was stopped. Those are as many as it has threads, right after it goes on.
func (j *Judge) probesOf(log []upstream.Request, from, to time.Duration) []upstream.Request {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	var kept []upstream.Request
	late := map[string]int{}
	for _, request := range log {
		if request.Begun < from || request.Begun >= to {
			continue
		}
		if at, found := j.lastResume(request.Sender, request.Begun); found && request.Begun-at < settled {
			key := fmt.Sprint(request.Sender, at)
			if late[key] < threads {
				late[key]++
				j.excused++
				continue
			}
		}
		kept = append(kept, request)
	}
	return kept
}

func (j *Judge) lastResume(pid string, before time.Duration) (time.Duration, bool) {
	all := j.resumes[pid]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] <= before {
			return all[i], true
		}
	}
	return 0, false
}

// most is how many of the requests were under way at once, and when that was.
func most(log []upstream.Request) (n int, at time.Duration) {
	type edge struct {
		at   time.Duration
		step int
	}
	var edges []edge
	for _, request := range log {
		end := request.Ended
		if end == 0 {
			end = 1 << 62
		}
		edges = append(edges, edge{request.Begun, 1}, edge{end, -1})
	}
	// What ends in the instant in which another begins makes room for it.
	sort.Slice(edges, func(i, k int) bool {
		return edges[i].at < edges[k].at || edges[i].at == edges[k].at && edges[i].step < edges[k].step
	})
	now := 0
	for _, edge := range edges {
		if now += edge.step; now > n {
			n, at = now, edge.at
		}
	}
	return n, at
}
