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

func judge(on, off *Run, policy Policy) []Check {
	var checks []Check
	add := func(good bool, format string, values ...any) {
		checks = append(checks, Check{fmt.Sprintf(format, values...), good})
	}
	_, ended := on.outage()
	for i, service := range services {
		right, of := on.share(func(a Answer) bool { return a.Service == i && inOutage(a) && a.Who == "known" })
		add(right >= 0.99 && of > 0, "%s answered %.2f %% of %d requests of known identities in the outage (at least 99 %%)", service.Name, 100*right, of)
	}
	for i, service := range services {
		// A stranger who is answered after the outage may have been looked up.
		right, of := on.share(func(a Answer) bool {
			return a.Service == i && inOutage(a) && a.Who == "stranger" && a.At+a.Took < ended
		})
		add(right == 1 && of > 0, "%s turned away %.2f %% of %d requests of strangers in the outage (all)", service.Name, 100*right, of)
	}
	for i, worker := range on.Workers {
		opened, found := on.openedAt(i)
		if !found {
			add(false, "%s never showed an open circuit in the outage", worker.Name)
			continue
		}
		trip, probes, worst := on.reached(i, opened, policy.OpenFor)
		// Requests that were under way with the one too many count among those that tripped it.
		add(trip <= 2*policy.Failures && probes > 0 && worst <= 1,
			"%s sent identity %d requests until its circuit opened (at most %d), then %d probes, never more than %d in %.0f s (1)",
			worker.Name, trip, 2*policy.Failures, probes, worst, policy.OpenFor.Seconds())
	}
	served, asked := 0, 0
	for _, answer := range on.answers {
		if answer.Who == "revoked" {
			asked++
			if answer.Active {
				served++
			}
		}
	}
	add(served == 0 && asked > 0, "a token revoked before the outage was served as active %d times of %d (never)", served, asked)
	limit := policy.OpenFor + 2*time.Second
	for i, worker := range on.Workers {
		at, found := on.closedAt(i)
		if !found {
			add(false, "%s did not close its circuit after the outage", worker.Name)
			continue
		}
		add(at-ended <= limit, "%s closed its circuit %.1f s after recovery (at most %.0f s)", worker.Name, (at - ended).Seconds(), limit.Seconds())
	}
	right, of := off.share(inOutage)
	add(right < 0.5 && of > 0, "without Seawall %.2f %% of the outage's %d requests succeeded (under 50 %%)", 100*right, of)
	return checks
}

// reached counts what identity saw of a worker in the outage: until its circuit was seen open, after
// that, and the most of those within one open time.
func (r *Run) reached(worker int, opened, openFor time.Duration) (trip, probes, worst int) {
	begun, ended := r.outage()
	var after []time.Duration
	for _, seen := range r.seen {
		at := r.since(seen)
		switch {
		case seen.Worker != r.Workers[worker].Name || at < begun || at > ended:
		case at <= opened:
			trip++
		default:
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
	return trip, len(after), worst
}

// Row is a line of the table: a name, whose run, a value for each scene.
type Row struct {
	Name  string
	With  bool
	Cells []string
}

func rows(runs []*Run) []Row {
	var rows []Row
	add := func(run *Run, name string, cell func(scene int) string) {
		row := Row{Name: name, With: run.Name == "with"}
		for scene := range scenes {
			row.Cells = append(row.Cells, cell(scene))
		}
		rows = append(rows, row)
	}
	for _, run := range runs {
		for i, service := range services {
			add(run, service.Name+" ("+service.Kind+")", func(scene int) string {
				right, _ := run.share(func(a Answer) bool { return a.Scene == scene && a.Service == i })
				return fmt.Sprintf("%.1f %%", 100*right)
			})
		}
		add(run, "99 of 100 answers within", func(scene int) string {
			took, _ := run.slowest(func(a Answer) bool { return a.Scene == scene })
			return fmt.Sprintf("%d ms", took.Milliseconds())
		})
		add(run, "requests that identity saw", func(scene int) string {
			return fmt.Sprintf("%d", run.seenBetween(run.span(scene)))
		})
	}
	return rows
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
	for _, row := range rows(runs) {
		which := "without"
		if row.With {
			which = "with"
		}
		fmt.Fprintf(table, "%s, %s\t", row.Name, which)
		for _, cell := range row.Cells {
			fmt.Fprintf(table, "%s\t", cell)
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
