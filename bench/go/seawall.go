package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"seawall.dev/seawall"
)

const us = "seawall"

func policy(config seawall.Config) *seawall.Policy { return seawall.MustNew(config) }

func count(size int) *seawall.Breaker {
	return &seawall.Breaker{Window: seawall.Window{Size: size}, MinimumCalls: min(size, 20)}
}

// call is n successful calls.
func call(p *seawall.Policy) func(n int) {
	return func(n int) {
		ctx, fn := background, works
		for range n {
			_, _ = seawall.Do(ctx, p, fn)
		}
	}
}

// patient is a breaker that opens only when a whole window has failed.
func patient(size int) *seawall.Breaker {
	return &seawall.Breaker{Window: seawall.Window{Size: size}, FailureRate: 1, MinimumCalls: size}
}

// failing is n failing calls; one in each window succeeds, so that a patient breaker stays closed.
func failing(p *seawall.Policy, size int) func(n int) {
	return func(n int) {
		left := 0
		for range n {
			if left == 0 {
				_, _ = seawall.Do(background, p, works)
				left = size - 1
			}
			left--
			_, _ = seawall.Do(background, p, fails)
		}
	}
}

func in(p *seawall.Policy, wanted seawall.State) func(*row) {
	return checked(func() error {
		if state, err := p.State(); err != nil || state != wanted {
			return fmt.Errorf("the breaker is %v (%v), not %v", state, err, wanted)
		}
		return nil
	})
}

func ours() (rows []*row) {
	add := func(more []*row) { rows = append(rows, more...) }
	for variant, breaker := range map[string]*seawall.Breaker{
		"consecutive": {}, "count 100": count(100), "count 100,000": count(100_000),
		"time 30 s": {Window: seawall.Window{Span: 30 * time.Second}},
	} {
		p := policy(seawall.Config{Breaker: breaker})
		add(both("closed", us, variant, call(p), in(p, seawall.StateClosed)))
	}

	open := policy(seawall.Config{Breaker: &seawall.Breaker{OpenFor: time.Hour}})
	must(open.Open())
	add(both("open", us, "count 100", call(open), checked(func() error {
		if _, err := seawall.Do(background, open, works); !errors.Is(err, seawall.ErrCircuitOpen) {
			return fmt.Errorf("an open circuit answered %v", err)
		}
		return nil
	})))

	never := policy(seawall.Config{Breaker: patient(100)})
	add(both("failing", us, "count 100", failing(never, 50), in(never, seawall.StateClosed)))

	retry := policy(seawall.Config{Retry: &seawall.Retry{}})
	add(op("retry", us, "", call(retry)))
	bulkhead := policy(seawall.Config{Bulkhead: &seawall.Bulkhead{}})
	add(both("bulkhead", us, "", call(bulkhead)))
	two := policy(seawall.Config{Retry: &seawall.Retry{}, Breaker: count(100)})
	add(both("retry + breaker", us, "", call(two), in(two, seawall.StateClosed)))
	three := policy(seawall.Config{Retry: &seawall.Retry{}, Breaker: count(100), Bulkhead: &seawall.Bulkhead{}})
	add(both("retry + breaker + bulkhead", us, "", call(three), in(three, seawall.StateClosed)))
	timed := policy(seawall.Config{Retry: &seawall.Retry{}, Breaker: count(100), Timeout: &seawall.Timeout{Attempt: time.Minute}})
	add(op("retry + breaker + timeout", us, "", call(timed), in(timed, seawall.StateClosed)))

	slow := count(100)
	slow.SlowCall = &seawall.SlowCall{LongerThan: time.Second, Rate: 0.5}
	p := policy(seawall.Config{Breaker: slow})
	add(both("slow-call rule", us, "count 100", call(p), in(p, seawall.StateClosed)))

	add(keyed())
	add(sweep())
	add([]*row{memory()})
	return rows
}

// keyed looks the policy of a key up for each call, among as many as there usually are.
func keyed() []*row {
	p := policy(seawall.Config{Breaker: count(100)})
	keys := make([]string, 256)
	held := make([]*seawall.Policy, len(keys))
	for i := range keys {
		keys[i] = fmt.Sprintf("tenant-%d", i)
		one, err := p.Key(keys[i])
		must(err)
		held[i] = one
		call(one)(1000)
	}
	looked := func(n int) {
		for i := range n {
			one, err := p.Key(keys[i%len(keys)])
			if err != nil {
				panic(err)
			}
			_, _ = seawall.Do(background, one, works)
		}
	}
	kept := func(n int) {
		for i := range n {
			_, _ = seawall.Do(background, held[i%len(held)], works)
		}
	}
	rows := both("keyed", us, "looked up each time", looked, in(held[0], seawall.StateClosed))
	return append(rows, op("keyed", us, "held", kept, in(held[0], seawall.StateClosed))...)
}

// sweep is a failing call on a full window that stays closed, and one on an empty window.
func sweep() (rows []*row) {
	for _, size := range []int{10, 100, 1_000, 10_000, 100_000} {
		p := policy(seawall.Config{Breaker: patient(size)})
		failing(p, size)(size + 1)
		rows = append(rows, op("window sweep", us, fmt.Sprintf("count of %d", size), failing(p, size), in(p, seawall.StateClosed))...)
	}
	const large = 100_000
	p := policy(seawall.Config{Breaker: patient(large)})
	empty := prepared(func() { must(p.Reset()) })
	return append(rows, op("window sweep", us, fmt.Sprintf("count of %d, empty", large), failing(p, large), empty, in(p, seawall.StateClosed))...)
}

// memory is the bytes of one unnamed breaker with a default window, the native side included.
func memory() *row {
	return bytesOf(us, "consecutive", func() any { return policy(seawall.Config{Breaker: &seawall.Breaker{}}) })
}

// bytesOf is what one of many keeps resident.
func bytesOf(library, variant string, one func() any) *row {
	const instances = 20_000
	kept := make([]any, instances)
	before := resident()
	for i := range kept {
		kept[i] = one()
	}
	bytes := (resident() - before) / instances
	runtime.KeepAlive(kept)
	return &row{Case: "memory", Library: library, Variant: variant, Threads: 1, Unit: "bytes", Samples: []float64{bytes}}
}
