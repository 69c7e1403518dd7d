package main

import (
	"strings"
	"testing"
	"time"
)

var policy = Policy{OpenFor: 2 * time.Second, Failures: 5}

// good is what the demo hopes for, told second by second instead of lived.
func good() (on, off *Run) {
	on, off = story("with"), story("without")
	begun, ended := on.outage()
	for worker, w := range on.Workers {
		for n := range policy.Failures {
			on.reach(w.Name, begun+time.Duration(n+1)*10*time.Millisecond)
		}
		on.states = append(on.states,
			State{begun - time.Second, worker, "closed"}, State{begun + 100*time.Millisecond, worker, "open"},
			State{ended + 3*time.Second, worker, "closed"})
		for at := begun + 2200*time.Millisecond; at < ended; at += policy.OpenFor {
			on.reach(w.Name, at)
		}
	}
	for i := range off.answers {
		off.answers[i].Right = !inOutage(off.answers[i])
	}
	return on, off
}

func story(name string) *Run {
	run := newRun(&Stack{Name: name})
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
	r.seen = append(r.seen, Seen{r.begun.Add(at).UnixMilli(), worker})
}

func missed(on, off *Run) []string {
	var texts []string
	for _, check := range judge(on, off, policy) {
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
	for name, fault := range map[string]struct {
		plant func(on, off *Run)
		says  string
	}{
		"known identities unanswered": {func(on, off *Run) { change(on, "known", 1, wrong) }, "agent answered"},
		"one stranger let in":         {func(on, off *Run) { change(on, "stranger", 1, wrong) }, "agent turned away"},
		"no stranger asked": {func(on, off *Run) {
			change(on, "stranger", 1000, func(a *Answer) { a.Who = "known" })
		}, "agent turned away"},
		"the revoked token served": {func(on, off *Run) { change(on, "revoked", 1, func(a *Answer) { a.Active = true }) }, "revoked"},
		"nobody used the revoked token": {func(on, off *Run) {
			for i := range on.answers {
				if on.answers[i].Who == "revoked" {
					on.answers[i].Who = "known"
				}
			}
		}, "revoked"},
		"a circuit that never opened": {func(on, off *Run) {
			for i := range on.states {
				if on.states[i].Worker == 1 {
					on.states[i].State = "closed"
				}
			}
		}, "agent never showed an open circuit"},
		"two requests in one open time": {func(on, off *Run) {
			begun, _ := on.outage()
			on.reach("agent", begun+3*time.Second)
		}, "agent sent identity"},
		"a slow trip": {func(on, off *Run) {
			begun, _ := on.outage()
			for n := range 6 {
				on.reach("agent", begun+time.Duration(60+n)*time.Millisecond)
			}
		}, "agent sent identity"},
		"no probe at all": {func(on, off *Run) {
			at, _ := on.openedAt(1)
			var kept []Seen
			for _, seen := range on.seen {
				if seen.Worker != "agent" || on.since(seen) <= at {
					kept = append(kept, seen)
				}
			}
			on.seen = kept
		}, "agent sent identity"},
		"a late recovery": {func(on, off *Run) { on.states[5].At += 2 * time.Second }, "agent closed its circuit"},
		"no recovery":     {func(on, off *Run) { on.states[5].State = "open" }, "agent did not close"},
		"an outage that hurt nobody": {func(on, off *Run) {
			for i := range off.answers {
				off.answers[i].Right = true
			}
		}, "without Seawall"},
	} {
		t.Run(name, func(t *testing.T) {
			on, off := good()
			fault.plant(on, off)
			missed := missed(on, off)
			if len(missed) == 0 || !strings.Contains(strings.Join(missed, "\n"), fault.says) {
				t.Fatalf("want a miss that says %q, got %q", fault.says, missed)
			}
		})
	}
}

func TestRequestsGoToEveryWorkerWhateverIsAsked(t *testing.T) {
	*workers = 2
	defer func() { *workers = 1 }()
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
