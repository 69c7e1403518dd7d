// Identity says whether a token is active, or fails in the way it is told to.
//
// It serves two addresses: one for the services, which a fault may really close, and one for the
// director: POST /fault?kind=… , POST /revoke?token=… , GET /seen.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// Seen is one request that reached identity, which worker sent it, and whether it meets a fault.
type Seen struct {
	At     int64  `json:"at"`
	Worker string `json:"worker"`
	Failed bool   `json:"failed"`
}

type identity struct {
	sync.Mutex
	address string
	server  *http.Server
	fault   string
	revoked map[string]bool
	seen    []Seen
}

func main() {
	port, control := os.Args[1], os.Args[2]
	i := &identity{address: "127.0.0.1:" + port, fault: "none", revoked: map[string]bool{}}
	if err := i.open(); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /fault", i.setFault)
	mux.HandleFunc("POST /revoke", func(w http.ResponseWriter, r *http.Request) {
		i.Lock()
		defer i.Unlock()
		i.revoked[r.FormValue("token")] = true
	})
	mux.HandleFunc("GET /seen", func(w http.ResponseWriter, r *http.Request) {
		i.Lock()
		defer i.Unlock()
		_ = json.NewEncoder(w).Encode(i.seen)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+control, mux))
}

func (i *identity) open() error {
	listener, err := net.Listen("tcp", i.address)
	if err != nil {
		return err
	}
	i.server = &http.Server{Handler: http.HandlerFunc(i.answer)}
	go i.server.Serve(listener)
	return nil
}

func (i *identity) setFault(w http.ResponseWriter, r *http.Request) {
	i.Lock()
	defer i.Unlock()
	kind := r.FormValue("kind")
	refused := i.fault == "refused"
	i.fault = kind
	switch {
	case kind == "refused" && !refused:
		i.server.Close()
	case kind != "refused" && refused:
		if err := i.open(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

func (i *identity) answer(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.URL.Path, "/introspect/")
	i.Lock()
	fault, active := i.fault, !i.revoked[token]
	failed := fault == "errors" || fault == "hang" || fault == "throttle"
	i.seen = append(i.seen, Seen{time.Now().UnixMilli(), r.Header.Get("X-Worker"), failed})
	i.Unlock()
	switch fault {
	case "errors":
		http.Error(w, "the database is gone", http.StatusInternalServerError)
	case "hang":
		select {
		case <-r.Context().Done():
		case <-time.After(30 * time.Second):
		}
	case "throttle":
		w.Header().Set("Retry-After", "1")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	case "latency":
		time.Sleep(100 * time.Millisecond)
		fallthrough
	default:
		time.Sleep(2 * time.Millisecond)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"active":%t}`, active)
	}
}
