package main

import (
	"slices"
	"time"
)

// inOutage chooses what was asked while identity was failing.
func inOutage(a Answer) bool { return scenes[a.Scene].Outage }

// share is how many of the chosen answers were right, and how many were chosen.
func (r *Run) share(choose func(Answer) bool) (right float64, of int) {
	good := 0
	for _, answer := range r.answers {
		if choose(answer) {
			of++
			if answer.Right {
				good++
			}
		}
	}
	return float64(good) / float64(max(of, 1)), of
}

// slowest is how long the chosen answers took, the slowest hundredth left out.
func (r *Run) slowest(choose func(Answer) bool) (time.Duration, bool) {
	var took []time.Duration
	for _, answer := range r.answers {
		if choose(answer) {
			took = append(took, answer.Took)
		}
	}
	if len(took) == 0 {
		return 0, false
	}
	slices.Sort(took)
	return took[(len(took)*99-1)/100], true
}

// span is when a scene began and ended; the last has no end.
func (r *Run) span(scene int) (from, to time.Duration) {
	if scene+1 < len(r.entered) {
		return r.entered[scene], r.entered[scene+1]
	}
	return r.entered[scene], 1 << 62
}

// outage is when the first fault began and the last one ended.
func (r *Run) outage() (begun, ended time.Duration) {
	for i := range r.entered {
		from, to := r.span(i)
		switch {
		case !scenes[i].Outage:
		case begun == 0:
			begun, ended = from, to
		default:
			ended = to
		}
	}
	return begun, ended
}

// since is when a request reached identity, after the begin.
func (r *Run) since(seen Seen) time.Duration { return time.UnixMilli(seen.At).Sub(r.begun) }

// seenBetween counts the requests that reached identity.
func (r *Run) seenBetween(from, to time.Duration) int {
	n := 0
	for _, seen := range r.seen {
		if at := r.since(seen); at >= from && at < to {
			n++
		}
	}
	return n
}

// openedAt is when a worker first showed an open circuit in the outage.
func (r *Run) openedAt(worker int) (time.Duration, bool) {
	begun, ended := r.outage()
	for _, state := range r.states {
		if state.Worker == worker && state.At > begun && state.At < ended && state.State == "open" {
			return state.At, true
		}
	}
	return 0, false
}

// closedAt is when a worker's circuit closed after the outage; none if it was closed already.
func (r *Run) closedAt(worker int) (time.Duration, bool) {
	_, ended := r.outage()
	before := "closed"
	for _, state := range r.states {
		if state.Worker != worker {
			continue
		}
		if state.At >= ended && state.State == "closed" {
			return state.At, before != "closed"
		}
		before = state.State
	}
	return 0, false
}
