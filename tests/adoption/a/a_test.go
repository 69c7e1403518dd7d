package a_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"seawall.dev/adoption/a"
	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

var errDown = errors.New("down")

func must(t *testing.T, p *seawall.Policy, err error) *seawall.Policy {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func state(t *testing.T, p *seawall.Policy) seawall.State {
	t.Helper()
	s, err := p.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func down(context.Context) error { return errDown }
func up(context.Context) error   { return nil }

func breaker(t *testing.T, env *seawalltest.Env) *seawall.Policy {
	p, err := a.Breaker(env, a.Settings{Name: "identity", FailureThreshold: 3, SuccessThreshold: 2, OpenDuration: 10 * time.Second})
	return must(t, p, err)
}

func TestAThreeStateBreakerWithItsThreeNumbers(t *testing.T) {
	env := seawalltest.New(t)
	p := breaker(t, env)
	for range 3 {
		_ = p.Run(context.Background(), down)
	}
	if state(t, p) != seawall.StateOpen {
		t.Fatal(state(t, p))
	}
	env.Advance(10 * time.Second)
	_ = p.Run(context.Background(), up)
	if state(t, p) != seawall.StateHalfOpen {
		t.Fatalf("one success of two: %v", state(t, p))
	}
	_ = p.Run(context.Background(), up)
	if state(t, p) != seawall.StateClosed {
		t.Fatal(state(t, p))
	}
}

func TestAMetricsOfStateTransitions(t *testing.T) {
	env := seawalltest.New(t)
	p := breaker(t, env)
	for range 3 {
		_ = p.Run(context.Background(), down)
	}
	found := false
	for line := range strings.Lines(env.Metrics()) {
		if strings.HasPrefix(line, "seawall_breaker_transitions_total{") && strings.Contains(line, `name="identity"`) && strings.HasSuffix(strings.TrimSpace(line), " 1") {
			found = true
		}
	}
	if !found {
		t.Fatal(env.Metrics())
	}
}

func TestAHTTPMiddleware(t *testing.T) {
	env := seawalltest.New(t)
	p := breaker(t, env)
	handler := seawall.Middleware(p)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	codes := []int{}
	for range 4 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		codes = append(codes, w.Code)
	}
	if codes[2] != 500 || codes[3] != 503 {
		t.Fatal(codes)
	}
}

func TestARoundTripper(t *testing.T) {
	env := seawalltest.New(t)
	p := breaker(t, env)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }))
	defer server.Close()
	client := &http.Client{Transport: &seawall.Transport{Policy: p}}
	for range 3 {
		response, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	if _, err := client.Get(server.URL); !errors.Is(err, seawall.ErrCircuitOpen) {
		t.Fatal(err)
	}
}

func TestARetryWithExponentialBackoffAndJitter(t *testing.T) {
	env := seawalltest.New(t)
	var delays []time.Duration
	p := env.Policy(seawall.Config{
		Retry:   &seawall.Retry{Attempts: 4, Backoff: seawall.Backoff{Base: 100 * time.Millisecond}, Jitter: seawall.FullJitter},
		OnRetry: func(_ int, _ error, delay time.Duration) { delays = append(delays, delay) },
	})
	env.Next(0.5, 0.5, 0.5)
	_ = p.Run(context.Background(), down)
	if len(delays) != 3 || delays[0] != 50*time.Millisecond || delays[1] != 100*time.Millisecond || delays[2] != 200*time.Millisecond {
		t.Fatal(delays)
	}
}

func TestAContextCancellation(t *testing.T) {
	p := seawall.MustNew(seawall.Config{Retry: &seawall.Retry{Attempts: 10, Backoff: seawall.Backoff{Kind: "fixed", Base: time.Hour}, Jitter: seawall.NoJitter}})
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	err := p.Run(ctx, func(context.Context) error { calls++; time.AfterFunc(time.Millisecond, cancel); return errDown })
	if err == nil || calls != 1 {
		t.Fatal(err, calls)
	}
}

func TestAErrorsAreRetryableOrPermanent(t *testing.T) {
	env := seawalltest.New(t)
	p := env.Policy(seawall.Config{Retry: &seawall.Retry{Attempts: 3}})
	count := func(err error) (calls int) {
		_ = p.Run(context.Background(), func(context.Context) error { calls++; return err })
		return calls
	}
	if n := count(errDown); n != 3 {
		t.Fatal(n)
	}
	if n := count(seawall.AsPermanent(errDown)); n != 1 {
		t.Fatal(n)
	}
}

