package seawall_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

// server answers with the given statuses one after the other, the last one for ever.
func server(t *testing.T, handle func(n int, w http.ResponseWriter, r *http.Request)) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(int(n.Add(1)), w, r) }))
	t.Cleanup(s.Close)
	return s, &n
}

func TestTheTransportRetriesWithTheBodyFromItsBeginning(t *testing.T) {
	env := seawalltest.New(t)
	s, n := server(t, func(n int, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "hello" {
			t.Errorf("attempt %d got %q", n, body)
		}
		if n < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, "fine")
	})
	client := &http.Client{Transport: &seawall.Transport{Policy: env.Policy(seawall.Config{Retry: noJitter(3, time.Second)})}}
	response, err := client.Post(s.URL, "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "fine" || n.Load() != 3 {
		t.Fatal(string(body), n.Load())
	}
}

func TestALastBadResponseIsReturnedUnchanged(t *testing.T) {
	env := seawalltest.New(t)
	s, n := server(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "down")
	})
	client := &http.Client{Transport: &seawall.Transport{Policy: env.Policy(seawall.Config{Retry: noJitter(2, time.Second)})}}
	response, err := client.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != 503 || string(body) != "down" || n.Load() != 2 {
		t.Fatal(response.StatusCode, string(body), n.Load())
	}
}

func TestBothFormsOfRetryAfter(t *testing.T) {
	for name, value := range map[string]func() string{
		"seconds": func() string { return "2" },
		"date":    func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		t.Run(name, func(t *testing.T) {
			env := seawalltest.New(t)
			s, _ := server(t, func(n int, w http.ResponseWriter, _ *http.Request) {
				if n == 1 {
					w.Header().Set("Retry-After", value())
					w.WriteHeader(http.StatusTooManyRequests)
				}
			})
			client := &http.Client{Transport: &seawall.Transport{Policy: env.Policy(seawall.Config{Retry: noJitter(2, time.Millisecond)})}}
			response, err := client.Get(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if waited := env.Now(); waited < time.Second || waited > 2*time.Second {
				t.Fatalf("waited %v", waited)
			}
		})
	}
}

func TestTheContextLivesUntilTheBodyIsClosed(t *testing.T) {
	s, _ := server(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		for i := range 20 {
			fmt.Fprintf(w, "%d\n", i)
			w.(http.Flusher).Flush()
		}
	})
	policy := seawall.MustNew(seawall.Config{Timeout: &seawall.Timeout{Attempt: 5 * time.Second}})
	var ctx context.Context
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		ctx = r.Context()
		return http.DefaultTransport.RoundTrip(r)
	})
	client := &http.Client{Transport: &seawall.Transport{Policy: policy, Base: base}}
	response, err := client.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatal("the context ended before the body was read")
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || strings.Count(string(body), "\n") != 20 {
		t.Fatal(err, string(body))
	}
	response.Body.Close()
	if ctx.Err() == nil {
		t.Fatal("the context outlived the body")
	}
}

