package seawall_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

func TestStateChangesAreToldInOrder(t *testing.T) {
	env := seawalltest.New(t)
	type change struct{ from, to seawall.State }
	var changes []change
	p := env.Policy(seawall.Config{
		Breaker:       &seawall.Breaker{Failures: 1, OpenFor: time.Second},
		OnStateChange: func(from, to seawall.State) { changes = append(changes, change{from, to}) },
	})
	other := env.Policy(seawall.Config{Breaker: &seawall.Breaker{Failures: 1}})
	_, _ = seawall.Do(context.Background(), p, fails)
	_, _ = seawall.Do(context.Background(), other, fails)
	env.Advance(time.Second)
	_, _ = seawall.Do(context.Background(), p, answers)
	want := []change{
		{seawall.StateClosed, seawall.StateOpen}, {seawall.StateOpen, seawall.StateHalfOpen}, {seawall.StateHalfOpen, seawall.StateClosed},
	}
	if len(changes) != len(want) {
		t.Fatalf("changes = %v", changes)
	}
	for i := range want {
		if changes[i] != want[i] {
			t.Fatalf("changes = %v", changes)
		}
	}
}

func TestAListenerMayUseThePolicyAndMayPanic(t *testing.T) {
	env := seawalltest.New(t)
	p := breakAfter(env, 1)
	var seen []string
	defer env.Listen(func(e seawall.Event) {
		seen = append(seen, e.Kind)
		if e.Kind == "opened" {
			_ = p.Reset()
		}
		panic("listener")
	})()
	_, _ = seawall.Do(context.Background(), p, fails)
	mustState(t, p, seawall.StateClosed)
	if len(seen) == 0 || seen[0] != "opened" {
		t.Fatal(seen)
	}
}

func TestANilListenerIsToldAtOnce(t *testing.T) {
	env := seawalltest.New(t)
	defer func() {
		if why := recover(); why == nil || !strings.Contains(fmt.Sprint(why), "Listen needs a function") {
			t.Fatalf("a nil listener ended with %v", why)
		}
		// Nothing is held, and nothing was added.
		env.Listen(func(seawall.Event) {})()
	}()
	env.Listen(nil)
}

func TestTheReaderLivesOnlyWhileThereAreListeners(t *testing.T) {
	readers := func() int {
		buf := make([]byte, 1<<20)
		return strings.Count(string(buf[:runtime.Stack(buf, true)]), "(*Registry).read(")
	}
	if n := readers(); n != 0 {
		t.Fatalf("%d readers without a listener", n)
	}
	p := seawall.MustNew(seawall.Config{Name: "with a reader", Breaker: &seawall.Breaker{Failures: 1, OpenFor: time.Millisecond}})
	halfOpened := make(chan struct{}, 8)
	stop := seawall.Listen(func(e seawall.Event) {
		if e.Kind == "half_opened" {
			halfOpened <- struct{}{}
		}
	})
	waitFor(t, func() bool { return readers() == 1 })
	_, _ = seawall.Do(context.Background(), p, fails)
	<-halfOpened // nobody called: the reader applied the transition
	stop()
	waitFor(t, func() bool { return readers() == 0 })
}

func TestMetricsAndHealth(t *testing.T) {
	env := seawalltest.New(t)
	p := breakAfter(env, 1)
	if health := env.CheckHealth(); health.Status != "ok" {
		t.Fatal(health)
	}
	_, _ = seawall.Do(context.Background(), p, fails)
	_, _ = seawall.Do(context.Background(), p, answers)
	health := env.CheckHealth()
	if health.Status != "degraded" || health.Breakers["identity"] != "open" {
		t.Fatal(health)
	}
	text := env.Metrics()
	for _, part := range []string{"# TYPE seawall_breaker", `name="identity"`} {
		if !strings.Contains(text, part) {
			t.Fatalf("no %q in\n%s", part, text)
		}
	}
}

func TestAPolicysListenerGoesWithThePolicy(t *testing.T) {
	func() {
		p := seawall.MustNew(seawall.Config{Breaker: &seawall.Breaker{}, OnStateChange: func(seawall.State, seawall.State) {}})
		_ = p.Run(context.Background(), func(context.Context) error { return nil })
	}()
	waitFor(t, func() bool {
		runtime.GC()
		buf := make([]byte, 1<<20)
		return !strings.Contains(string(buf[:runtime.Stack(buf, true)]), "(*Registry).read(")
	})
}
