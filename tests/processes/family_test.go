package processes

import (
	"net/http"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// child is what a forked or spawned child tells.
type child struct {
	Before, After Shown
	Answers       []string
}

func TestChildrenOfMultiprocessing(t *testing.T) {
	for _, method := range []string{"fork", "spawn"} {
		t.Run(method, func(t *testing.T) {
			forEachScope(t, func(s *scene) {
				s.up.Answer(http.StatusInternalServerError, 0)
				var told struct {
					Children      []child
					Inside, After Shown
				}
				s.run(s.python("programs/family.py", method), &told)
				if len(told.Children) != 3 {
					s.Fatalf("%d children told", len(told.Children))
				}
				want, held := wantOfChildren(method, s.scope)
				for i, child := range told.Children {
					if failed := len(child.Answers) - 1; failed != want[i] || child.After.State != "open" {
						s.Errorf("child %d failed %d times, want %d: %+v", i, failed, want[i], child)
					}
					if child.Before.InUse != held || child.After.InUse != held {
						s.Errorf("child %d shows %d permits in use, want %d", i, child.Before.InUse, held)
					}
				}
				if told.Inside.InUse != 1 || told.After.InUse != 0 {
					s.Errorf("the parent shows %d permits in use, then %d, want 1 and 0", told.Inside.InUse, told.After.InUse)
				}
			})
		})
	}
}

// wantOfChildren is how often each child fails until it is refused, and how many permits it shows.
func wantOfChildren(method, scope string) (failed [3]int, held int) {
	switch {
	case scope == "host":
		// The parent failed twice; the first child does the rest, for all. The parent's place counts.
		return [3]int{failures - 2, 0, 0}, 1
	case method == "fork":
		// A forked child goes on from what its parent had counted.
		return [3]int{failures - 2, failures - 2, failures - 2}, 0
	default:
		return [3]int{failures, failures, failures}, 0
	}
}

func TestForksUnderLoad(t *testing.T) {
	const children = 60
	forEachScope(t, func(s *scene) {
		s.up.Answer(http.StatusOK, 2*time.Millisecond)
		var told struct {
			Statuses           []int
			Held, Calls, Stuck int
			After              Shown
		}
		s.run(s.python("-W", "ignore::DeprecationWarning", "programs/fork_under_load.py", strconv.Itoa(children)), &told)
		// What the parent's threads hold is the child's to see only where it is shared.
		for i, status := range told.Statuses {
			if status != 0 && !(status == 1 && s.scope == "host") {
				s.Errorf("child %d ended with %d (-14: it hung)", i, status)
			}
		}
		if len(told.Statuses) != children || told.Held < children/2 || told.Calls == 0 {
			s.Errorf("too little happened: %+v", told)
		}
		if told.Stuck != 0 || told.After.InUse != 0 {
			s.Errorf("the parent did not come to rest: %+v", told)
		}
		// One child at a time, with its own bulkhead in process scope.
		most := limit
		if s.scope == "process" {
			most = limit + 1
		}
		if got := s.up.Most(); got > most || got < 2 {
			s.Errorf("%d requests were under way at once, want at most %d", got, most)
		}
	})
}

func TestTwoCopiesInOneInterpreter(t *testing.T) {
	forEachScope(t, func(s *scene) {
		s.up.Answer(http.StatusInternalServerError, 0)
		var told struct {
			Go, Wheel []string
			GoOpen    int `json:"go_open"`
			After     Shown
		}
		s.run(s.python("programs/two_copies.py", s.tool("PROCESSES_GOSHARED")), &told)
		ofWheel := failures
		if s.scope == "host" {
			ofWheel = 0
		}
		if len(told.Go)-1 != failures || told.GoOpen != 1 {
			s.Errorf("the Go copy failed %d times until it refused, want %d; open: %d", len(told.Go)-1, failures, told.GoOpen)
		}
		if len(told.Wheel)-1 != ofWheel || told.After.State != "open" {
			s.Errorf("the wheel failed %d times until it refused, want %d: %+v", len(told.Wheel)-1, ofWheel, told.After)
		}
		if all, by := s.up.Count(); all != failures+ofWheel || by["go library"] != failures {
			s.Errorf("the upstream saw %d requests: %v", all, by)
		}
	})
}

func TestThreadsOfNodeThatAreEndedInTheirCalls(t *testing.T) {
	const rounds = 30
	forEachScope(t, func(s *scene) {
		s.up.Answer(http.StatusOK, 40*time.Millisecond)
		var told struct {
			Ended, Limit int
			InUse        int `json:"in_use"`
			State        string
		}
		s.run(exec.Command("node", "programs/threads.mjs", strconv.Itoa(rounds)), &told)
		if told.Ended != rounds || told.InUse != 0 || told.Limit != limit || told.State != "closed" {
			s.Errorf("in the end: %+v", told)
		}
		gone := 0
		for _, request := range s.up.Log() {
			if request.Gone {
				gone++
			}
		}
		if most := s.up.Most(); most != limit || gone < rounds {
			s.Errorf("%d requests were under way at once, want %d; %d lost their caller", most, limit, gone)
		}
	})
}
