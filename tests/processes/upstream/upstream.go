// Package upstream is the dependency that everybody calls, and the judge of limits: it writes down
// every request that reached it, who sent it, when it came and when it was over.
package upstream

import (
	"fmt"
	"net"
	"net/http"
	"sort"
	"strconv"
	"sync"
	"time"
)

// Request is one request that reached the upstream.
type Request struct {
	// Who sent it: the number of its process, or what a program calls a part of itself.
	Sender string
	// Begun and Ended count from the upstream's start. Ended is set before the answer leaves, or when
	// the sender had hung up; zero while the request runs.
	Begun, Ended time.Duration
	Status       int
	// Gone tells that the sender hung up before there was an answer.
	Gone bool
}

// Upstream is a server on the loopback.
type Upstream struct {
	URL string

	server *http.Server
	begun  time.Time
	mutex  sync.Mutex
	status int
	takes  time.Duration
	hold   chan struct{}
	log    []*Request
	within map[*Request]bool
	ended  map[string]bool
	most   int
}

// Start serves until Close. Every request is answered 200 at once, until told otherwise.
func Start() (*Upstream, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &Upstream{URL: "http://" + listener.Addr().String(), begun: time.Now(), status: http.StatusOK, within: map[*Request]bool{}, ended: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /work", u.work)
	mux.HandleFunc("GET /within", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, u.Senders()[r.FormValue("sender")])
	})
	mux.HandleFunc("POST /ended", func(w http.ResponseWriter, r *http.Request) { u.End(r.FormValue("sender")) })
	u.server = &http.Server{Handler: mux}
	go func() { _ = u.server.Serve(listener) }()
	return u, nil
}

// Close ends everything.
func (u *Upstream) Close() { _ = u.server.Close() }

// Now is the time since the start, as requests count it.
func (u *Upstream) Now() time.Duration { return time.Since(u.begun) }

// Answer makes every request from now on take so long and end with a status.
func (u *Upstream) Answer(status int, takes time.Duration) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.status, u.takes = status, takes
}

// Hold keeps every request from now on without an answer until the returned function is called.
func (u *Upstream) Hold() (release func()) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	hold := make(chan struct{})
	u.hold = hold
	return sync.OnceFunc(func() {
		u.mutex.Lock()
		defer u.mutex.Unlock()
		if u.hold == hold {
			u.hold = nil
		}
		close(hold)
	})
}

func (u *Upstream) work(w http.ResponseWriter, r *http.Request) {
	request := &Request{Sender: r.Header.Get("X-Sender")}
	u.mutex.Lock()
	status, takes, hold := u.status, u.takes, u.hold
	request.Begun = u.Now()
	u.log = append(u.log, request)
	if u.ended[request.Sender] {
		request.Ended, request.Gone = request.Begun, true
	} else {
		u.within[request] = true
	}
	u.most = max(u.most, len(u.within))
	u.mutex.Unlock()
	gone := false
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			gone = true
		}
	}
	if takes > 0 && !gone {
		timer := time.NewTimer(takes)
		select {
		case <-timer.C:
		case <-r.Context().Done():
			gone = true
		}
		timer.Stop()
	}
	u.mutex.Lock()
	if u.within[request] {
		delete(u.within, request)
		request.Ended, request.Status, request.Gone = u.Now(), status, gone
	}
	u.mutex.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(strconv.Itoa(status)))
}

// End tells that a sender is being ended: what it has under way, or still sends, counts no longer,
// because its permits may be used by others before its connections are known to be closed. Returns
// how much was under way.
func (u *Upstream) End(sender string) (ended int) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.ended[sender] = true
	for request := range u.within {
		if request.Sender == sender {
			delete(u.within, request)
			request.Ended, request.Gone = u.Now(), true
			ended++
		}
	}
	return ended
}

// Within is how many requests are under way.
func (u *Upstream) Within() int {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	return len(u.within)
}

// Senders is who has how many under way.
func (u *Upstream) Senders() map[string]int {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	by := map[string]int{}
	for request := range u.within {
		by[request.Sender]++
	}
	return by
}

// Most is how many were under way at once since the last Reset.
func (u *Upstream) Most() int {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	return u.most
}

// Count is how many requests came since the last Reset, in all and of each sender.
func (u *Upstream) Count() (all int, by map[string]int) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	by = map[string]int{}
	for _, request := range u.log {
		by[request.Sender]++
	}
	return len(u.log), by
}

// Reset forgets what has been; what is under way goes on being counted.
func (u *Upstream) Reset() {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.log, u.most = nil, len(u.within)
}

// Log is what came since the last Reset, in the order in which it came.
func (u *Upstream) Log() []Request {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	all := make([]Request, len(u.log))
	for i, request := range u.log {
		all[i] = *request
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Begun < all[j].Begun })
	return all
}
