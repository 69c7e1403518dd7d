package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Check is a thing that had to hold.
type Check struct {
	Text string
	Good bool
}

func judge(on, off *Run) []Check {
	var checks []Check
	add := func(good bool, format string, values ...any) {
		checks = append(checks, Check{fmt.Sprintf(format, values...), good})
	}
	outage := func(a Answer) bool { return scenes[a.Scene].Outage }
	begun, ended := on.outage()
	for i, service := range on.Services {
		right, of := on.share(func(a Answer) bool { return a.Service == i && outage(a) && a.Who != "stranger" })
		add(right >= 0.99 && of > 0, "%s answered %.2f %% of %d requests for known identities in the outage (at least 99 %%)", service.Name, 100*right, of)
	}
	for i, service := range on.Services {
		right, of := on.share(func(a Answer) bool { return a.Service == i && outage(a) && a.Who == "stranger" })
		add(right >= 0.99 && of > 0, "%s turned away %.2f %% of %d requests of strangers, as declared", service.Name, 100*right, of)
	}
	for i, service := range on.Services {
		worst, trip := on.probes(i, begun, ended)
		add(worst <= 1, "%s sent identity at most %d request between two waits while its circuit was open (%d until it opened)", service.Name, worst, trip)
	}
	served := 0
	for _, answer := range on.answers {
		if answer.Who == "revoked" && answer.Active {
			served++
		}
	}
	add(served == 0, "a token revoked before the outage was served as active %d times (never)", served)
	for i, service := range on.Services {
		after, found := on.closedAfter(i, ended)
		add(found && after <= openFor+2*time.Second, "%s closed its circuit %.1f s after recovery (at most %.0f s)", service.Name, after.Seconds(), (openFor + 2*time.Second).Seconds())
	}
	right, of := off.share(outage)
	add(right < 0.5 && of > 0, "without Seawall %.2f %% of the outage's %d requests succeeded (under 50 %%)", 100*right, of)
	return checks
}

// outage is when the first fault began and the last one ended.
func (r *Run) outage() (begun, ended time.Duration) {
	for i, at := range r.entered {
		if scenes[i].Outage && begun == 0 {
			begun = at
		}
		if scenes[i].Outage && i+1 < len(r.entered) {
			ended = r.entered[i+1]
		}
	}
	return begun, ended
}

// probes counts what identity saw of a service in the outage: the most within one open time, once the
// circuit was open, and how many until then.
func (r *Run) probes(service int, begun, ended time.Duration) (worst, trip int) {
	var after []time.Duration
	opened := ended
	for _, state := range r.states {
		if state.Service == service && state.At > begun && state.State == "open" {
			opened = state.At
			break
		}
	}
	for _, seen := range r.seen {
		at := r.since(seen)
		if seen.Service != r.Services[service].Name || at < begun || at > ended {
			continue
		}
		if at <= opened {
			trip++
		} else {
			after = append(after, at)
		}
	}
	for i := range after {
		n := 1
		// A little less than the open time: clocks of two processes are compared.
		for j := i + 1; j < len(after) && after[j]-after[i] < openFor-100*time.Millisecond; j++ {
			n++
		}
		worst = max(worst, n)
	}
	return worst, trip
}

func (r *Run) closedAfter(service int, ended time.Duration) (time.Duration, bool) {
	for _, state := range r.states {
		if state.Service == service && state.At > ended && state.State == "closed" {
			return state.At - ended, true
		}
	}
	return 0, false
}

// summary prints a table of what happened and of what had to hold.
func summary(out io.Writer, runs []*Run, checks []Check) {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "answered rightly\t")
	for _, scene := range scenes {
		fmt.Fprintf(table, "%s\t", scene.Name)
	}
	fmt.Fprintln(table)
	for _, run := range runs {
		for i, service := range run.Services {
			fmt.Fprintf(table, "%s (%s), %s\t", service.Name, service.Kind, run.Name)
			for number := range scenes {
				right, _ := run.share(func(a Answer) bool { return a.Scene == number && a.Service == i })
				fmt.Fprintf(table, "%.1f %%\t", 100*right)
			}
			fmt.Fprintln(table)
		}
		fmt.Fprintf(table, "requests that identity saw, %s\t", run.Name)
		for number := range scenes {
			fmt.Fprintf(table, "%d\t", run.seenIn(number))
		}
		fmt.Fprintln(table)
	}
	table.Flush()
	fmt.Fprintln(out)
	for _, check := range checks {
		mark := "ok  "
		if !check.Good {
			mark = "MISS"
		}
		fmt.Fprintf(out, "  %s %s\n", mark, check.Text)
	}
}

func (r *Run) seenIn(scene int) int {
	begin, end := r.entered[scene], time.Duration(1<<62)
	if scene+1 < len(r.entered) {
		end = r.entered[scene+1]
	}
	n := 0
	for _, seen := range r.seen {
		if at := r.since(seen); at >= begin && at < end {
			n++
		}
	}
	return n
}
