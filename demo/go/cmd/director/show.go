package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Show draws what is happening: on a terminal a table that is redrawn, elsewhere a few lines a scene.
type Show struct {
	runs  []*Run
	live  bool
	now   int
	ends  time.Time
	lines int
}

func newShow(runs []*Run) *Show {
	return &Show{runs: runs, live: term.IsTerminal(int(os.Stdout.Fd()))}
}

var colours = map[string]string{"closed": "32", "half_open": "33", "open": "31"}

func (s *Show) colour(code, text string) string {
	if !s.live || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *Show) scene(i int) {
	if i > 0 && !s.live {
		s.print()
	}
	s.now, s.ends = i, time.Now().Add(scenes[i].Length)
	if !s.live {
		fmt.Printf("\nidentity: %s (%.0f s)\n", scenes[i].Name, scenes[i].Length.Seconds())
	}
}

// until draws what happens until a time.
func (s *Show) until(end time.Time) {
	for now := time.Now(); now.Before(end); now = time.Now() {
		s.draw()
		time.Sleep(min(250*time.Millisecond, end.Sub(now)))
	}
}

func (s *Show) draw() {
	if !s.live {
		return
	}
	if s.lines > 0 {
		fmt.Printf("\x1b[%dA\x1b[J", s.lines)
	}
	var strip []string
	for i, scene := range scenes {
		name := " " + scene.Name + " "
		if i == s.now {
			name = s.colour("7", name)
		}
		strip = append(strip, name)
	}
	fmt.Printf("identity: %s %2.0f s\n\n", strings.Join(strip, ""), max(0, time.Until(s.ends).Seconds()))
	s.lines = 2
	s.print()
}

// print shows the last seconds of a live display, or the scene that is over.
func (s *Show) print() {
	for _, run := range s.runs {
		run.mutex.Lock()
		recent := func(a Answer) bool {
			return a.Scene == s.now && (!s.live || a.At+a.Took > time.Since(run.begun)-2*time.Second)
		}
		fmt.Printf("  %s\n", run.Title)
		for i, service := range services {
			choose := func(a Answer) bool { return a.Service == i && recent(a) }
			fmt.Printf("    %-8s %-11s %s   circuit %s\n", service.Name, service.Kind, s.bar(run, choose), s.circuits(run, i))
		}
		s.lines += 1 + len(services)
		run.mutex.Unlock()
	}
}

// bar shows how many of the chosen answers were right, and how long they took.
func (s *Show) bar(run *Run, choose func(Answer) bool) string {
	took, found := run.slowest(choose)
	if !found {
		return s.colour("90", strings.Repeat("·", 30)+" no answer yet                ")
	}
	right, of := run.share(choose)
	full, code := int(right*30+0.5), "32"
	if right < 0.99 {
		code = "31"
	}
	bar := strings.Repeat("█", full) + strings.Repeat("░", 30-full)
	return fmt.Sprintf("%s %5.1f %% of %4d, %5d ms", s.colour(code, bar), 100*right, of, took.Milliseconds())
}

func (s *Show) circuits(run *Run, service int) string {
	if !run.On {
		return "switched off"
	}
	var all []string
	for i, worker := range run.Workers {
		if state := run.latest[i]; worker.Service == service {
			all = append(all, s.colour(colours[state], strings.ReplaceAll(state, "_", "-")))
		}
	}
	return strings.Join(all, " ")
}

func (s *Show) close() {
	if !s.live {
		s.print()
	}
}
