package seawall

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// table collects the options that were given; what is zero was not.
type table map[string]any

func (t table) text(name, value string) {
	if value != "" {
		t[name] = value
	}
}

func (t table) number(name string, value int) {
	if value != 0 {
		t[name] = value
	}
}

func (t table) ratio(name string, value float64) {
	if value != 0 {
		t[name] = value
	}
}

func (t table) span(name string, value time.Duration) {
	if value != 0 {
		t[name] = spanText(value)
	}
}

func (t table) yes(name string, value bool) {
	if value {
		t[name] = true
	}
}

func (t table) part(name string, value table) {
	if len(value) > 0 {
		t[name] = value
	}
}

// spanText keeps every nanosecond, and reads well in the error about a value that is out of range.
func spanText(value time.Duration) string { return value.String() }

func orNil[T any](t table, name string, value *T) {
	if value != nil {
		t[name] = *value
	}
}

// document is the code layer that the core merges with the file and the environment.
func (c *Config) document() (string, error) {
	if c.JSON != "" {
		return c.JSON, nil
	}
	// JSON would silently repair it.
	if !utf8.ValidString(c.Name) {
		return "", &ConfigError{Code: "bad_name", Path: "/name", Reason: fmt.Sprintf("the name %q is not UTF-8", c.Name), Source: "code"}
	}
	t := table{}
	t.text("name", c.Name)
	t.text("preset", c.Preset)
	t.text("scope", c.Scope)
	t.number("revision", c.Revision)
	orNil(t, "host_required", c.HostRequired)
	if c.Off {
		t["enabled"] = false
	}
	t.number("max_keys", c.MaxKeys)
	t.text("stream", c.Stream)
	if c.Breaker != nil {
		t["breaker"] = c.Breaker.table()
	}
	if c.Retry != nil {
		t["retry"] = c.Retry.table()
	}
	if c.Bulkhead != nil {
		t["bulkhead"] = c.Bulkhead.table()
	}
	if c.Timeout != nil {
		t["timeout"] = c.Timeout.table()
	}
	if c.Fallback != nil {
		t["fallback"] = c.Fallback.table()
	}
	if c.Cache != nil {
		cache := table{}
		cache.span("ttl", c.Cache.TTL)
		cache.span("stale_for", c.Cache.StaleFor)
		cache.number("size", c.Cache.Size)
		cache.yes("first", c.Cache.First)
		t["cache"] = cache
	}
	if len(c.Cost) > 0 {
		list := make([]table, len(c.Cost))
		for i, cost := range c.Cost {
			list[i] = table{"name": cost.Name, "limits": cost.Limits}
			list[i].span("per", cost.Per)
		}
		t["cost"] = list
	}
	for _, part := range c.Without {
		t[part] = false
	}
	text, err := json.Marshal(t)
	if err != nil {
		return "", &ConfigError{Code: "wrong_type", Path: "/policy/" + c.Name, Reason: err.Error()}
	}
	return string(text), nil
}

func (b *Breaker) table() table {
	t := table{}
	t.text("name", b.Name)
	window := table{}
	if b.Failures != 0 {
		window["kind"], window["failures"] = "consecutive", b.Failures
	}
	if b.Window.Size != 0 {
		window["kind"], window["size"] = "count", b.Window.Size
	}
	if b.Window.Span != 0 {
		window["kind"] = "time"
		window.span("span", b.Window.Span)
		window.number("slices", b.Window.Slices)
		window.yes("aligned", b.Window.Aligned)
	}
	t.part("window", window)
	t.ratio("failure_rate", b.FailureRate)
	t.number("failure_count", b.FailureCount)
	if b.SlowCall != nil {
		slow := table{}
		slow.span("longer_than", b.SlowCall.LongerThan)
		slow.ratio("rate", b.SlowCall.Rate)
		t["slow_call"] = slow
	}
	t.number("minimum_calls", b.MinimumCalls)
	open := table{}
	open.span("base", b.OpenFor)
	open.ratio("factor", b.OpenFactor)
	open.span("cap", b.OpenCap)
	open.ratio("jitter", b.OpenJitter)
	t.part("open_for", open)
	if b.HalfOpen != nil {
		t["half_open"] = b.HalfOpen.table()
	}
	if b.InitialState != StateClosed {
		t["initial_state"] = b.InitialState.String()
	}
	orNil(t, "count_throttled", b.CountThrottled)
	t.yes("from_server_hint", b.FromServerHint)
	return t
}

