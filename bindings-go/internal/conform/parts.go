package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"seawall.dev/seawall"
)

// names are what the steps of a vector have named.
type names struct {
	permits      map[string]seawall.Permit
	entries      map[string]*seawall.Entry
	queue        []string
	ended        map[string]error
	reservations map[string]*seawall.Reservation
	schedule     *seawall.Schedule
	retries      []uint64
	lastCost     *uint64
}

func newNames() names {
	return names{
		permits: map[string]seawall.Permit{}, entries: map[string]*seawall.Entry{},
		ended: map[string]error{}, reservations: map[string]*seawall.Reservation{},
	}
}

func (w *world) part(step table, s shown) error {
	p, err := w.of(step)
	if err != nil {
		return err
	}
	switch word := step.text("do"); word {
	case "acquire":
		return w.acquire(p, step, s)
	case "record":
		return w.record(step)
	case "run":
		return w.runs(p, step, s)
	case "control":
		return w.moves(p, step)
	case "next_delay":
		return w.nextDelay(p, step, s)
	case "begin", "end", "withdraw", "retry_end", "succeed":
		return w.budget(p, word, step, s)
	case "enter":
		return w.enter(p, step, s)
	case "poll":
		return w.poll(step, s)
	case "leave", "cancel", "resize":
		return w.leave(p, word, step, s)
	case "reserve", "settle", "give_back":
		return w.cost(p, word, step, s)
	default:
		return fmt.Errorf("%q is no step", word)
	}
}

func (w *world) acquire(p *seawall.Policy, step table, s shown) error {
	permit, err := p.Acquire()
	s["permitted"] = err == nil
	if err != nil {
		_, err = s.refused(err)
		return err
	}
	w.names.permits[step.text("as")] = permit
	return nil
}

func (w *world) record(step table) error {
	permit, found := w.names.permits[step.text("of")]
	if !found {
		return fmt.Errorf("no permit %q", step.text("of"))
	}
	outcome, err := step.outcome(seawall.OutcomeSuccess)
	if err != nil {
		return err
	}
	return report(permit, outcome, step)
}

func report(permit seawall.Permit, outcome seawall.Outcome, step table) error {
	took, err := step.span("took")
	if err != nil {
		return err
	}
	if took == nil {
		took = new(time.Duration)
	}
	hint, err := step.span("hint")
	if err != nil {
		return err
	}
	if hint != nil {
		err = permit.ReportHint(outcome, *took, *hint)
	} else {
		err = permit.Report(outcome, *took)
	}
	return err
}

// runs takes the pass path of Run where the policy is a breaker alone, else a permit by hand.
func (w *world) runs(p *seawall.Policy, step table, s shown) error {
	outcome, err := step.outcome(seawall.OutcomeSuccess)
	if err != nil {
		return err
	}
	_, retries := w.config["retry"]
	whole := len(w.config) == 1 && w.config.has("breaker") && !retries && outcome == seawall.OutcomeSuccess && !step.has("took")
	permitted := 0
	for range step.number("times", 1) {
		if whole {
			err = p.Run(context.Background(), func(context.Context) error { return nil })
		} else {
			var permit seawall.Permit
			if permit, err = p.Acquire(); err == nil {
				if err := report(permit, outcome, step); err != nil {
					return err
				}
			}
		}
		if err == nil {
			permitted++
		} else if _, err := s.refused(err); err != nil {
			return err
		}
	}
	s["permitted"] = permitted
	return nil
}

func (w *world) moves(p *seawall.Policy, step table) error {
	to := step.text("to")
	plain := map[string]func() error{
		"open": p.Open, "half_open": p.HalfOpen, "close": p.Close, "force_open": p.ForceOpen,
		"disable": p.Disable, "metrics_only": p.MetricsOnly, "reset": p.Reset,
	}
	if move, found := plain[to]; found {
		return move()
	}
	key := map[string]string{"open_for": "for", "open_until": "until"}[to]
	d, err := step.span(key)
	if err != nil || d == nil {
		return fmt.Errorf("%q needs a length: %v", to, err)
	}
	if to == "open_until" {
		*d -= w.control.Now()
	}
	return p.OpenFor(*d)
}

