package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Show draws what is happening: on a terminal a table that is redrawn, elsewhere a line a scene.
type Show struct {
	runs  []*Run
	live  bool
	now   int
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
	s.now = i
	if !s.live {
		fmt.Printf("\nidentity: %s (%.0f s)\n", scenes[i].Name, scenes[i].Length.Seconds())
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
	fmt.Printf("identity: %s\n\n", strings.Join(strip, ""))
	s.lines = 2
	s.print()
}

// print shows the last second of a live display, or the scene that is over.
func (s *Show) print() {
	for _, run := range s.runs {
		run.mutex.Lock()
		recent := func(a Answer) bool {
			return a.Scene == s.now && (!s.live || a.At > time.Since(run.begun)-2*time.Second)
		}
		fmt.Printf("  %s Seawall\n", run.Name)
		s.lines++
		for i, service := range run.Services {
			right, of := run.share(func(a Answer) bool { return a.Service == i && recent(a) })
			state := run.latest[i]
			if run.Name == "without" {
				state = "switched off"
			}
			bar := strings.Repeat("█", int(right*30+0.5)) + strings.Repeat("░", 30-int(right*30+0.5))
			code := "32"
			if right < 0.99 {
				code = "31"
			}
			fmt.Printf("    %-8s %-11s %s %6.1f %% of %4d   circuit %s\n", service.Name, service.Kind, s.colour(code, bar), 100*right, of, s.colour(colours[state], state))
			s.lines++
		}
		run.mutex.Unlock()
	}
}

func (s *Show) close() {
	if !s.live {
		s.print()
	}
}