func (h *HalfOpen) table() table {
	t := table{}
	t.number("permits", h.Permits)
	if h.Concurrent {
		t["mode"] = "concurrent"
	}
	t.number("successes", h.Successes)
	t.number("of", h.Of)
	t.span("max_wait", h.MaxWait)
	t.text("on_max_wait", h.OnMaxWait)
	t.span("lease", h.Lease)
	return t
}

func (r *Retry) table() table {
	t := table{}
	t.number("attempts", r.Attempts)
	t.part("backoff", r.Backoff.table())
	t.part("jitter", r.Jitter.table())
	t.span("max_elapsed", r.MaxElapsed)
	t.text("server_hint", r.ServerHint)
	t.span("hint_cap", r.HintCap)
	t.yes("retry_refused", r.RetryRefused)
	if len(r.ByOutcome) > 0 {
		own := table{}
		for outcome, delay := range r.ByOutcome {
			one := table{}
			one.part("backoff", delay.Backoff.table())
			one.part("jitter", delay.Jitter.table())
			own[outcome] = one
		}
		t["by_outcome"] = own
	}
	if r.Budget != nil {
		if r.Budget.Kind == "" && r.Budget.Name != "" {
			t["budget"] = r.Budget.Name
		} else {
			t["budget"] = r.Budget.table()
		}
	}
	return t
}

func (b *Backoff) table() table {
	t := table{}
	t.text("kind", b.Kind)
	t.span("base", b.Base)
	t.ratio("factor", b.Factor)
	t.span("cap", b.Cap)
	t.span("min", b.Min)
	t.span("max", b.Max)
	if len(b.Delays) > 0 {
		delays := make([]string, len(b.Delays))
		for i, delay := range b.Delays {
			delays[i] = spanText(delay)
		}
		t["delays"] = delays
	}
	// The shape of an option is told by its kind, so the default is said aloud.
	if len(t) > 0 && b.Kind == "" {
		t["kind"] = "exponential"
	}
	return t
}

func (j *Jitter) table() table {
	t := table{}
	t.text("kind", j.Kind)
	t.ratio("factor", j.Factor)
	t.span("span", j.Span)
	return t
}

func (b *Budget) table() table {
	t := table{}
	t.text("name", b.Name)
	t.text("kind", b.Kind)
	t.number("capacity", b.Capacity)
	orNil(t, "refund", b.Refund)
	if len(b.Costs) > 0 {
		t["costs"] = b.Costs
	}
	t.ratio("share", b.Share)
	orNil(t, "floor_per_second", b.FloorPerSecond)
	t.span("span", b.Span)
	orNil(t, "floor", b.Floor)
	t.number("retries", b.Retries)
	return t
}

func (b *Bulkhead) table() table {
	t := table{}
	t.text("name", b.Name)
	t.number("limit", b.Limit)
	orNil(t, "queue", b.Queue)
	t.span("max_wait", b.MaxWait)
	t.text("resource", b.Resource)
	return t
}

func (o *Timeout) table() table {
	t := table{}
	t.text("name", o.Name)
	t.span("attempt", o.Attempt)
	t.span("deadline", o.Deadline)
	t.text("mode", o.Mode)
	t.span("slow_after", o.SlowAfter)
	t.span("idle", o.Idle)
	t.text("operation", o.Operation)
	if o.Adaptive != nil {
		adaptive := table{}
		adaptive.ratio("quantile", o.Adaptive.Quantile)
		adaptive.ratio("factor", o.Adaptive.Factor)
		adaptive.span("min", o.Adaptive.Min)
		adaptive.span("span", o.Adaptive.Span)
		adaptive.number("minimum_calls", o.Adaptive.MinimumCalls)
		t["adaptive"] = adaptive
	}
	if o.CallerDeadlineAfter != nil {
		t["caller_deadline_after"] = spanText(*o.CallerDeadlineAfter)
	}
	return t
}

func (f *Fallback) table() table {
	t := table{}
	chain := f.Chain
	if len(chain) == 0 {
		if f.Func != nil {
			chain = append(chain, "function")
		}
		if f.Value != nil {
			chain = append(chain, "value")
		}
	}
	if len(chain) > 0 {
		t["chain"] = chain
	}
	if len(f.On) > 0 {
		t["on"] = f.On
	}
	t.span("timeout", f.Timeout)
	// The value itself stays in Go; the core only needs to know that there is one.
	if f.Value != nil {
		t["value"] = true
	}
	return t
}
