package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"syscall"
	"time"
)

// Audit is what a process that comes last finds.
type Audit struct {
	Limit, Granted, Faults, Reclaimed, Counted int
	InUse                                      int `json:"in_use"`
}

// rest lets everybody go on, and calls nobody: while the upstream fails the circuit is open. What all
// the living hold must be free now.
func (r *Run) rest() error {
	if *scope != "host" {
		return nil
	}
	r.up.Answer(http.StatusInternalServerError, takes)
	for _, w := range r.running() {
		r.signal(w, syscall.SIGCONT)
	}
	audit, err := r.auditUntilFree()
	if err == nil && audit.Granted != audit.Limit {
		r.judge.violation("with everybody at rest %d permits of %d can be had", audit.Granted, limit)
	}
	r.rests++
	return err
}

// finish lets half of the workers come to their end, kills the others, and looks at what is left.
func (r *Run) finish() error {
	r.up.Answer(http.StatusOK, takes)
	for _, w := range r.running() {
		r.signal(w, syscall.SIGCONT)
	}
	r.recover()
	survivors, others := 0, r.idle()
	// Each survivor counts to its end; then the rest is killed in mid-call.
	for i, w := range r.idle() {
		if i%2 == 0 {
			others = append(others[:0:0], without(others, w)...)
			if err := r.end(w); err != nil {
				r.judge.violation("%v", err)
			}
			survivors += w.told.Calls
		}
	}
	for _, w := range others {
		r.kill(w)
	}
	if *scope != "host" {
		return nil
	}
	audit, err := r.auditUntilFree()
	if err != nil {
		return err
	}
	if audit.Granted != audit.Limit || audit.Limit != limit {
		r.judge.violation("with everybody gone %d permits of %d can be had", audit.Granted, limit)
	}
	if audit.Faults > 0 {
		r.judge.violation("%d faults in a process that came last", audit.Faults)
	}
	if audit.Counted < survivors {
		r.judge.violation("survivors counted %d calls, the segment %d", survivors, audit.Counted)
	}
	told, ended := 0, 0
	for _, w := range r.dead {
		told += w.told.Calls
		ended++
	}
	// Of a process that is killed a call may be lost in each thread.
	if least := told - r.killed*threads; audit.Counted < least {
		r.judge.violation("all workers together told of %d calls, the segment of %d, at least %d are due", told, audit.Counted, least)
	}
	fmt.Printf("\n  in the segment: %d calls counted (survivors %d, all workers %d), %d probes reclaimed, %d permits of %d free\n",
		audit.Counted, survivors, told, audit.Reclaimed, audit.Granted, audit.Limit)
	return nil
}

// auditUntilFree looks until every permit is back, or for as long as patience lasts.
func (r *Run) auditUntilFree() (audit Audit, err error) {
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		command := exec.Command(*rust, "audit")
		command.Env = r.environment
		said, err := command.Output()
		if err != nil {
			return audit, fmt.Errorf("the audit failed: %w", err)
		}
		if err := json.Unmarshal(said, &audit); err != nil {
			return audit, fmt.Errorf("the audit said %q: %w", said, err)
		}
		if audit.Granted == audit.Limit || time.Now().After(end) {
			return audit, nil
		}
	}
}

func without(all []*Worker, one *Worker) []*Worker {
	var left []*Worker
	for _, w := range all {
		if w != one {
			left = append(left, w)
		}
	}
	return left
}
