package processes

import (
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// workers is how many processes every server of these tests has.
const workers = 3

// servers are the ways in which a service runs as several processes.
var servers = map[string]func(*scene){
	"gunicorn with preload": func(s *scene) {
		s.serve(func(port string) *exec.Cmd {
			return s.python("-m", "gunicorn", "--preload", "--workers", "3", "--worker-class", "gthread", "--threads", "8",
				"--keep-alive", "0", "--bind", "127.0.0.1:"+port, "--chdir", "programs", "wsgi:app")
		})
	},
	"uvicorn with workers": func(s *scene) {
		s.serve(func(port string) *exec.Cmd {
			return s.python("-m", "uvicorn", "--workers", "3", "--no-access-log", "--port", port, "--app-dir", "programs", "asgi:app")
		})
	},
	"node cluster": func(s *scene) {
		s.serve(func(port string) *exec.Cmd { return exec.Command("node", "programs/cluster.mjs", port) })
	},
	"go binaries": func(s *scene) {
		for range workers {
			s.serve(func(port string) *exec.Cmd { return exec.Command(s.tool("PROCESSES_GOSERVER"), port) })
		}
	},
	"three languages": func(s *scene) {
		for _, language := range languages[:workers] {
			s.serve(func(port string) *exec.Cmd { return language.command(s, port) })
		}
	},
}

func forEachServer(t *testing.T, test func(s *scene)) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			forEachScope(t, func(s *scene) {
				start(s)
				s.meet(workers, "/state")
				test(s)
			})
		})
	}
}

func TestAnOutageIsFoundByEachProcessOfItsOwnOrOnceForAll(t *testing.T) {
	forEachServer(t, func(s *scene) {
		for pid, shown := range s.meet(workers, "/call") {
			if shown.Answer != "ok" || shown.State != "closed" {
				s.Fatalf("before the outage %d answered %+v", pid, shown)
			}
		}
		s.up.Answer(http.StatusInternalServerError, 0)
		s.up.Reset()
		// One call after another: what is under way at the trip adds nothing.
		refused := map[int]bool{}
		s.until("every process refuses", func() bool {
			if shown := s.mustAsk("/call"); shown.Answer == "circuit_open" {
				refused[shown.Pid] = true
			} else if shown.Answer != "failed" {
				s.Fatalf("in the outage: %+v", shown)
			}
			return len(refused) == workers
		})
		all, by := s.up.Count()
		want := failures
		if s.scope == "process" {
			want = workers * failures
			for sender, n := range by {
				if n != failures {
					s.Errorf("%s sent %d requests until it refused, want %d", sender, n, failures)
				}
			}
		}
		if all != want {
			s.Errorf("the outage cost %d failed calls, want %d", all, want)
		}
		heard := map[int]bool{}
		s.until("a listener of every process hears of the trip", func() bool {
			// It may be held up; then it is asked again.
			if shown, err := s.ask("/state"); err == nil {
				heard[shown.Pid] = shown.Opened == 1 && shown.State == "open"
			}
			return len(heard) == workers && allTrue(heard)
		})
	})
}

func allTrue(set map[int]bool) bool {
	for _, yes := range set {
		if !yes {
			return false
		}
	}
	return true
}

func TestTheLimitHoldsAndPermitsOfTheKilledComeBack(t *testing.T) {
	forEachServer(t, func(s *scene) {
		most := limit
		if s.scope == "process" {
			most = workers * limit
		}
		release := s.up.Hold()
		defer func() { release() }()
		inside := s.fill(most)
		// Everybody is full now: nobody else gets in.
		refused := map[int]bool{}
		s.until("every process refuses", func() bool {
			shown := s.mustAsk("/call")
			refused[shown.Pid] = shown.Answer == "bulkhead_full"
			return len(refused) == workers && allTrue(refused)
		})
		victim := 0
		for pid, shown := range s.meet(workers, "/state") {
			if shown.InUse != limit {
				s.Errorf("%d shows %d permits in use, want %d", pid, shown.InUse, limit)
			}
			if s.up.Senders()[strconv.Itoa(pid)] > 0 {
				victim = pid
			}
		}
		s.up.End(strconv.Itoa(victim))
		if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
			s.Fatal(err)
		}
		if len(s.bases) == 1 {
			s.meet(workers, "/state")
		}
		release()
		inside.Wait()
		release = s.up.Hold()
		s.up.Reset()
		if len(s.bases) > 1 {
			// Nobody replaces a binary that ended.
			s.drop(victim)
			if s.scope == "process" {
				most = (workers - 1) * limit
			}
		}
		again := s.fill(most)
		if got := s.up.Most(); got != most {
			s.Errorf("%d requests were under way at once, want %d", got, most)
		}
		release()
		again.Wait()
	})
}

// fill calls until so many requests are under way, and returns a group that ends with those calls.
func (s *scene) fill(most int) *sync.WaitGroup {
	s.Helper()
	var inside sync.WaitGroup
	slots := make(chan struct{}, 4*most)
	s.until("the bulkheads are full", func() bool {
		if s.up.Within() >= most {
			return true
		}
		select {
		case slots <- struct{}{}:
			inside.Add(1)
			go func() {
				defer func() { <-slots; inside.Done() }()
				// It may be the one that is killed.
				_, _ = s.ask("/call")
			}()
		default:
		}
		return false
	})
	return &inside
}
