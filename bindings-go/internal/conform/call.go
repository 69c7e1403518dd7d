package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seawall.dev/seawall"
)

// diary is what happens in one call.
type diary struct {
	step      table
	caller    *caller
	slept     []any
	limits    []any
	queuedFor any
	count     int
	attempts  int
	bad       error
}

// caller is a context that ends when the vector says so, for the reason it says.
type caller struct {
	context.Context
	cancel context.CancelFunc
	why    error
}

func (c *caller) Err() error {
	if err := c.Context.Err(); err != nil && c.why != nil {
		return c.why
	} else {
		return err
	}
}

func (c *caller) end(why error) {
	c.why = why
	c.cancel()
}

func (w *world) current() *diary { return w.calls[len(w.calls)-1] }

// waits notes a wait down, and gives up where the vector says so.
func (d *diary) waits(w *world, span time.Duration, backoff bool) {
	d.count++
	givesUp := d.step.number("cancel_wait", 0) == d.count
	if backoff && !givesUp {
		d.slept = append(d.slept, span)
	}
	if !backoff {
		d.queuedFor = nil
		if span >= 0 {
			d.queuedFor = span
		}
	}
	switch {
	case givesUp:
		d.caller.end(context.Canceled)
	case !backoff && span < 0:
		d.bad = errors.New("the call queues without a limit and nobody leaves")
		d.caller.end(context.Canceled)
	case !backoff:
		w.control.Advance(span)
	}
}

func (w *world) call(step table, s shown) error {
	for _, number := range step.list("rand") {
		w.control.Script(number.(float64))
	}
	p, err := w.of(step)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if deadline, err := step.span("deadline"); err != nil {
		return err
	} else if deadline != nil {
		var cancel context.CancelFunc
		ctx, cancel = w.control.Limit(ctx, *deadline)
		defer cancel()
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &diary{step: step, caller: &caller{Context: inner, cancel: cancel}, slept: []any{}, limits: []any{}}
	w.calls = append(w.calls, d)
	defer func() { w.calls = w.calls[:len(w.calls)-1] }()

	var report seawall.Report
	_, err = seawall.Do(d.caller, p, func(ctx context.Context) (any, error) { return w.attempt(ctx, d) }, w.options(p, d, &report)...)
	if d.bad != nil {
		return d.bad
	}
	return show(s, d, &report, err)
}

func (w *world) options(p *seawall.Policy, d *diary, report *seawall.Report) []seawall.Option {
	options := []seawall.Option{
		seawall.ReportTo(report), seawall.Streaming(), seawall.Classified(classify),
		seawall.Else(func(context.Context, error) (any, error) { return d.links(p) }),
	}
	if d.step.has("estimate") {
		options = append(options, seawall.Estimate(d.step.amounts("estimate"), func(any, error) map[string]uint64 {
			if line, err := d.line(d.attempts); err == nil && line.has("cost") {
				return line.amounts("cost")
			}
			return nil
		}))
	}
	if cache := d.step.inner("cache"); cache != nil {
		options = append(options, seawall.CacheKey("key"))
		w.fill(p, cache)
	}
	return options
}

// fill puts a value of the right age into the policy's cache.
func (w *world) fill(p *seawall.Policy, cache table) {
	ttl := 300 * time.Second
	if resolved, err := p.Resolved(); err == nil {
		if d, err := table(resolved).inner("cache").span("ttl"); err == nil && d != nil {
			ttl = *d
		}
	}
	switch {
	case cache.yes("fresh"):
		w.control.Keep(p, "key", "kept", 0)
	case cache.yes("stale"):
		w.control.Keep(p, "key", "kept", ttl+1)
	default:
		w.control.Keep(p, "key", "kept", 1<<62)
	}
}

// links answers a function of the chain as the vector says.
func (d *diary) links(p *seawall.Policy) (any, error) {
	resolved, err := p.Resolved()
	if err != nil {
		return nil, err
	}
	answers := d.step.list("fallback")
	for i, link := range table(resolved).inner("fallback").list("chain") {
		if link == "function" && i < len(answers) && answers[i] == false {
			return nil, errors.New("this link has nothing")
		}
	}
	return "fell back", nil
}

// scripted is the error of an attempt.
type scripted struct{ outcome seawall.Outcome }

func (e *scripted) Error() string { return "scripted " + e.outcome.String() }

type hinted struct {
	scripted
	after time.Duration
}

func (e *hinted) RetryAfter() time.Duration { return e.after }

func classify(_ any, err error) (seawall.Outcome, bool) {
	var plain *scripted
	var wish *hinted
	switch {
	case errors.As(err, &wish):
		return wish.outcome, true
	case errors.As(err, &plain):
		return plain.outcome, true
	default:
		return seawall.OutcomeSuccess, err == nil
	}
}

func (d *diary) line(attempt int) (table, error) {
	script, has := d.step["script"].([]any)
	if !has {
		return table{}, nil
	}
	if attempt > len(script) {
		return nil, fmt.Errorf("the script has no attempt %d", attempt)
	}
	return script[attempt-1].(map[string]any), nil
}

func (w *world) attempt(ctx context.Context, d *diary) (any, error) {
	d.attempts++
	d.limits = append(d.limits, w.limit(ctx))
	line, err := d.line(d.attempts)
	if err != nil {
		d.bad = err
		d.caller.end(context.Canceled)
		return nil, err
	}
	if steps := line.list("during"); steps != nil {
		if err := w.run(steps); err != nil && d.bad == nil {
			d.bad = err
		}
	}
	if line.yes("commit") {
		seawall.Commit(ctx)
	}
	if takes, err := line.span("takes"); err != nil {
		d.bad = err
	} else if takes != nil {
		w.control.Advance(*takes)
	}
	if who := line.text("cancel"); who != "" {
		d.caller.end(map[string]error{"caller": context.Canceled, "deadline": context.DeadlineExceeded}[who])
		return nil, d.caller.Err()
	}
	outcome, err := line.outcome(seawall.OutcomeSuccess)
	if err != nil {
		d.bad = err
	}
	hint, err := line.span("hint")
	if err != nil {
		d.bad = err
	}
	switch {
	case hint != nil:
		return nil, &hinted{scripted{outcome}, *hint}
	case outcome == seawall.OutcomeSuccess:
		return "live", nil
	default:
		return nil, &scripted{outcome}
	}
}

// limit is what an attempt was given.
func (w *world) limit(ctx context.Context) any {
	deadline, has := ctx.Deadline()
	if !has {
		return nil
	}
	return deadline.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) - w.control.Now()
}

