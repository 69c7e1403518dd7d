//go:build go1.25

package seawalltest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

func TestABubblesClockIsThePoliciesClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := seawalltest.InBubble(t)
		p := env.Policy(seawall.Config{
			Breaker: &seawall.Breaker{Failures: 2, OpenFor: time.Minute},
			Retry:   &seawall.Retry{Attempts: 2, Backoff: seawall.Backoff{Kind: "fixed", Base: time.Hour}, Jitter: seawall.NoJitter},
		})
		start := time.Now()
		_ = p.Run(context.Background(), func(context.Context) error { return errors.New("down") })
		if time.Since(start) != time.Hour {
			t.Fatal(time.Since(start))
		}
		if state, _ := p.State(); state != seawall.StateOpen {
			t.Fatal(state)
		}
		time.Sleep(time.Minute)
		if state, _ := p.State(); state != seawall.StateHalfOpen {
			t.Fatal(state)
		}
	})
}
