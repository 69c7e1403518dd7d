package seawall

import (
	"context"
	"time"
)

// host is what of a Config only Go can hold. A policy without any shares one, which keeps a policy small.
type host struct {
	classify      func(result any, err error) (Outcome, bool)
	include       []error
	exclude       []error
	onRetry       func(attempt int, err error, delay time.Duration)
	onQueue       func(most time.Duration)
	onTimeout     func(limit time.Duration)
	onSlow        func(took time.Duration)
	onFallback    func(err error)
	value         any
	fallback      func(ctx context.Context, err error) (any, error)
	onStateChange func(from, to State)
}

var nothing host

func (c *Config) host() *host {
	h := host{
		classify: c.Classify, include: c.Include, exclude: c.Exclude,
		onRetry: c.OnRetry, onQueue: c.OnQueue, onTimeout: c.OnTimeout, onSlow: c.OnSlowOperation,
		onFallback: c.OnFallback, onStateChange: c.OnStateChange,
	}
	if c.Fallback != nil {
		h.value, h.fallback = c.Fallback.Value, c.Fallback.Func
	}
	if h.classify == nil && h.include == nil && h.exclude == nil && h.onRetry == nil && h.onQueue == nil &&
		h.onTimeout == nil && h.onSlow == nil && h.onFallback == nil && h.onStateChange == nil && h.value == nil && h.fallback == nil {
		return &nothing
	}
	return &h
}