func (w *world) nextDelay(p *seawall.Policy, step table, s shown) (err error) {
	if rand, is := step["rand"].(float64); is {
		w.control.Script(rand)
	}
	if w.names.schedule == nil {
		if w.names.schedule, err = p.Schedule(); err != nil {
			return err
		}
	}
	var failed seawall.Failed
	if failed.Outcome, err = step.outcome(seawall.OutcomeFailure); err != nil {
		return err
	}
	if failed.After, err = step.span("hint"); err != nil {
		return err
	}
	if failed.Elapsed, err = step.span("elapsed"); err != nil {
		return err
	}
	delay, stop := w.names.schedule.NextDelay(failed)
	if stop == 0 {
		s["delay"] = delay
	} else {
		s["stop"] = stop.String()
	}
	return nil
}

func (w *world) budget(p *seawall.Policy, word string, step table, s shown) error {
	budget, err := p.RetryBudget()
	if err != nil {
		return err
	}
	outcome, err := step.outcome(seawall.OutcomeFailure)
	if err != nil {
		return err
	}
	granted := 0
	for range step.number("times", 1) {
		switch word {
		case "begin":
			budget.Begin()
		case "end":
			budget.End()
		case "withdraw":
			if cost, ok := budget.Withdraw(outcome); ok {
				w.names.retries = append(w.names.retries, cost)
				w.names.lastCost = &cost
				granted++
			}
		case "retry_end":
			if len(w.names.retries) == 0 {
				return errors.New("no retry is running")
			}
			budget.RetryEnd(w.names.retries[0])
			w.names.retries = w.names.retries[1:]
		default:
			var last *uint64
			if step.yes("after_retry") {
				last = w.names.lastCost
			}
			budget.Success(last)
		}
	}
	if word == "withdraw" {
		s["granted"] = granted
	}
	return nil
}

func (w *world) enter(p *seawall.Policy, step table, s shown) error {
	var wait *time.Duration
	var err error
	if step.text("max_wait") == "none" {
		wait = seawall.Ptr(time.Duration(-1))
	} else if wait, err = step.span("max_wait"); err != nil {
		return err
	}
	name := step.text("as")
	entry, err := p.TryEnter(wait)
	if err != nil {
		word, err := s.refused(err)
		s["result"] = word
		return err
	}
	w.names.entries[name] = entry
	s["result"] = "admitted"
	if entry.Queued() {
		w.names.queue = append(w.names.queue, name)
		s["result"] = "queued"
	}
	return nil
}

func (w *world) unqueue(name string) {
	w.names.queue = slices.DeleteFunc(w.names.queue, func(other string) bool { return other == name })
}

func (w *world) poll(step table, s shown) error {
	name := step.text("of")
	entry := w.names.entries[name]
	if entry == nil {
		return fmt.Errorf("%q does not wait", name)
	}
	if err := entry.Poll(); err != nil {
		w.unqueue(name)
		word, err := s.refused(err)
		s["result"] = word
		return err
	}
	s["result"] = "waiting"
	if !entry.Queued() {
		w.unqueue(name)
		s["result"] = "admitted"
	}
	return nil
}

func (w *world) leave(p *seawall.Policy, word string, step table, s shown) error {
	if word == "resize" {
		if err := p.Resize(step.number("limit", 0)); err != nil {
			return err
		}
	} else {
		name := step.text("of")
		entry := w.names.entries[name]
		if entry == nil {
			return fmt.Errorf("%q is not here", name)
		}
		w.unqueue(name)
		entry.Leave()
	}
	admitted := []any{}
	for _, name := range slices.Clone(w.names.queue) {
		entry := w.names.entries[name]
		select {
		case <-entry.Ready():
		default:
			continue
		}
		if err := entry.Poll(); err == nil && !entry.Queued() {
			w.unqueue(name)
			admitted = append(admitted, name)
		}
	}
	s["admitted"] = admitted
	return nil
}

func (w *world) cost(p *seawall.Policy, word string, step table, s shown) error {
	if word == "reserve" {
		reservation, err := p.Reserve(step.amounts("amounts"))
		if err != nil {
			word, err := s.refused(err)
			s["result"] = word
			return err
		}
		w.names.reservations[step.text("as")] = reservation
		s["result"] = "ok"
		return nil
	}
	held := w.names.reservations[step.text("of")]
	if held == nil {
		return fmt.Errorf("%q holds nothing", step.text("of"))
	}
	if word == "settle" {
		return held.Settle(step.amounts("amounts"))
	}
	held.Release()
	return nil
}
