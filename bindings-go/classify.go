package seawall

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"seawall.dev/seawall/internal/abi"
)

// Never marks an error of a dependency that forbids another attempt.
const Never time.Duration = -1

// AsPermanent marks an error as permanent: not retried, and no failure of the dependency.
func AsPermanent(err error) error { return mark(err, OutcomePermanent, abi.NoHint) }

// AsIgnored marks an error as saying nothing about the dependency.
func AsIgnored(err error) error { return mark(err, OutcomeIgnored, abi.NoHint) }

// AsThrottled marks an error as the dependency's wish for less, after which time it may be asked
// again; zero if it did not say, Never if it must not be.
func AsThrottled(err error, after time.Duration) error {
	hint := int64(after)
	if after == 0 {
		hint = abi.NoHint
	}
	return mark(err, OutcomeThrottled, hint)
}

func mark(err error, outcome Outcome, hint int64) error {
	if err == nil {
		return nil
	}
	return &markedError{err, outcome, hint}
}

type markedError struct {
	error
	outcome Outcome
	hint    int64
}

func (m *markedError) Unwrap() error { return m.error }

// classify names the outcome of an attempt: the user's function, the user's lists, the tables.
func (d *drive) classify(err error) (Outcome, int64) {
	for _, judge := range []func(any, error) (Outcome, bool){d.options.classify, d.policy.host.classify} {
		if judge == nil {
			continue
		}
		if outcome, decided := d.judge(judge, err); decided {
			return outcome, hintOf(d.work.result(), err)
		}
	}
	if err == nil {
		return classifyResult(d.work.result())
	}
	return d.policy.classify(err)
}

// classify asks the user's lists, then the tables.
func (p *Policy) classify(err error) (Outcome, int64) {
	for _, excluded := range p.host.exclude {
		if errors.Is(err, excluded) {
			return OutcomeIgnored, abi.NoHint
		}
	}
	if include := p.host.include; len(include) > 0 {
		for _, included := range include {
			if errors.Is(err, included) {
				return OutcomeFailure, hintOf(nil, err)
			}
		}
		return OutcomeIgnored, abi.NoHint
	}
	if says(err) {
		return ClassifyError(err), hintOf(nil, err)
	}
	return lookUp(err).outcome, abi.NoHint
}

// judge asks the user's function; one that panics is logged and has not decided.
func (d *drive) judge(judge func(any, error) (Outcome, bool), err error) (outcome Outcome, decided bool) {
	defer func() {
		if cause := recover(); cause != nil {
			slog.Error("seawall: a classifier panicked", "policy", d.policy.name, "panic", cause)
			outcome, decided = OutcomeFailure, false
		}
	}()
	return judge(d.work.result(), err)
}

// ClassifyError looks an error up in the tables that all languages share; what nobody knows is a
// failure.
func ClassifyError(err error) Outcome {
	if err == nil {
		return OutcomeSuccess
	}
	if !says(err) {
		return lookUp(err).outcome
	}
	var marked *markedError
	if errors.As(err, &marked) {
		return marked.outcome
	}
	var status interface{ HTTPStatusCode() int }
	switch {
	case errors.Is(err, ErrRejected):
		return OutcomeRefused
	case errors.Is(err, context.DeadlineExceeded):
		return OutcomeTimeout
	case errors.As(err, &status):
		return ClassifyStatus(status.HTTPStatusCode())
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return OutcomeTimeout
	}
	for one := err; one != nil; one = errors.Unwrap(one) {
		if found := lookUp(one); found.known {
			return found.outcome
		}
	}
	return OutcomeFailure
}

// says tells whether an error may say more than the name of its type: by what it wraps, or by a method.
func says(err error) bool {
	switch err.(type) {
	case interface{ Unwrap() error }, interface{ Unwrap() []error }, interface{ Is(error) bool }, interface{ As(any) bool },
		interface{ HTTPStatusCode() int }, interface{ Timeout() bool }, interface{ RetryAfter() time.Duration }:
		return true
	}
	return err == ErrRejected
}

// byName keeps what the tables say of the types that have been seen.
var byName sync.Map // reflect.Type -> named

type named struct {
	outcome Outcome
	known   bool
}

func lookUp(err error) named {
	kind := reflect.TypeOf(err)
	if found, seen := byName.Load(kind); seen {
		return found.(named)
	}
	found := named{outcome: OutcomeFailure}
	if outcome, known := abi.ClassifyError(typeName(err)); known {
		found = named{Outcome(outcome), true}
	}
	byName.Store(kind, found)
	return found
}

// ClassifyStatus looks an HTTP status up in the shared table.
func ClassifyStatus(code int) Outcome {
	if table := statuses(); code >= 0 && code < len(table) {
		return table[code]
	}
	return Outcome(abi.ClassifyHTTP(code))
}

// statuses is the shared table, read once.
var statuses = sync.OnceValue(func() *[600]Outcome {
	table := new([600]Outcome)
	for code := range table {
		table[code] = Outcome(abi.ClassifyHTTP(code))
	}
	return table
})

func classifyResult(result any) (Outcome, int64) {
	if response, is := result.(*http.Response); is && response != nil {
		return ClassifyStatus(response.StatusCode), hintOf(result, nil)
	}
	return OutcomeSuccess, abi.NoHint
}

func hintOf(result any, err error) int64 {
	var marked *markedError
	if errors.As(err, &marked) {
		return marked.hint
	}
	var after interface{ RetryAfter() time.Duration }
	if errors.As(err, &after) {
		return int64(after.RetryAfter())
	}
	if response, is := result.(*http.Response); is && response != nil {
		if value := response.Header.Get("Retry-After"); value != "" {
			if hint, ok := abi.ParseRetryAfter(value, uint64(time.Now().Unix())); ok {
				return hint
			}
		}
	}
	return abi.NoHint
}

func typeName(err error) string { return strings.TrimPrefix(reflect.TypeOf(err).String(), "*") }
