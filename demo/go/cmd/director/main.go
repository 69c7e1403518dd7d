// Director walks services of several workers through an outage of the identity service they need, three
// times at the same time: with one circuit for all workers, with one in each, and without Seawall. It shows what happens while it happens,
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
	workers  = flag.Int("workers", 3, "processes of each service")
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
	{"healthy", "none", 8 * time.Second, false},
	{"down", "errors", 7 * time.Second, true},
	{"refused", "refused", 6 * time.Second, true},
	{"hanging", "hang", 9 * time.Second, true},
	{"throttled", "throttle", 6 * time.Second, true},
	{"recovered", "none", 7 * time.Second, false},
	// Last: answers that are still under way when errors begin would keep a streak from counting.
	{"slow", "latency", 5 * time.Second, false},
}

func main() {
	flag.Parse()
	log.SetFlags(0)
	policy, err := readPolicy(*config)
	if err != nil {
		fail(err)
	}
	var stacks []*Stack
	var runs []*Run
	for _, way := range ways {
		stack, err := start(way)
		stacks = append(stacks, stack)
		if err != nil {
			fail(err, stacks...)
		}
		runs = append(runs, newRun(stack))
	}
	if err := direct(runs); err != nil {
		fail(err, stacks...)
	}
	for _, stack := range stacks {
		stack.stop()
	}
	checks := judge(runs, policy)
	summary(os.Stdout, runs, checks)
	if err := writeReport(*report, runs, checks, policy); err != nil {
		fail(err)
	}
	fmt.Printf("\nreport: %s\n", *report)
	for _, check := range checks {
		if !check.Good {
			os.Exit(1)
		}
	}
}

// direct walks the runs through the scenes, side by side.
func direct(runs []*Run) error {
	fmt.Printf("identity: every worker of every service, %d of each, meets %d identities\n", *workers, known)
	for _, run := range runs {
		// Without Seawall nothing is kept of it.
		if !run.On {
			continue
		}
		if err := run.warm(); err != nil {
			return err
		}
	}
	begun, done, show := time.Now(), make(chan struct{}), newShow(runs)
	for _, run := range runs {
		run.begun = begun
		within(&run.busy, func() { run.load(done) })
		for worker := range run.Workers {
			within(&run.busy, func() { run.watch(worker, done) })
		}
	}
	for i, scene := range scenes {
		show.scene(i)
		for _, run := range runs {
			if err := run.enter(i); err != nil {
				return err
			}
		}
		end := time.Now().Add(scene.Length)
		if i == 0 {
			show.until(end.Add(-2 * time.Second))
			for _, run := range runs {
				if err := run.revoke(); err != nil {
					return err
				}
			}
		}
		show.until(end)
	}
	close(done)
	show.close()
	for _, run := range runs {
		if err := run.collect(); err != nil {
			return err
		}
	}
	return nil
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
