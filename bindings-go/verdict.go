package seawall

import (
	"context"
	"log/slog"

	"seawall.dev/seawall/internal/abi"
)

// finish turns the verdict into what the caller gets.
func (d *drive) finish() error {
	d.report()
	step := &d.step
	if step.Verdict == abi.VerdictSettle || step.Verdict == abi.VerdictCancelled {
		d.remember()
	}
	switch step.Verdict {
	case abi.VerdictSettle:
		return d.err
	case abi.VerdictCached, abi.VerdictFellBack:
		return nil
	}
	if d.err == nil {
		d.work.clear()
	}
	switch step.Verdict {
	case abi.VerdictRefused:
		return d.policy.rejected(step.Refusal, step.State, step.RetryAfter, step.Used, step.Limit)
	case abi.VerdictTimedOut:
		return d.timeout(ErrAttemptTimeout)
	case abi.VerdictDeadlineExceeded:
		return d.timeout(ErrDeadlineExceeded)
	default: // cancelled: the user's own error, or the context's
		if err := d.ctx.Err(); err != nil && (d.err == nil || d.waiting) {
			return err
		}
		if d.err != nil {
			return d.err
		}
		return context.Canceled
	}
}

func (d *drive) timeout(kind error) error {
	limit := d.step.Limit
	return &TimeoutError{Kind: kind, Policy: d.policy.name, Limit: duration(limit), Attempts: int(d.step.Attempt), Last: d.err}
}

func (d *drive) report() {
	if d.options.report == nil {
		return
	}
	s := &d.step
	r := Report{
		Verdict: verdict(s), Attempts: int(s.Attempt), Elapsed: duration(s.Elapsed), Stop: Stop(s.Stop), Last: d.err,
		FellBack: s.Verdict == abi.VerdictFellBack, Link: d.link, Refusal: d.refusal(),
		Cached: s.Verdict == abi.VerdictCached, Stale: s.Stale, Store: s.Store, Forget: s.Forget,
	}
	if s.Outcome <= uint8(OutcomeCancelled) {
		r.Outcome = Ptr(Outcome(s.Outcome))
	}
	*d.options.report = r
}

func verdict(s *abi.Step) string {
	switch s.Verdict {
	case abi.VerdictSettle:
		return "settle"
	case abi.VerdictCached:
		if s.Stale {
			return "stale"
		}
		return "cached"
	case abi.VerdictFellBack:
		return "fell_back"
	case abi.VerdictRefused:
		return "refused"
	case abi.VerdictTimedOut:
		return "timed_out"
	case abi.VerdictDeadlineExceeded:
		return "deadline_exceeded"
	default:
		return "cancelled"
	}
}

// guard runs a hook; one that panics is logged and changes no outcome.
func (d *drive) guard(hook string, run func()) {
	defer func() {
		if cause := recover(); cause != nil {
			slog.Error("seawall: a hook panicked", "hook", hook, "policy", d.policy.name, "panic", cause)
		}
	}()
	run()
}