func TestAnRPCStyleClient(t *testing.T) {
	env := seawalltest.New(t)
	client := a.RPC{Policy: breaker(t, env), Call: func(_ context.Context, method string) (string, error) {
		if method == "Broken" {
			return "", errDown
		}
		return "reply to " + method, nil
	}}
	if reply, err := client.Invoke(context.Background(), "WhoAmI"); reply != "reply to WhoAmI" || err != nil {
		t.Fatal(reply, err)
	}
	for range 3 {
		if _, err := client.Invoke(context.Background(), "Broken"); err != errDown {
			t.Fatal(err)
		}
	}
	if _, err := client.Invoke(context.Background(), "WhoAmI"); !errors.Is(err, seawall.ErrCircuitOpen) {
		t.Fatal(err)
	}
}

func TestAMessageBusPublisher(t *testing.T) {
	env := seawalltest.New(t)
	var sent []string
	bus := a.Publisher{
		Policy: env.Policy(seawall.Config{Retry: &seawall.Retry{Attempts: 3}}),
		Send: func(_ context.Context, message []byte) error {
			sent = append(sent, string(message))
			if len(sent) < 3 {
				return errDown
			}
			return nil
		},
	}
	if err := bus.Publish(context.Background(), []byte("hello")); err != nil || len(sent) != 3 {
		t.Fatal(err, sent)
	}
}

func TestAFallbackWhenTheCircuitIsOpenOrTheCallTimedOut(t *testing.T) {
	env := seawalltest.New(t)
	policy, err := a.GatewayPolicy(env)
	must(t, policy, err)
	var fault func(ctx context.Context) error
	gateway := a.Gateway{Policy: policy, Introspect: func(ctx context.Context, token string) (bool, error) {
		if fault != nil {
			return false, fault(ctx)
		}
		return token == "good", nil
	}}
	ask := func(token string, want bool) {
		t.Helper()
		if got, err := gateway.Active(context.Background(), token); got != want || err != nil {
			t.Fatalf("%s: %v, %v", token, got, err)
		}
	}
	ask("good", true)
	ask("revoked", false)
	fault = func(ctx context.Context) error { env.Advance(time.Second); return ctx.Err() } // hangs
	ask("good", true)
	ask("revoked", false)
	fault = down
	for range 5 {
		ask("good", true)
	}
	if state(t, policy) != seawall.StateOpen {
		t.Fatal(state(t, policy))
	}
	ask("good", true)
	ask("revoked", false)
	ask("never seen", false)
}

func TestTheCascadeIsBroken(t *testing.T) {
	env := seawalltest.New(t)
	var broken atomic.Bool
	var asked atomic.Int32
	identity := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(true)
	}))
	defer identity.Close()
	policy, err := a.GatewayPolicy(env)
	must(t, policy, err)
	gateway := httptest.NewServer(a.Gateway{Policy: policy, Introspect: func(ctx context.Context, _ string) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, "GET", identity.URL, nil)
		if err != nil {
			return false, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, err
		}
		defer response.Body.Close()
		if response.StatusCode >= 500 {
			return false, errDown
		}
		return true, nil
	}})
	defer gateway.Close()
	agent := func(token string) int {
		request, _ := http.NewRequest("GET", gateway.URL, nil)
		request.Header.Set("Authorization", token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	tokens := []string{"one", "two", "three"}
	for _, token := range tokens {
		if got := agent(token); got != http.StatusNoContent {
			t.Fatal(got)
		}
	}
	broken.Store(true)
	asked.Store(0)
	for i := range 100 {
		if got := agent(tokens[i%3]); got != http.StatusNoContent {
			t.Fatalf("an agent stopped: %d", got)
		}
	}
	if asked.Load() != 5 {
		t.Fatalf("identity was asked %d times while it was down, the breaker allows 5", asked.Load())
	}
	broken.Store(false)
	env.Advance(15 * time.Second)
	if agent("one") != http.StatusNoContent || state(t, policy) != seawall.StateClosed {
		t.Fatal(state(t, policy))
	}
}
