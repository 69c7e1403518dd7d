package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cep21/circuit/v4"
	"github.com/cep21/circuit/v4/closers/hystrix"
	"github.com/cep21/circuit/v4/closers/simplelogic"
	eapache "github.com/eapache/go-resiliency/breaker"
	"github.com/eapache/go-resiliency/retrier"
	"github.com/eapache/go-resiliency/semaphore"
	"github.com/failsafe-go/failsafe-go"
	failbulkhead "github.com/failsafe-go/failsafe-go/bulkhead"
	failbreaker "github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	failtimeout "github.com/failsafe-go/failsafe-go/timeout"
	mercari "github.com/mercari/go-circuitbreaker"
	"github.com/sony/gobreaker/v2"
)

// counted protects against a row that times something else than it says.
func answers(do func() error, wanted error) func(*row) {
	return checked(func() error {
		if err := do(); !errors.Is(err, wanted) {
			return fmt.Errorf("the answer was %v, not %v", err, wanted)
		}
		return nil
	})
}

func each(do func()) func(n int) {
	return func(n int) {
		for range n {
			do()
		}
	}
}

func gobreakers() (rows []*row) {
	value, broken := func() (int, error) { return 1, nil }, func() (int, error) { return 0, errDown }
	run := func(b *gobreaker.CircuitBreaker[int], fn func() (int, error)) func(n int) {
		return func(n int) {
			for range n {
				_, _ = b.Execute(fn)
			}
		}
	}
	closed := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{})
	rows = append(rows, both("closed", "gobreaker", "Execute", run(closed, value),
		wants("gobreaker closed", func() bool { return closed.State() == gobreaker.StateClosed }))...)
	window := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{Interval: 30 * time.Second, BucketPeriod: 3 * time.Second})
	rows = append(rows, op("closed", "gobreaker", "Execute, time 30 s", run(window, value))...)
	step := gobreaker.NewTwoStepCircuitBreaker[int](gobreaker.Settings{})
	rows = append(rows, op("closed", "gobreaker", "two steps", each(func() {
		if done, err := step.Allow(); err == nil {
			_ = runs()
			done(nil)
		}
	}))...)
	open := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{Timeout: time.Hour})
	run(open, broken)(10)
	rows = append(rows, both("open", "gobreaker", "Execute", run(open, value),
		answers(func() error { _, err := open.Execute(value); return err }, gobreaker.ErrOpenState))...)
	never := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{ReadyToTrip: func(gobreaker.Counts) bool { return false }})
	return append(rows, both("failing", "gobreaker", "Execute", run(never, broken),
		wants("gobreaker closed", func() bool { return never.State() == gobreaker.StateClosed }))...)
}

func failsafes() (rows []*row) {
	add := func(more []*row) { rows = append(rows, more...) }
	value, broken := func() (int, error) { return 1, nil }, func() (int, error) { return 0, errDown }
	get := func(e failsafe.Executor[int], fn func() (int, error)) func(n int) {
		return func(n int) {
			for range n {
				_, _ = e.Get(fn)
			}
		}
	}
	made := func() failbreaker.Builder[int] { return failbreaker.NewBuilder[int]().WithDelay(time.Hour) }
	counting := func() failbreaker.CircuitBreaker[int] { return made().WithFailureThresholdRatio(50, 100).Build() }
	is := func(b failbreaker.CircuitBreaker[int]) func(*row) {
		return wants("failsafe-go closed", b.IsClosed)
	}

	permits := counting()
	add(both("closed", "failsafe-go", "permits, count 100", func(n int) {
		for range n {
			if permits.TryAcquirePermit() {
				_, _ = value()
				permits.RecordSuccess()
			}
		}
	}, is(permits)))
	gets := counting()
	add(both("closed", "failsafe-go", "Get, count 100", get(failsafe.With[int](gets), value), is(gets)))
	timed := made().WithFailureRateThreshold(0.5, 20, time.Minute).Build()
	add(op("closed", "failsafe-go", "Get, time 60 s", get(failsafe.With[int](timed), value), is(timed)))

	open := counting()
	open.Open()
	add(both("open", "failsafe-go", "permits", each(func() {
		if open.TryAcquirePermit() {
			panic("an open circuit gave a permit")
		}
	}), wants("failsafe-go open", open.IsOpen)))
	add(op("open", "failsafe-go", "Get", get(failsafe.With[int](open), value), wants("failsafe-go open", open.IsOpen)))

	never := made().WithFailureThresholdRatio(100, 100).Build()
	add(op("failing", "failsafe-go", "Get, count 100", get(failsafe.With[int](never), broken),
		prepared(func() { never.Close() })))

	retry := retrypolicy.NewBuilder[int]().WithBackoff(100*time.Millisecond, time.Second).Build()
	add(op("retry", "failsafe-go", "Get", get(failsafe.With[int](retry), value)))
	bulkhead := failbulkhead.New[int](25)
	add(both("bulkhead", "failsafe-go", "permits", each(func() {
		if bulkhead.TryAcquirePermit() {
			_, _ = value()
			bulkhead.ReleasePermit()
		}
	})))
	add(op("bulkhead", "failsafe-go", "Get", get(failsafe.With[int](bulkhead), value)))
	b := counting()
	add(both("retry + breaker", "failsafe-go", "Get", get(failsafe.With[int](retry, b), value), is(b)))
	b = counting()
	add(both("retry + breaker + bulkhead", "failsafe-go", "Get", get(failsafe.With[int](retry, b, bulkhead), value), is(b)))
	b = counting()
	limit := failtimeout.New[int](time.Minute)
	add(op("retry + breaker + timeout", "failsafe-go", "Get", get(failsafe.With[int](retry, b, limit), value), is(b)))
	return rows
}

