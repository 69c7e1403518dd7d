package processes

import (
	"fmt"
	"net/http"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// crowd is what each worker is asked at once: more than the bulkheads let in.
const crowd = 3

// ofEach is how many processes of each language there are.
const ofEach = 2

// languages start one process each, behind a port of its own.
var languages = []struct {
	name    string
	command func(s *scene, port string) *exec.Cmd
}{
	{"Python", func(s *scene, port string) *exec.Cmd {
		return s.python("-m", "uvicorn", "--no-access-log", "--port", port, "--app-dir", "programs", "asgi:app")
	}},
	{"Node", func(s *scene, port string) *exec.Cmd { return exec.Command("node", "programs/server.mjs", port) }},
	{"Go", func(s *scene, port string) *exec.Cmd { return exec.Command(s.tool("PROCESSES_GOSERVER"), port) }},
	{"Rust", func(s *scene, port string) *exec.Cmd { return exec.Command(s.tool("PROCESSES_RUSTSERVER"), port) }},
}

// TestEightWorkersFindAnOutageOnce has eight workers of four languages under load when their
// dependency goes down, and counts what that costs until all of them refuse.
func TestEightWorkersFindAnOutageOnce(t *testing.T) {
	cost := map[string]int{}
	forEachScope(t, func(s *scene) { cost[s.scope] = outage(s) })
	if t.Failed() {
		return
	}
	all := ofEach * len(languages)
	// One breaker's threshold, and what the bulkhead had under way beside it.
	if most := failures + limit - 1; cost["host"] < failures || cost["host"] > most {
		t.Errorf("%d workers with one circuit: %d failed calls, want %d to %d", all, cost["host"], failures, most)
	}
	if least, most := all*failures, all*(failures+limit-1); cost["process"] < least || cost["process"] > most {
		t.Errorf("%d workers with a circuit each: %d failed calls, want %d to %d", all, cost["process"], least, most)
	}
	// The line that `cargo xtask processes` shows.
	fmt.Printf("detection: %d workers in %d languages, threshold %d, at most %d under way: %d failed calls until all refuse; with a circuit for each worker %d\n",
		all, len(languages), failures, limit, cost["host"], cost["process"])
}

// outage is how many calls failed from its beginning until every worker refused.
func outage(s *scene) int {
	for range ofEach {
		for _, language := range languages {
			s.serve(func(port string) *exec.Cmd { return language.command(s, port) })
		}
	}
	workers := len(s.bases)
	for pid, shown := range s.meet(workers, "/call") {
		if shown.Answer != "ok" || shown.State != "closed" {
			s.Fatalf("before the outage %d answered %+v", pid, shown)
		}
	}
	s.up.Answer(http.StatusInternalServerError, 20*time.Millisecond)
	s.up.Reset()
	var callers sync.WaitGroup
	var mutex sync.Mutex
	failed, refused, wrong := 0, map[int]bool{}, ""
	for range workers * crowd {
		callers.Add(1)
		go func() {
			defer callers.Done()
			for end := time.Now().Add(patience); time.Now().Before(end); {
				shown, err := s.ask("/call")
				mutex.Lock()
				switch {
				case err != nil || shown.Answer == "ok":
					wrong = fmt.Sprintf("in the outage: %+v, %v", shown, err)
				case shown.Answer == "failed":
					failed++
				case shown.Answer == "circuit_open":
					refused[shown.Pid] = true
				}
				enough := len(refused) == workers || wrong != ""
				mutex.Unlock()
				if enough {
					return
				}
			}
		}()
	}
	callers.Wait()
	if wrong != "" || len(refused) != workers {
		s.Fatalf("%d of %d workers refuse; %s", len(refused), workers, wrong)
	}
	// The upstream counts, not the workers; they saw the same.
	all, by := s.up.Count()
	if all != failed {
		s.Errorf("the upstream saw %d calls, the workers %d", all, failed)
	}
	if s.scope == "process" && len(by) != workers {
		s.Errorf("%d of %d workers met the outage: %v", len(by), workers, by)
	}
	return all
}
