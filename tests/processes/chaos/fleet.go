package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Told is what a worker counted, in its own words.
type Told struct {
	Calls, Failed, Refused, Full, Faults int
	// The longest stay inside Seawall since it told before.
	Longest time.Duration
}

// Worker is one process.
type Worker struct {
	Language string
	Pid      string

	process *exec.Cmd
	input   io.Closer
	said    *strings.Builder
	gone    chan struct{}

	mutex sync.Mutex
	told  Told
	heard time.Time
	// The run stopped it, let it go on, or ended it.
	stopped, ended bool
	resumed        time.Duration
}

func (w *Worker) isEnded() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.ended
}

// Fleet is all workers that there were.
type Fleet struct {
	environment []string
	commands    map[string][]string
	judge       *Judge
	mutex       sync.Mutex
	alive       []*Worker
	dead        []*Worker
}

// start makes one more worker of a language.
func (f *Fleet) start(language string) error {
	command := f.commands[language]
	process := exec.Command(command[0], command[1:]...)
	process.Env = f.environment
	// A director that is told not to mind the end of its terminal has workers that mind it all the same, as
	// Node does: they are no part of its group. Whatever ends the director, a Ctrl-C too, ends them.
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	input, err := process.StdinPipe()
	if err != nil {
		return err
	}
	output, err := process.StdoutPipe()
	if err != nil {
		return err
	}
	said := &strings.Builder{}
	process.Stderr = said
	if err := process.Start(); err != nil {
		return fmt.Errorf("cannot start a worker in %s: %w", language, err)
	}
	w := &Worker{Language: language, Pid: fmt.Sprint(process.Process.Pid), process: process, input: input, said: said,
		gone: make(chan struct{}), heard: time.Now()}
	f.mutex.Lock()
	f.alive = append(f.alive, w)
	f.mutex.Unlock()
	go f.follow(w, output)
	return nil
}

// follow reads what a worker tells until it ends.
func (f *Fleet) follow(w *Worker, output io.Reader) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		var told Told
		var micros int64
		n, err := fmt.Sscan(lines.Text(), &told.Calls, &told.Failed, &told.Refused, &told.Full, &told.Faults, &micros)
		if n != 6 || err != nil {
			// Who is killed in the middle of a line says half of it.
			if w.isEnded() {
				continue
			}
			f.judge.violation("a worker in %s said %q", w.Language, lines.Text())
			continue
		}
		told.Longest = time.Duration(micros) * time.Microsecond
		f.hear(w, told)
	}
	err := w.process.Wait()
	if !w.isEnded() {
		f.judge.violation("a worker in %s ended by itself: %v\n%s", w.Language, err, w.said)
	}
	f.mutex.Lock()
	for i, other := range f.alive {
		if other == w {
			f.alive = append(f.alive[:i], f.alive[i+1:]...)
			f.dead = append(f.dead, w)
			break
		}
	}
	f.mutex.Unlock()
	close(w.gone)
}

func (f *Fleet) hear(w *Worker, told Told) {
	now := f.judge.up.Now()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	// The stay of one who was stopped says nothing.
	if !w.stopped && now-w.resumed > time.Second {
		f.judge.stay(w.Language, told.Longest)
	}
	if told.Faults > w.told.Faults {
		f.judge.violation("%d faults of Seawall in a worker in %s", told.Faults-w.told.Faults, w.Language)
	}
	w.told, w.heard = told, time.Now()
}

// kill ends a worker where it stands, and waits until it is gone. Returns how many calls it had under way.
func (f *Fleet) kill(w *Worker) (calls int) {
	calls = f.signal(w, syscall.SIGKILL)
	<-w.gone
	return calls
}

// end lets a worker come to its own end.
func (f *Fleet) end(w *Worker) error {
	w.mutex.Lock()
	w.ended = true
	w.mutex.Unlock()
	_ = w.input.Close()
	select {
	case <-w.gone:
		return nil
	case <-time.After(patience):
		f.signal(w, syscall.SIGKILL)
		return fmt.Errorf("a worker in %s did not end within %v", w.Language, patience)
	}
}

func (f *Fleet) signal(w *Worker, signal syscall.Signal) (calls int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	switch signal {
	case syscall.SIGKILL:
		w.ended = true
		// From here on its permits may be others'.
		calls = f.judge.up.End(w.Pid)
	case syscall.SIGSTOP:
		w.stopped = true
	case syscall.SIGCONT:
		w.stopped, w.resumed, w.heard = false, f.judge.up.Now(), time.Now()
		f.judge.resumed(w.Pid, w.resumed)
	}
	_ = w.process.Process.Signal(signal)
	return calls
}

// silent is who has told nothing for too long, though nobody stopped it.
func (f *Fleet) silent() []*Worker {
	var all []*Worker
	for _, w := range f.running() {
		w.mutex.Lock()
		if !w.stopped && !w.ended && time.Since(w.heard) > patience {
			all = append(all, w)
		}
		w.mutex.Unlock()
	}
	return all
}

func (f *Fleet) running() []*Worker {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return append([]*Worker(nil), f.alive...)
}

func environment(upstream, config string) []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SEAWALL_") {
			kept = append(kept, variable)
		}
	}
	return append(kept, "UPSTREAM="+upstream, "SEAWALL_CONFIG="+config)
}
