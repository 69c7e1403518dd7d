// Gateway lets a request through if identity says that its token is active.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"seawall.dev/seawall"
)

type statusError struct {
	code  int
	after time.Duration
}

func (e *statusError) Error() string { return fmt.Sprintf("identity answered %d", e.code) }

func main() {
	port, identity, worker := os.Args[1], os.Args[2], os.Args[3]
	policy, err := seawall.Named("identity")
	if err != nil {
		log.Fatal(err)
	}

	introspect := func(ctx context.Context, token string) (bool, error) {
		return seawall.Do(ctx, policy, func(ctx context.Context) (bool, error) {
			return ask(ctx, identity, worker, token)
		}, seawall.CacheKey(token))
	}

	http.HandleFunc("GET /who/{token}", func(w http.ResponseWriter, r *http.Request) {
		active, err := introspect(r.Context(), r.PathValue("token"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"active":%t}`, active)
	})
	http.HandleFunc("GET /state", func(w http.ResponseWriter, r *http.Request) {
		state, err := policy.State()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"state":%q}`, state)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}

func ask(ctx context.Context, identity, worker, token string) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, identity+"/introspect/"+token, nil)
	if err != nil {
		return false, err
	}
	request.Header.Set("X-Worker", worker)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		var answer struct{ Active bool }
		err := json.NewDecoder(response.Body).Decode(&answer)
		return answer.Active, err
	case http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return false, seawall.AsThrottled(&statusError{code: 429}, time.Duration(seconds)*time.Second)
	default:
		return false, &statusError{code: response.StatusCode}
	}
}
