package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	known     = 450
	strangers = 50
	revoked   = "user-7"
	// Requests a second to each service, and how many of ten are from strangers in the outage.
	rate        = 60
	strangeness = 10
)

// Answer is what one request to a service came to.
type Answer struct {
	At      time.Duration
	Scene   int
	Service int
	Who     string // "known", "stranger" or "revoked"
	Right   bool
	Active  bool
}

// State is a circuit as a service showed it.
type State struct {
	At      time.Duration
	Service int
	State   string
}

// Seen is a request that reached identity.
type Seen struct {
	At      int64  `json:"at"`
	Service string `json:"service"`
}

// Run is one stack on its way through the scenes.
type Run struct {
	*Stack
	begun time.Time

	mutex   sync.Mutex
	scene   int
	entered []time.Duration
	answers []Answer
	states  []State
	seen    []Seen
	// When every service had looked the revoked token up since it was revoked; 0 before.
	revokedAt time.Duration
	latest    map[int]string
}

func newRun(stack *Stack, begun time.Time) *Run {
	return &Run{Stack: stack, begun: begun, latest: map[int]string{}}
}

func (r *Run) enter(scene int) {
	if err := r.tell("/fault", url.Values{"kind": {scenes[scene].Fault}}); err != nil {
		fail(err, r.Stack)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.scene, r.entered = scene, append(r.entered, time.Since(r.begun))
}

// revoke takes a token back, and lets each process look it up once.
func (r *Run) revoke() {
	if err := r.tell("/revoke", url.Values{"token": {revoked}}); err != nil {
		fail(err, r.Stack)
	}
	for i := range r.Services {
		if active, status, err := r.ask(i, revoked); err != nil || status != http.StatusOK || active {
			fail(fmt.Errorf("%s: looking up the revoked token: active %t, status %d, %v", r.Services[i].Name, active, status, err), r.Stack)
		}
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.revokedAt = time.Since(r.begun)
}

// load sends requests at a steady rate, whatever becomes of those before.
func (r *Run) load(done <-chan struct{}) {
	ticker := time.NewTicker(time.Second / rate)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		for service := range r.Services {
			go r.request(service, n)
		}
	}
}

func (r *Run) request(service, n int) {
	r.mutex.Lock()
	scene, revokedAt := r.scene, r.revokedAt
	r.mutex.Unlock()
	who, token := "known", fmt.Sprintf("user-%d", n%known)
	switch {
	case scenes[scene].Outage && n%strangeness == 3:
		// Nobody has ever seen these before the outage.
		who, token = "stranger", fmt.Sprintf("stranger-%d", n/strangeness%strangers)
	case token == revoked && revokedAt > 0:
		who = "revoked"
	case n%strangeness == 5 && revokedAt > 0:
		who, token = "revoked", revoked
	}
	at := time.Since(r.begun)
	active, status, err := r.ask(service, token)
	right := err == nil && status == http.StatusOK && active == (who == "known")
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.answers = append(r.answers, Answer{at, scene, service, who, right, active})
}

func (r *Run) ask(service int, token string) (active bool, status int, err error) {
	answer, err := client.Get(r.Services[service].URL + "/who/" + token)
	if err != nil {
		return false, 0, err
	}
	defer answer.Body.Close()
	var body struct{ Active bool }
	err = json.NewDecoder(answer.Body).Decode(&body)
	return body.Active, answer.StatusCode, err
}

// watch asks the services for the state of their circuit.
func (r *Run) watch(done <-chan struct{}) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		for i, service := range r.Services {
			answer, err := client.Get(service.URL + "/state")
			if err != nil {
				continue
			}
			var body struct{ State string }
			err = json.NewDecoder(answer.Body).Decode(&body)
			answer.Body.Close()
			if err != nil {
				continue
			}
			r.mutex.Lock()
			r.latest[i] = body.State
			r.states = append(r.states, State{time.Since(r.begun), i, body.State})
			r.mutex.Unlock()
		}
	}
}

// collect asks identity what reached it.
func (r *Run) collect() error {
	answer, err := client.Get(r.control + "/seen")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(answer.Body).Decode(&r.seen)
}

// share is how many of the chosen answers were right, and how many were chosen.
func (r *Run) share(choose func(Answer) bool) (right float64, of int) {
	good := 0
	for _, answer := range r.answers {
		if choose(answer) {
			of++
			if answer.Right {
				good++
			}
		}
	}
	return float64(good) / float64(max(of, 1)), of
}

// since is when a request reached identity, after the begin.
func (r *Run) since(seen Seen) time.Duration { return time.UnixMilli(seen.At).Sub(r.begun) }