func show(s shown, d *diary, r *seawall.Report, err error) error {
	s["verdict"], s["attempts"], s["elapsed"] = r.Verdict, r.Attempts, r.Elapsed
	s["slept"], s["limits"], s["queued_for"] = d.slept, d.limits, d.queuedFor
	s["store"], s["forget"] = r.Store, r.Forget
	s["outcome"], s["link"], s["reason"] = nil, nil, nil
	if r.Outcome != nil {
		s["outcome"] = r.Outcome.String()
	}
	if r.Link >= 0 {
		s["link"] = r.Link
	}
	if r.Stop != 0 {
		s["reason"] = r.Stop.String()
	}
	s["refused"] = nil
	if r.Refusal != nil {
		if _, err := s.refused(r.Refusal); err != nil {
			return err
		}
	}
	return agrees(r.Verdict, err)
}

// agrees holds the error that Do returned against the verdict it reported.
func agrees(verdict string, err error) error {
	var timeout *seawall.TimeoutError
	right := true
	switch verdict {
	case "cached", "stale", "fell_back":
		right = err == nil
	case "refused":
		right = errors.Is(err, seawall.ErrRejected)
	case "timed_out":
		right = errors.As(err, &timeout) && timeout.Kind == seawall.ErrAttemptTimeout
	case "deadline_exceeded":
		right = errors.As(err, &timeout) && timeout.Kind == seawall.ErrDeadlineExceeded
	case "cancelled":
		right = err != nil
	}
	if !right {
		return fmt.Errorf("verdict %s, and Do returned %v", verdict, err)
	}
	return nil
}
