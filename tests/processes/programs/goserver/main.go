// Goserver is one of several binaries that call the upstream: goserver PORT.
//
// GET /call calls once, through the policy `upstream` of the file that SEAWALL_CONFIG names; GET
// /state calls nobody. Both answer who this is, how the call went, and what the policy shows.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"

	"seawall.dev/processes/programs/ask"
	"seawall.dev/seawall"
)

func main() {
	me, opened := strconv.Itoa(os.Getpid()), atomic.Int64{}
	policy, err := seawall.Named("upstream")
	if err != nil {
		log.Fatal(err)
	}
	seawall.Listen(func(event seawall.Event) {
		if event.Kind == "opened" {
			opened.Add(1)
		}
	})
	show := func(w http.ResponseWriter, answer string) {
		snapshot, err := policy.Snapshot()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"pid": os.Getpid(), "answer": answer, "opened": opened.Load(),
			"state":  snapshot["breaker"].(map[string]any)["state"],
			"in_use": snapshot["bulkhead"].(map[string]any)["in_use"],
		})
	}
	http.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { show(w, "") })
	http.HandleFunc("GET /call", func(w http.ResponseWriter, r *http.Request) {
		err := policy.Run(context.Background(), func(ctx context.Context) error { return ask.Upstream(ctx, me) })
		switch {
		case err == nil:
			show(w, "ok")
		case errors.Is(err, seawall.ErrCircuitOpen):
			show(w, "circuit_open")
		case errors.Is(err, seawall.ErrBulkheadFull):
			show(w, "bulkhead_full")
		default:
			show(w, "failed")
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