func TestTheBreakerOfAHostOpensForItAlone(t *testing.T) {
	env := seawalltest.New(t)
	bad, n := server(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	good, _ := server(t, func(int, http.ResponseWriter, *http.Request) {})
	policy := env.Policy(seawall.Config{Name: "web", Breaker: &seawall.Breaker{Failures: 2}})
	client := &http.Client{Transport: &seawall.Transport{Policy: policy, KeyOf: func(r *http.Request) string { return r.URL.Host }}}
	for i := range 4 {
		response, err := client.Get(bad.URL)
		if i < 2 && (err != nil || response.StatusCode != 500) {
			t.Fatal(err)
		}
		if i >= 2 && !errors.Is(err, seawall.ErrCircuitOpen) {
			t.Fatal(err)
		}
		if response != nil {
			response.Body.Close()
		}
	}
	if n.Load() != 2 {
		t.Fatalf("%d requests reached an open circuit's host", n.Load())
	}
	response, err := client.Get(good.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}

func TestARefusedConnectionIsAFailure(t *testing.T) {
	env := seawalltest.New(t)
	s := httptest.NewServer(http.NotFoundHandler())
	url := s.URL
	s.Close()
	policy := env.Policy(seawall.Config{Breaker: &seawall.Breaker{Failures: 1}})
	client := &http.Client{Transport: &seawall.Transport{Policy: policy}}
	if _, err := client.Get(url); err == nil {
		t.Fatal("no error")
	}
	mustState(t, policy, seawall.StateOpen)
}

func TestABodyThatCannotBeSentAgainIsSentOnce(t *testing.T) {
	env := seawalltest.New(t)
	s, n := server(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	client := &http.Client{Transport: &seawall.Transport{Policy: env.Policy(seawall.Config{Retry: noJitter(3, time.Second)})}}
	response, err := client.Post(s.URL, "text/plain", io.NopCloser(strings.NewReader("once")))
	if response != nil {
		response.Body.Close()
	}
	if n.Load() != 1 {
		t.Fatalf("sent %d times", n.Load())
	}
	if err == nil && response.StatusCode != 503 {
		t.Fatal(response.StatusCode)
	}
}

func TestMiddleware(t *testing.T) {
	env := seawalltest.New(t)
	policy := env.Policy(seawall.Config{Breaker: &seawall.Breaker{Failures: 2, OpenFor: 30 * time.Second}, Retry: noJitter(3, time.Second)})
	runs := 0
	handler := seawall.Middleware(policy)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		runs++
		w.WriteHeader(http.StatusBadGateway)
	}))
	get := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		return w
	}
	if w := get(); w.Code != 502 || runs != 1 {
		t.Fatalf("a handler runs once: %d, %d", w.Code, runs)
	}
	get()
	w := get()
	if w.Code != 503 || w.Header().Get("Retry-After") != "30" || runs != 2 {
		t.Fatal(w.Code, w.Header(), runs)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestThePermitLivesUntilTheBodyIsRead(t *testing.T) {
	env := seawalltest.New(t)
	s, _ := server(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush() // no length: a stream
		_, _ = io.WriteString(w, "streamed")
	})
	policy := env.Policy(seawall.Config{Bulkhead: &seawall.Bulkhead{Limit: 1}, Breaker: &seawall.Breaker{HalfOpen: &seawall.HalfOpen{Permits: 1}}})
	client := &http.Client{Transport: &seawall.Transport{Policy: policy}}
	_ = policy.HalfOpen()
	response, err := client.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Get(s.URL); !errors.Is(err, seawall.ErrRejected) {
		t.Fatalf("the body is still read: %v", err)
	}
	mustState(t, policy, seawall.StateHalfOpen)
	if body, err := io.ReadAll(response.Body); string(body) != "streamed" || err != nil {
		t.Fatal(string(body), err)
	}
	response.Body.Close()
	mustState(t, policy, seawall.StateClosed)
	again, err := client.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	again.Body.Close()
	if last, err := client.Get(s.URL); err != nil {
		t.Fatalf("a stream that was left early lost its permit: %v", err)
	} else {
		last.Body.Close()
	}
}

func TestABodyThatBreaksOffIsAFailure(t *testing.T) {
	env := seawalltest.New(t)
	s, _ := server(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
	})
	policy := env.Policy(seawall.Config{Breaker: &seawall.Breaker{Failures: 1}})
	response, err := (&http.Client{Transport: &seawall.Transport{Policy: policy}}).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.ReadAll(response.Body); err == nil {
		t.Fatal("no error")
	}
	mustState(t, policy, seawall.StateOpen)
}

func TestAGapInABodyIsBounded(t *testing.T) {
	hang := make(chan struct{})
	s, _ := server(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		<-hang
	})
	defer close(hang)
	policy := seawall.MustNew(seawall.Config{Breaker: &seawall.Breaker{Failures: 1}, Timeout: &seawall.Timeout{Idle: 10 * time.Millisecond}})
	response, err := (&http.Client{Transport: &seawall.Transport{Policy: policy}}).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.ReadAll(response.Body); !errors.Is(err, seawall.ErrTimedOut) {
		t.Fatal(err)
	}
	mustState(t, policy, seawall.StateOpen)
}
