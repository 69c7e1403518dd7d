package processes

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"seawall.dev/processes/upstream"
)

// Patience is how long a test waits for what must come; only a fault takes so long.
const patience = 30 * time.Second

// policy is what every process of these tests is told, for one scope.
const policy = `
[policy.upstream]
scope = %q

[policy.upstream.breaker]
window = { kind = "consecutive", failures = 5 }
open_for = "5m"

[policy.upstream.bulkhead]
limit = 4

[host]
dir = %q
`

const (
	failures = 5
	limit    = 4
)

// Shown is what a process tells of itself.
type Shown struct {
	Pid    int    `json:"pid"`
	Answer string `json:"answer"`
	Opened int    `json:"opened"`
	State  string `json:"state"`
	InUse  int    `json:"in_use"`
}

// scene is an upstream, a configuration and the processes that use them.
type scene struct {
	*testing.T
	up    *upstream.Upstream
	scope string
	env   []string
	bases []string
	turn  int
	mutex sync.Mutex
}

func newScene(t *testing.T, scope string) *scene {
	t.Helper()
	up, err := upstream.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	config := filepath.Join(t.TempDir(), "seawall.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, policy, scope, filepath.Join(t.TempDir(), "segments")), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &scene{T: t, up: up, scope: scope}
	s.env = append(os.Environ(), "UPSTREAM="+up.URL, "SEAWALL_CONFIG="+config)
	return s
}

// tool is a program that `cargo xtask processes` names.
func (s *scene) tool(variable string) string {
	s.Helper()
	path := os.Getenv(variable)
	if path == "" {
		s.Fatalf("%s is not set: run these tests by `cargo xtask processes`", variable)
	}
	return path
}

func (s *scene) python(arguments ...string) *exec.Cmd {
	return exec.Command(s.tool("PROCESSES_PYTHON"), append([]string{"-W", "error"}, arguments...)...)
}

// serve starts a program that listens on a port; it is killed, with all it started, at the end.
func (s *scene) serve(command func(port string) *exec.Cmd) {
	s.Helper()
	port := freePort(s.T)
	process := command(port)
	log, err := os.CreateTemp(s.TempDir(), "said")
	if err != nil {
		s.Fatal(err)
	}
	process.Env, process.Stdout, process.Stderr = s.env, log, log
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := process.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		_ = syscall.Kill(-process.Process.Pid, syscall.SIGKILL)
		_ = process.Wait()
		if said, _ := os.ReadFile(log.Name()); s.Failed() && len(said) > 0 {
			s.Logf("%s said:\n%s", filepath.Base(process.Path), said)
		}
	})
	s.bases = append(s.bases, "http://127.0.0.1:"+port)
}

// Each request is a connection of its own, so that servers spread them over their workers.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// soon is how long a request may take; one that was handed to a process which is killed gets no answer.
func soon(path string) time.Duration {
	if path == "/call" {
		return patience
	}
	return time.Second
}

// ask sends a request to the next of the processes.
func (s *scene) ask(path string) (Shown, error) {
	s.mutex.Lock()
	base := s.bases[s.turn%len(s.bases)]
	s.turn++
	s.mutex.Unlock()
	var shown Shown
	ctx, done := context.WithTimeout(context.Background(), soon(path))
	defer done()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return shown, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return shown, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return shown, fmt.Errorf("%s%s answered %s", base, path, answer.Status)
	}
	return shown, json.NewDecoder(answer.Body).Decode(&shown)
}

func (s *scene) mustAsk(path string) Shown {
	s.Helper()
	shown, err := s.ask(path)
	if err != nil {
		s.Fatal(err)
	}
	return shown
}

// meet asks until so many processes have answered, and returns what each showed last.
func (s *scene) meet(processes int, path string) map[int]Shown {
	s.Helper()
	met := map[int]Shown{}
	s.until(fmt.Sprintf("%d processes answer %s", processes, path), func() bool {
		if shown, err := s.ask(path); err == nil {
			met[shown.Pid] = shown
		}
		return len(met) >= processes
	})
	return met
}

// until waits for something that must come.
func (s *scene) until(what string, holds func() bool) {
	s.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// run runs a program to its end and decodes the one line of JSON that it prints.
func (s *scene) run(command *exec.Cmd, into any) {
	s.Helper()
	command.Env = s.env
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var said, wrong strings.Builder
	command.Stdout, command.Stderr = &said, &wrong
	if err := command.Start(); err != nil {
		s.Fatal(err)
	}
	timer := time.AfterFunc(2*patience, func() { _ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) })
	err := command.Wait()
	timer.Stop()
	if err == nil {
		err = json.Unmarshal([]byte(said.String()), into)
	}
	if err != nil {
		s.Fatalf("%v: %v\n%s\n%s", command.Args, err, said.String(), wrong.String())
	}
}

// given are the ports that were handed out: one may be drawn again before its server has it.
var given sync.Map

func freePort(t *testing.T) string {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		listener.Close()
		if _, taken := given.LoadOrStore(port, true); !taken {
			return port
		}
	}
}

// drop forgets the process of that number, which is gone.
func (s *scene) drop(pid int) {
	s.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var left []string
	for _, base := range s.bases {
		if answer, err := client.Get(base + "/state"); err == nil {
			answer.Body.Close()
			left = append(left, base)
		}
	}
	if len(left) != len(s.bases)-1 {
		s.Fatalf("%d was killed, and %d of %d answer", pid, len(left), len(s.bases))
	}
	s.bases = left
}
