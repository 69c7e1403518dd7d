package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"seawall.dev/processes/upstream"
)

const ms = time.Millisecond

// calls are so many requests of a process that are under way together.
func calls(n int, sender string, from, to time.Duration) []upstream.Request {
	var all []upstream.Request
	for range n {
		all = append(all, upstream.Request{Sender: sender, Begun: from, Ended: to})
	}
	return all
}

func judged(t *testing.T, log []upstream.Request, resumes map[string][]time.Duration) string {
	t.Helper()
	up, err := upstream.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	judge := newJudge(up)
	for pid, all := range resumes {
		judge.resumes[pid] = all
	}
	judge.judgeRound(log, 1000*ms, 3000*ms)
	return strings.Join(judge.violations, "\n")
}

func join(parts ...[]upstream.Request) (all []upstream.Request) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func TestARoundIsJudged(t *testing.T) {
	full := calls(limit, "1", 100*ms, 120*ms)
	for name, round := range map[string]struct {
		log     []upstream.Request
		resumes map[string][]time.Duration
		want    string
	}{
		"a round as it should be":         {join(full, calls(probes, "2", 1700*ms, 1720*ms)), nil, ""},
		"one ends as another begins":      {join(full, calls(limit, "2", 120*ms, 140*ms)), nil, ""},
		"one call too many":               {join(full, calls(1, "2", 119*ms, 130*ms)), nil, "7 requests were under way"},
		"one that never ended":            {join(calls(1, "2", 50*ms, 0), full), nil, "7 requests were under way"},
		"one probe too many":              {join(full, calls(probes+1, "2", 1700*ms, 1720*ms)), nil, "3 probes were under way"},
		"calls before the trip":           {join(full, calls(limit, "2", 1100*ms, 1120*ms)), nil, ""},
		"late calls of one who went on":   {join(full, calls(threads, "2", 1700*ms, 1720*ms), calls(probes, "3", 1700*ms, 1720*ms)), map[string][]time.Duration{"2": {1690 * ms}}, ""},
		"more late calls than threads":    {join(full, calls(threads+probes+1, "2", 1700*ms, 1720*ms)), map[string][]time.Duration{"2": {1690 * ms}}, "3 probes were under way"},
		"calls long after one went on":    {join(full, calls(probes+1, "2", 2300*ms, 2320*ms)), map[string][]time.Duration{"2": {1690 * ms}}, "3 probes were under way"},
		"calls before somebody is let on": {join(full, calls(probes+1, "2", 1700*ms, 1720*ms)), map[string][]time.Duration{"2": {1800 * ms}}, "3 probes were under way"},
	} {
		t.Run(name, func(t *testing.T) {
			got := judged(t, round.log, round.resumes)
			if (round.want == "") != (got == "") || !strings.Contains(got, round.want) {
				t.Errorf("want %q, got %q", round.want, got)
			}
		})
	}
}

func TestWhatIsEndedCountsNoLonger(t *testing.T) {
	up, err := upstream.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	release := up.Hold()
	defer release()
	ask := func(sender string) {
		request, err := http.NewRequest(http.MethodGet, up.URL+"/work", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Sender", sender)
		go func() {
			if answer, err := http.DefaultClient.Do(request); err == nil {
				answer.Body.Close()
			}
		}()
	}
	ask("1")
	ask("2")
	for up.Within() < 2 {
		time.Sleep(ms)
	}
	if ended := up.End("1"); ended != 1 || up.Within() != 1 {
		t.Errorf("%d ended, %d under way", ended, up.Within())
	}
	// What it sends after its end counts neither.
	ask("1")
	for all, _ := up.Count(); all < 3; all, _ = up.Count() {
		time.Sleep(ms)
	}
	if up.Within() != 1 || up.Most() != 2 {
		t.Errorf("%d under way, %d at most", up.Within(), up.Most())
	}
}