func eapaches() (rows []*row) {
	run := func(b *eapache.Breaker, fn func() error) func(n int) {
		return func(n int) {
			for range n {
				_ = b.Run(fn)
			}
		}
	}
	closed := eapache.New(5, 1, time.Hour)
	none := unranked("counts no successes")
	rows = append(rows, both("closed", "eapache", "Run", run(closed, runs), none,
		wants("eapache closed", func() bool { return closed.GetState() == eapache.Closed }))...)
	open := eapache.New(5, 1, time.Hour)
	run(open, breaks)(5)
	rows = append(rows, both("open", "eapache", "Run", run(open, runs), none,
		answers(func() error { return open.Run(runs) }, eapache.ErrBreakerOpen))...)
	never := eapache.New(1<<40, 1, time.Hour)
	rows = append(rows, both("failing", "eapache", "Run", run(never, breaks), none,
		wants("eapache closed", func() bool { return never.GetState() == eapache.Closed }))...)
	retry := retrier.New(retrier.ExponentialBackoff(3, 100*time.Millisecond), nil)
	rows = append(rows, op("retry", "eapache", "Run", each(func() { _ = retry.Run(runs) }))...)
	gate := semaphore.New(25, time.Second)
	return append(rows, both("bulkhead", "eapache", "semaphore", each(func() {
		if gate.Acquire() == nil {
			_ = runs()
			gate.Release()
		}
	}))...)
}

func mercaris() (rows []*row) {
	value, broken := func() (any, error) { return 1, nil }, func() (any, error) { return nil, errDown }
	run := func(b *mercari.CircuitBreaker, fn mercari.Operation) func(n int) {
		return func(n int) {
			for range n {
				_, _ = b.Do(background, fn)
			}
		}
	}
	closed := mercari.New(mercari.WithTripFunc(mercari.NewTripFuncFailureRate(20, 0.5)))
	rows = append(rows, both("closed", "mercari", "Do", run(closed, value),
		wants("mercari closed", func() bool { return closed.State() == mercari.StateClosed }))...)
	open := mercari.New(mercari.WithOpenTimeout(time.Hour))
	open.SetState(mercari.StateOpen)
	rows = append(rows, both("open", "mercari", "Do", run(open, value),
		answers(func() error { _, err := open.Do(background, value); return err }, mercari.ErrOpen))...)
	never := mercari.New(mercari.WithTripFunc(func(*mercari.Counters) bool { return false }))
	return append(rows, both("failing", "mercari", "Do", run(never, broken),
		wants("mercari closed", func() bool { return never.State() == mercari.StateClosed }))...)
}

func cep21s() (rows []*row) {
	value, broken := func(context.Context) error { return nil }, func(context.Context) error { return errDown }
	run := func(c *circuit.Circuit, fn func(context.Context) error) func(n int) {
		return func(n int) {
			for range n {
				_ = c.Execute(background, fn, nil)
			}
		}
	}
	unlimited := circuit.Config{Execution: circuit.ExecutionConfig{Timeout: -1, MaxConcurrentRequests: -1}}
	consecutive := func(errors int64) *circuit.Circuit {
		config := unlimited
		config.General.ClosedToOpenFactory = simplelogic.ConsecutiveErrOpenerFactory(simplelogic.ConfigConsecutiveErrOpener{ErrorThreshold: errors})
		return circuit.NewCircuitFromConfig("consecutive", config)
	}
	is := func(c *circuit.Circuit, open bool) func(*row) {
		return wants("cep21's state", func() bool { return c.IsOpen() == open })
	}
	closed := consecutive(5)
	rows = append(rows, both("closed", "cep21", "consecutive", run(closed, value), is(closed, false))...)
	config := (&hystrix.Factory{}).Configure("hystrix")
	config.Execution = unlimited.Execution
	fancy := circuit.NewCircuitFromConfig("hystrix", config)
	rows = append(rows, both("closed", "cep21", "hystrix", run(fancy, value), is(fancy, false))...)
	open := consecutive(5)
	open.OpenCircuit(background)
	rows = append(rows, both("open", "cep21", "consecutive", run(open, value), is(open, true))...)
	never := consecutive(1 << 40)
	return append(rows, both("failing", "cep21", "consecutive", run(never, broken), is(never, false))...)
}

// memories are the peers' breakers, each with the window that it has by itself.
func memories() []*row {
	return []*row{
		bytesOf("gobreaker", "default", func() any { return gobreaker.NewCircuitBreaker[int](gobreaker.Settings{}) }),
		bytesOf("failsafe-go", "count 100", func() any {
			return failbreaker.NewBuilder[int]().WithFailureThresholdRatio(50, 100).Build()
		}),
		bytesOf("mercari", "default", func() any { return mercari.New() }),
		bytesOf("cep21", "default", func() any { return circuit.NewCircuitFromConfig("one", circuit.Config{}) }),
		bytesOf("eapache", "default", func() any { return eapache.New(5, 1, time.Hour) }),
	}
}
