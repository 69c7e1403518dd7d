package main

import (
	"strings"
	"testing"
	"time"
)

var policy = Policy{OpenFor: 2 * time.Second, Failures: 5}

// good is what the demo hopes for, told second by second instead of lived.
func good() (shared, apart, off *Run) {
	shared, apart, off = story(ways[0]), story(ways[1]), story(ways[2])
	for _, run := range []*Run{shared, apart} {
		begun, ended := run.outage()
		for worker := range run.Workers {
			run.states = append(run.states,
				State{begun - time.Second, worker, "closed"}, State{begun + 100*time.Millisecond, worker, "open"},
				State{ended + 3*time.Second, worker, "closed"})
		}
		for _, circuit := range run.circuits() {
			for n := range policy.Failures {
				run.reach(run.Workers[circuit[n%len(circuit)]].Name, begun+time.Duration(n+1)*10*time.Millisecond)
			}
			for at, n := begun+2200*time.Millisecond, 0; at < ended; at, n = at+policy.OpenFor, n+1 {
				run.reach(run.Workers[circuit[n%len(circuit)]].Name, at)
			}
		}
	}
	for i := range off.answers {
		off.answers[i].Right = !inOutage(off.answers[i])
	}
	return shared, apart, off
}

func story(way Way) *Run {
	run := newRun(&Stack{Way: way})
	run.begun = time.UnixMilli(1_000_000)
	at := time.Duration(0)
	for i, service := range services {
		run.Workers = append(run.Workers, Worker{i, service.Name, ""})
	}
	for scene := range scenes {
		run.entered = append(run.entered, at)
		for service := range services {
			for second := time.Duration(0); second < scenes[scene].Length; second += time.Second {
				for _, who := range []string{"known", "stranger", "revoked"} {
					run.answers = append(run.answers, Answer{at + second, time.Millisecond, scene, service, who, true, who == "known"})
				}
			}
		}
		at += scenes[scene].Length
	}
	return run
}

func (r *Run) reach(worker string, at time.Duration) {
	r.seen = append(r.seen, Seen{r.begun.Add(at).UnixMilli(), worker, true})
}

func missed(runs ...*Run) []string {
	var texts []string
	for _, check := range judge(runs, policy) {
		if !check.Good {
			texts = append(texts, check.Text)
		}
	}
	return texts
}

func TestAnOutageThatStaysWhereItBegan(t *testing.T) {
	if missed := missed(good()); len(missed) > 0 {
		t.Fatalf("a good run was found wanting: %q", missed)
	}
}

// change alters the answers of the outage that are somebody's, until enough are.
func change(run *Run, who string, enough int, to func(*Answer)) {
	for i := range run.answers {
		if a := &run.answers[i]; enough > 0 && inOutage(*a) && a.Who == who && a.Service == 1 {
			to(a)
			enough--
		}
	}
}

func TestEachFaultIsFound(t *testing.T) {
	wrong := func(a *Answer) { a.Right = false }
	extra := func(run *Run, worker string, n int, at time.Duration) {
		begun, _ := run.outage()
		for i := range n {
			run.reach(worker, begun+at+time.Duration(i)*time.Millisecond)
		}
	}
	for name, fault := range map[string]struct {
		plant func(shared, apart, off *Run)
		says  string
	}{
		"known identities unanswered": {func(shared, _, _ *Run) { change(shared, "known", 1, wrong) }, "all: agent answered"},
		"one stranger let in":         {func(_, apart, _ *Run) { change(apart, "stranger", 1, wrong) }, "each worker: agent answered"},
		"no stranger asked": {func(shared, _, _ *Run) {
			change(shared, "stranger", 1000, func(a *Answer) { a.Who = "known" })
		}, "all: agent answered"},
		"the revoked token served": {func(_, apart, _ *Run) {
			change(apart, "revoked", 1, func(a *Answer) { a.Active = true })
		}, "each worker: a token revoked"},
		"nobody used the revoked token": {func(shared, _, _ *Run) {
			for i := range shared.answers {
				if shared.answers[i].Who == "revoked" {
					shared.answers[i].Who = "known"
				}
			}
		}, "all: a token revoked"},
		"a circuit that never opened": {func(shared, _, _ *Run) {
			for i := range shared.states {
				if shared.states[i].Worker == 1 {
					shared.states[i].State = "closed"
				}
			}
		}, "all 3 workers: not every one showed an open circuit"},
		"two probes in one open time": {func(_, apart, _ *Run) { extra(apart, "agent", 1, 3*time.Second) }, "each worker: agent sent identity no more than 2 probes"},
		"two workers that probe in one open time": {func(shared, _, _ *Run) {
			extra(shared, "agent", 1, 3*time.Second)
		}, "all 3 workers sent identity no more than 2 probes"},
		"a slow trip": {func(_, apart, _ *Run) { extra(apart, "agent", 6, 60*time.Millisecond) }, "each worker: agent sent identity 11 requests that failed until the circuit opened (at most 8: its 5 failures, and 3 under way at once)"},
		"workers that trip one by one": {func(shared, _, _ *Run) {
			extra(shared, "agent", 5, 60*time.Millisecond)
			extra(shared, "front", 5, 60*time.Millisecond)
		}, "all 3 workers sent identity 15 requests that failed"},
		"no probe at all": {func(_, apart, _ *Run) {
			at, _ := apart.openedAt(1)
			var kept []Seen
			for _, seen := range apart.seen {
				if seen.Worker != "agent" || apart.since(seen) <= at {
					kept = append(kept, seen)
				}
			}
			apart.seen = kept
		}, "each worker: agent sent no probe"},
		"a late recovery": {func(shared, _, _ *Run) { shared.states[5].At += 2 * time.Second }, "all 3 workers closed the circuit"},
		"no recovery":     {func(_, apart, _ *Run) { apart.states[5].State = "open" }, "each worker: agent: not every one"},
		"an outage that hurt nobody": {func(_, _, off *Run) {
			for i := range off.answers {
				off.answers[i].Right = true
			}
		}, "without Seawall"},
	} {
		t.Run(name, func(t *testing.T) {
			shared, apart, off := good()
			fault.plant(shared, apart, off)
			missed := missed(shared, apart, off)
			if len(missed) == 0 || !strings.Contains(strings.Join(missed, "\n"), fault.says) {
				t.Fatalf("want a miss that says %q, got %q", fault.says, missed)
			}
		})
	}
}

func TestTheCostOfAnOutageIsThatOfEachCircuit(t *testing.T) {
	shared, apart, _ := good()
	if one, each := shared.cost(policy), apart.cost(policy); one != policy.Failures || each != 3*policy.Failures {
		t.Fatalf("%d failed calls with one circuit, %d with one in each of 3 workers", one, each)
	}
}

func TestRequestsGoToEveryWorkerWhateverIsAsked(t *testing.T) {
	*workers = 2
	defer func() { *workers = 3 }()
	stack := &Stack{}
	for kind := range strangeness {
		met := map[int]bool{}
		for n := kind; n < 100; n += strangeness {
			met[stack.worker(1, n)] = true
		}
		if !met[1] || !met[1+len(services)] || len(met) != 2 {
			t.Errorf("requests that end with %d go to %v", kind, met)
		}
	}
}

func TestThePolicyIsReadWhereTheServicesReadIt(t *testing.T) {
	got, err := readPolicy("../../../seawall.toml")
	if err != nil || got != policy {
		t.Fatalf("got %v, %v", got, err)
	}
}
