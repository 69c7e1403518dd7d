package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Check is a thing that had to hold.
type Check struct {
	Text string
	Good bool
}

func judge(runs []*Run, policy Policy) []Check {
	var checks []Check
	for _, run := range runs {
		add := func(good bool, format string, values ...any) {
			checks = append(checks, Check{run.Title + ": " + fmt.Sprintf(format, values...), good})
		}
		if run.On {
			judgeAnswers(run, add)
			judgeCircuits(run, policy, add)
			continue
		}
		right, of := run.share(inOutage)
		add(right < 0.5 && of > 0, "%.2f %% of the outage's %d requests succeeded (under 50 %%)", 100*right, of)
	}
	return checks
}

func judgeAnswers(run *Run, add func(bool, string, ...any)) {
	_, ended := run.outage()
	for i, service := range services {
		right, of := run.share(func(a Answer) bool { return a.Service == i && inOutage(a) && a.Who == "known" })
		// A stranger who is answered after the outage may have been looked up.
		away, strangers := run.share(func(a Answer) bool {
			return a.Service == i && inOutage(a) && a.Who == "stranger" && a.At+a.Took < ended
		})
		add(right >= 0.99 && of > 0 && away == 1 && strangers > 0,
			"%s answered %.2f %% of %d requests of known identities in the outage (at least 99 %%), and turned away %.2f %% of %d of strangers (all)",
			service.Name, 100*right, of, 100*away, strangers)
	}
	served, asked := 0, 0
	for _, answer := range run.answers {
		if answer.Who == "revoked" {
			asked++
			if answer.Active {
				served++
			}
		}
	}
	add(served == 0 && asked > 0, "a token revoked before the outage was served as active %d times of %d (never)", served, asked)
}

// judgeCircuits says of all circuits of a run what the worst of them did.
func judgeCircuits(run *Run, policy Policy, add func(bool, string, ...any)) {
	_, ended := run.outage()
	limit := policy.OpenFor + 2*time.Second
	var slow, greedy, late, idle string
	var trip, most, worst, probes int
	var last time.Duration
	for _, circuit := range run.circuits() {
		name := run.Workers[circuit[0]].Name
		if len(circuit) > 1 {
			name = fmt.Sprintf("all %d workers", len(circuit))
		}
		opened, closed, found := run.life(circuit)
		if !found {
			add(false, "%s: not every one showed an open circuit in the outage, and a closed one after it", name)
			continue
		}
		needed, probed, together := run.reached(circuit, opened, policy.OpenFor)
		if probes += probed; probed == 0 {
			idle = name
		}
		// What is under way with the one too many fails as well.
		allowed := policy.Failures + run.atOnce(circuit, opened)
		if slow == "" || needed-allowed > trip-most {
			trip, most, slow = needed, allowed, name
		}
		if together > worst {
			worst, greedy = together, name
		}
		if closed-ended > last {
			last, late = closed-ended, name
		}
	}
	add(trip <= most && trip > 0, "%s sent identity %d requests that failed until the circuit opened (at most %d: its %d failures, and %d under way at once); all circuits together cost %d",
		slow, trip, most, policy.Failures, most-policy.Failures, run.cost(policy))
	add(worst <= 1 && probes > 0, "%s sent identity no more than %d probes in %.0f s while open (1); %d in all", greedy, worst, policy.OpenFor.Seconds(), probes)
	if idle != "" {
		add(false, "%s sent no probe while open", idle)
	}
	add(last <= limit, "%s closed the circuit %.1f s after recovery (at most %.0f s), the last to do so", late, last.Seconds(), limit.Seconds())
}

// life is when the first of a circuit's workers showed it open in the outage, and the last showed it closed
// after it; whether all of them did.
func (r *Run) life(circuit []int) (opened, closed time.Duration, found bool) {
	for i, worker := range circuit {
		open, wasOpened := r.openedAt(worker)
		shut, wasClosed := r.closedAt(worker)
		if !wasOpened || !wasClosed {
			return 0, 0, false
		}
		if i == 0 || open < opened {
			opened = open
		}
		closed = max(closed, shut)
	}
	return opened, closed, true
}

// atOnce is how many requests of a circuit's services were under way at once, at most, from the begin of the outage
// until it was seen open.
func (r *Run) atOnce(circuit []int, opened time.Duration) int {
	begun, _ := r.outage()
	ofCircuit := map[int]bool{}
	for _, worker := range circuit {
		ofCircuit[r.Workers[worker].Service] = true
	}
	type change struct {
		at   time.Duration
		more int
	}
	var changes []change
	for _, answer := range r.answers {
		if ofCircuit[answer.Service] && answer.At <= opened && answer.At+answer.Took >= begun {
			changes = append(changes, change{answer.At, 1}, change{answer.At + answer.Took, -1})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.more, a.more)) })
	now, most := 0, 0
	for _, change := range changes {
		now += change.more
		most = max(most, now)
	}
	return most
}

// reached counts what identity saw of a circuit's workers in the outage: what failed until it was seen open, all
// after that, and the most of those within one open time.
func (r *Run) reached(circuit []int, opened, openFor time.Duration) (trip, probes, worst int) {
	begun, ended := r.outage()
	names := map[string]bool{}
	for _, worker := range circuit {
		names[r.Workers[worker].Name] = true
	}
	var after []time.Duration
	for _, seen := range r.seen {
		at := r.since(seen)
		switch {
		case !names[seen.Worker] || at < begun || at > ended:
		case at <= opened && seen.Failed:
			trip++
		case at > opened:
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

// cost is how many requests failed at identity until every circuit was open.
func (r *Run) cost(policy Policy) int {
	sum := 0
	for _, circuit := range r.circuits() {
		if opened, _, found := r.life(circuit); found {
			trip, _, _ := r.reached(circuit, opened, policy.OpenFor)
			sum += trip
		}
	}
	return sum
}

// Row is a line of the table: a name, whose run, a value for each scene.
type Row struct {
	Way
	Name  string
	Cells []string
}

func rows(runs []*Run) []Row {
	var rows []Row
	add := func(run *Run, name string, cell func(scene int) string) {
		row := Row{Way: run.Way, Name: name}
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
		fmt.Fprintf(table, "%s, %s\t", row.Name, row.Title)
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
