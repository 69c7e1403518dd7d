package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"seawall.dev/processes/upstream"
)

// alone is the one worker of a fleet.
func alone(t *testing.T, command ...string) (*Fleet, *Worker) {
	t.Helper()
	up, err := upstream.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	fleet := &Fleet{judge: newJudge(up), commands: map[string][]string{"any": command}}
	if err := fleet.start("any"); err != nil {
		t.Fatal(err)
	}
	return fleet, fleet.running()[0]
}

// A terminal that ends tells the group that the director is in.
func TestTheEndOfATerminalReachesNoWorker(t *testing.T) {
	// Whoever runs the tests is not meant.
	others := syscall.Getpgrp()
	if err := syscall.Setpgid(0, 0); err != nil && others != os.Getpid() {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setpgid(0, others) }()
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	fleet, worker := alone(t, "cat")
	if err := syscall.Kill(0, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	<-heard
	if err := fleet.end(worker); err != nil {
		t.Fatal(err)
	}
	if how := worker.process.ProcessState; !how.Success() {
		t.Errorf("the worker did not end by itself: %v", how)
	}
}

// Of a director that is killed nothing is left to end its workers.
func TestNoWorkerOutlivesItsDirector(t *testing.T) {
	const directs = "CHAOS_DIRECTS"
	if os.Getenv(directs) != "" {
		_, worker := alone(t, "sleep", "1000")
		fmt.Println(worker.Pid)
		<-worker.gone
		return
	}
	director := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	director.Env = append(os.Environ(), directs+"=1")
	output, err := director.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := director.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	_, err = fmt.Fscan(output, &pid)
	_ = director.Process.Kill()
	_ = director.Wait()
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); isThere(pid); time.Sleep(ms) {
		if time.Now().After(end) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the worker goes on")
		}
	}
}

// isThere does not count who has ended and whom nobody has asked how.
func isThere(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
