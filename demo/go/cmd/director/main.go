// Director walks services through an outage of the identity service they need, twice at the same
// time: once with Seawall, once with SEAWALL_ENABLED=false. It shows what happens while it happens,
// writes a report, and fails unless the outage stayed where it began.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"
)

var (
	identity = flag.String("identity", "", "command of the identity service")
	gateway  = flag.String("gateway", "", "command of the gateway")
	agent    = flag.String("agent", "", "command of the agent")
	front    = flag.String("front", "", "command of the front")
	config   = flag.String("config", "", "configuration file of the services")
	report   = flag.String("report", "", "where to write the report")
	charts   = flag.String("charts", "", "folder of the chart library")
	logs     = flag.String("logs", "", "folder for what the processes say")
)

// Scene is a part of the script.
type Scene struct {
	Name   string        `json:"name"`
	Fault  string        `json:"fault"`
	Length time.Duration `json:"-"`
	Outage bool          `json:"outage"`
}

var scenes = []Scene{
	{"healthy", "none", 11 * time.Second, false},
	{"down", "errors", 7 * time.Second, true},
	{"refused", "refused", 6 * time.Second, true},
	{"hanging", "hang", 9 * time.Second, true},
	{"throttled", "throttle", 6 * time.Second, true},
	{"recovered", "none", 9 * time.Second, false},
}

// What seawall.toml says.
const (
	openFor   = 2 * time.Second
	threshold = 5
)

func main() {
	flag.Parse()
	log.SetFlags(0)
	on, err := start("with", nil)
	defer on.stop()
	if err != nil {
		fail(err, on)
	}
	off, err := start("without", []string{"SEAWALL_ENABLED=false"})
	defer off.stop()
	if err != nil {
		fail(err, on, off)
	}
	begun := time.Now()
	runs := []*Run{newRun(on, begun), newRun(off, begun)}
	show := newShow(runs)
	done := make(chan struct{})
	for _, run := range runs {
		go run.load(done)
		go run.watch(done)
	}
	for i, scene := range scenes {
		show.scene(i)
		for _, run := range runs {
			run.enter(i)
		}
		end := time.Now().Add(scene.Length)
		if scene.Name == "healthy" {
			time.Sleep(scene.Length - 2*time.Second)
			for _, run := range runs {
				run.revoke()
			}
		}
		for now := time.Now(); now.Before(end); now = time.Now() {
			show.draw()
			time.Sleep(min(250*time.Millisecond, end.Sub(now)))
		}
	}
	close(done)
	show.close()
	for _, run := range runs {
		if err := run.collect(); err != nil {
			fail(err, on, off)
		}
	}
	checks := judge(runs[0], runs[1])
	summary(os.Stdout, runs, checks)
	if err := writeReport(*report, runs, checks); err != nil {
		fail(err, on, off)
	}
	fmt.Printf("\nreport: %s\n", *report)
	for _, check := range checks {
		if !check.Good {
			on.stop()
			off.stop()
			os.Exit(1)
		}
	}
}

func fail(err error, stacks ...*Stack) {
	for _, stack := range stacks {
		stack.stop()
	}
	fmt.Fprintf(os.Stderr, "demo: %v\n", err)
	if text := said(); text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	os.Exit(1)
}

// said collects what the processes wrote, which should be nothing.
func said() string {
	files, _ := os.ReadDir(*logs)
	var all []string
	for _, file := range files {
		if text, err := os.ReadFile(*logs + "/" + file.Name()); err == nil && len(text) > 0 {
			all = append(all, file.Name()+":\n"+string(text))
		}
	}
	return strings.Join(all, "\n")
}
