package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"seawall.dev/seawall"
)

// shown is what a step has to show; lengths are time.Duration.
type shown map[string]any

// check demands that every expected key is shown and equal.
func (s shown) check(expected table) error {
	for key, wanted := range expected {
		found, is := s[key]
		if !is {
			return fmt.Errorf("nothing here shows %q", key)
		}
		if !equal(wanted, found) {
			return fmt.Errorf("%s: expected %v, found %v", key, wanted, found)
		}
	}
	return nil
}

func equal(wanted, found any) bool {
	switch found := found.(type) {
	case time.Duration:
		words, is := wanted.(string)
		if !is {
			return false
		}
		d, err := length(words)
		return err == nil && d == found
	case int:
		return equal(wanted, float64(found))
	case float64:
		number, is := wanted.(float64)
		return is && math.Abs(number-found) <= 1e-6
	case []any:
		list, is := wanted.([]any)
		if !is || len(list) != len(found) {
			return false
		}
		for i := range list {
			if !equal(list[i], found[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		inner, is := wanted.(map[string]any)
		if !is {
			return false
		}
		for key, wanted := range inner {
			if other, has := found[key]; !has || !equal(wanted, other) {
				return false
			}
		}
		return true
	case string:
		if words, is := wanted.(string); is {
			if words == found {
				return true
			}
			// The resolved configuration writes lengths its own way.
			a, err := length(words)
			b, also := length(found)
			return err == nil && also == nil && a == b
		}
		return false
	default:
		return wanted == found
	}
}

// codes are the words of refusals.
var codes = map[error]string{
	seawall.ErrCircuitOpen: "circuit_open", seawall.ErrBulkheadFull: "bulkhead_full",
	seawall.ErrBulkheadTimeout: "bulkhead_timeout", seawall.ErrCostExceeded: "cost_exceeded",
	seawall.ErrHostUnavailable: "host_unavailable",
	seawall.ErrAttemptTimeout:  "attempt_timeout", seawall.ErrDeadlineExceeded: "deadline_exceeded",
	seawall.ErrStaleHandle: "stale_handle",
}

// refused shows a refusal and answers its code; nothing but a refusal may come here.
func (s shown) refused(err error) (string, error) {
	var rejected *seawall.RejectedError
	s["retry_after"] = nil
	if errors.As(err, &rejected) && (rejected.RetryAfter > 0 || rejected.State == seawall.StateOpen || rejected.State == seawall.StateHalfOpen) {
		s["retry_after"] = rejected.RetryAfter
	}
	for kind, word := range codes {
		if errors.Is(err, kind) {
			s["refused"] = word
			return word, nil
		}
	}
	return "", fmt.Errorf("no refusal: %w", err)
}

// breaker shows the fields of a breaker's snapshot.
func (s shown) breaker(b table) {
	for _, key := range []string{
		"state", "generation", "calls", "successes", "failures", "slow", "consecutive_failures",
		"failure_rate", "slow_call_rate", "permits_left", "step", "not_permitted",
	} {
		s[key] = b[key]
	}
	s["open_remaining"] = nanos(b["open_remaining_ns"])
	if _, has := s["retry_after"]; !has {
		s["retry_after"] = nanos(b["retry_after_ns"])
	}
	s["last_reason"] = b.inner("last_transition")["reason"]
	totals := b.inner("totals")
	for _, key := range []string{"success", "failure", "slow", "ignored", "cancelled", "rejected"} {
		s["total_"+key] = totals[key]
	}
	for _, key := range []string{"stale", "reclaimed", "transitions"} {
		s[key] = totals[key]
	}
}

func nanos(value any) any {
	if n, is := value.(float64); is {
		return time.Duration(n)
	}
	return nil
}
