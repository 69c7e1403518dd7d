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
	// Requests a second to each service; in an outage one of so many is a stranger's.
	rate        = 60
	strangeness = 10
)

// Answer is what one request to a service came to.
type Answer struct {
	At      time.Duration
	Took    time.Duration
	Scene   int
	Service int
	Who     string // "known", "stranger" or "revoked"
	Right   bool
	Active  bool
}

// State is the circuit of a worker, as it showed it.
type State struct {
	At     time.Duration
	Worker int
	State  string
}

// Seen is a request that reached identity, and whether it met a fault there.
type Seen struct {
	At     int64  `json:"at"`
	Worker string `json:"worker"`
	Failed bool   `json:"failed"`
}

// Run is one stack on its way through the scenes.
type Run struct {
	*Stack
	begun time.Time

	mutex sync.Mutex
	scene int
	// When each scene began: a moment before identity was told.
	entered []time.Duration
	answers []Answer
	states  []State
	seen    []Seen
	// When every worker had looked the revoked token up since it was revoked; 0 before.
	revokedAt time.Duration
	latest    map[int]string
	// Requests under way, and those who send and watch.
	asking, busy sync.WaitGroup
}

func newRun(stack *Stack) *Run {
	return &Run{Stack: stack, latest: map[int]string{}}
}

// warm lets every worker meet every known identity.
func (r *Run) warm() error {
	errs := make(chan error, len(r.Workers))
	for worker := range r.Workers {
		go func() {
			for n := range known {
				if active, status, err := r.ask(worker, user(n)); err != nil || status != http.StatusOK || !active {
					errs <- r.unlike("meeting "+user(n), worker, active, status, err)
					return
				}
			}
			errs <- nil
		}()
	}
	for range r.Workers {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) enter(scene int) error {
	at := time.Since(r.begun)
	if err := r.tell("/fault", url.Values{"kind": {scenes[scene].Fault}}); err != nil {
		return err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.scene, r.entered = scene, append(r.entered, at)
	return nil
}

// revoke takes a token back, and lets each worker look it up once.
func (r *Run) revoke() error {
	if err := r.tell("/revoke", url.Values{"token": {revoked}}); err != nil {
		return err
	}
	for worker := range r.Workers {
		if active, status, err := r.ask(worker, revoked); err != nil || status != http.StatusOK || active {
			return r.unlike("looking up the revoked token", worker, active, status, err)
		}
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.revokedAt = time.Since(r.begun)
	return nil
}

func (r *Run) unlike(what string, worker int, active bool, status int, err error) error {
	return fmt.Errorf("%s, %s: %s: active %t, status %d, error %v", r.Workers[worker].Name, r.Title, what, active, status, err)
}

// load sends requests at a steady rate, whatever becomes of those before, and waits for the last answer.
func (r *Run) load(done <-chan struct{}) {
	defer r.asking.Wait()
	ticker := time.NewTicker(time.Second / rate)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		for service := range services {
			within(&r.asking, func() { r.request(service, n) })
		}
	}
}

// within does something beside the rest, as one of a group.
func within(group *sync.WaitGroup, do func()) {
	group.Add(1)
	go func() {
		defer group.Done()
		do()
	}()
}

func user(n int) string { return fmt.Sprintf("user-%d", n%known) }

func (r *Run) request(service, n int) {
	r.mutex.Lock()
	scene, revokedAt := r.scene, r.revokedAt
	r.mutex.Unlock()
	who, token := "known", user(n)
	switch {
	case scenes[scene].Outage && n%strangeness == 3:
		// Nobody has ever seen these before the outage.
		who, token = "stranger", fmt.Sprintf("stranger-%d", n/strangeness%strangers)
	case n%strangeness == 5 && revokedAt > 0:
		who, token = "revoked", revoked
	case token == revoked && revokedAt > 0:
		who = "revoked"
	case token == revoked:
		// While it is being revoked either answer is right.
		return
	}
	at := time.Since(r.begun)
	active, status, err := r.ask(r.worker(service, n), token)
	right := err == nil && status == http.StatusOK && active == (who == "known")
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.answers = append(r.answers, Answer{at, time.Since(r.begun) - at, scene, service, who, right, active})
}

func (r *Run) ask(worker int, token string) (active bool, status int, err error) {
	answer, err := client.Get(r.Workers[worker].URL + "/who/" + token)
	if err != nil {
		return false, 0, err
	}
	defer answer.Body.Close()
	var body struct{ Active bool }
	err = json.NewDecoder(answer.Body).Decode(&body)
	return body.Active, answer.StatusCode, err
}

// watch asks a worker for the state of its circuit.
func (r *Run) watch(worker int, done <-chan struct{}) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		answer, err := client.Get(r.Workers[worker].URL + "/state")
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
		r.latest[worker] = body.State
		r.states = append(r.states, State{time.Since(r.begun), worker, body.State})
		r.mutex.Unlock()
	}
}

// collect waits until nobody sends or watches, and asks identity what reached it.
func (r *Run) collect() error {
	r.busy.Wait()
	answer, err := client.Get(r.control + "/seen")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(answer.Body).Decode(&r.seen)
}
