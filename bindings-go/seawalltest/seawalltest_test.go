package seawalltest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

func TestTheClockMovesOnlyWhenTold(t *testing.T) {
	env := seawalltest.New(t)
	before := env.Now()
	env.Advance(time.Hour)
	if env.Now() != before+time.Hour {
		t.Fatal(env.Now())
	}
}

func TestScriptedRandomness(t *testing.T) {
	env := seawalltest.New(t)
	env.Next(0.25, 0.75)
	if env.Uniform() != 0.25 || env.Uniform() != 0.75 {
		t.Fatal("not as scripted")
	}
	env.Reseed(9)
	first := env.Uniform()
	env.Reseed(9)
	if env.Uniform() != first {
		t.Fatal("one seed, two numbers")
	}
}

func TestEnvironmentsDoNotSeeEachOther(t *testing.T) {
	config := seawall.Config{Name: "identity", Breaker: &seawall.Breaker{Failures: 1}}
	one, two := seawalltest.New(t), seawalltest.New(t)
	p, q := one.Policy(config), two.Policy(config)
	if err := p.ForceOpen(); err != nil {
		t.Fatal(err)
	}
	if state, _ := q.State(); state != seawall.StateClosed {
		t.Fatal(state)
	}
	if _, err := seawall.Do(context.Background(), p, func(context.Context) (int, error) { return 1, nil }); !errors.Is(err, seawall.ErrCircuitOpen) {
		t.Fatal(err)
	}
	if len(one.Events("forced")) != 1 || len(two.Events()) != 0 {
		t.Fatal(one.Events(), two.Events())
	}
}
