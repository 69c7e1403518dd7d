package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Service is a program that needs identity.
type Service struct {
	Name string
	Kind string
}

var services = []Service{{"gateway", "Go"}, {"agent", "Python"}, {"front", "TypeScript"}}

// Worker is one process of a service.
type Worker struct {
	Service int
	Name    string
	URL     string
}

// Way is how the workers of a stack are protected.
type Way struct {
	Key   string
	Title string
	// On tells whether they are at all; Shared, whether all have one circuit.
	On, Shared  bool
	environment []string
}

var ways = []Way{
	{"shared", "one circuit for all", true, true, []string{"SEAWALL_IDENTITY_SCOPE=host"}},
	{"apart", "one in each worker", true, false, []string{"SEAWALL_IDENTITY_SCOPE=process"}},
	{"without", "without Seawall", false, false, []string{"SEAWALL_ENABLED=false"}},
}

// Stack is an identity service and the workers that need it, all real processes.
type Stack struct {
	Way
	Workers []Worker
	control string
	running []*exec.Cmd
}

var client = &http.Client{
	Timeout:   2 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 64},
}

func start(way Way) (*Stack, error) {
	stack := &Stack{Way: way}
	ports, err := freePorts(2 + len(services)**workers)
	if err != nil {
		return stack, err
	}
	base := func(i int) string { return "http://127.0.0.1:" + ports[i] }
	segments, err := filepath.Abs(*logs)
	if err != nil {
		return stack, err
	}
	environment := append([]string{"SEAWALL_CONFIG=" + *config, "SEAWALL_HOST_DIR=" + filepath.Join(segments, "segments")}, way.environment...)
	stack.control = base(1)
	if err := stack.launch("identity", *identity, nil, ports[0], ports[1]); err != nil {
		return stack, err
	}
	commands := map[string]string{"gateway": *gateway, "agent": *agent, "front": *front}
	for number := range *workers {
		for i, service := range services {
			name := service.Name
			if *workers > 1 {
				name = fmt.Sprintf("%s-%d", name, number+1)
			}
			port := 2 + len(stack.Workers)
			if err := stack.launch(name, commands[service.Name], environment, ports[port], base(0), name); err != nil {
				return stack, err
			}
			stack.Workers = append(stack.Workers, Worker{i, name, base(port)})
		}
	}
	for _, worker := range stack.Workers {
		if err := ready(worker); err != nil {
			return stack, err
		}
	}
	return stack, nil
}

// worker picks who of a service gets its n-th request: by turns, and out of step with who asks.
func (s *Stack) worker(service, n int) int {
	return service + len(services)*((n+n/strangeness)%*workers)
}

func (s *Stack) launch(name, command string, environment []string, arguments ...string) error {
	words := append(strings.Fields(command), arguments...)
	process := exec.Command(words[0], words[1:]...)
	process.Env = append(surroundings(), environment...)
	// Whatever ends the director ends the services.
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := os.Create(fmt.Sprintf("%s/%s-%s.log", *logs, s.Key, name))
	if err != nil {
		return err
	}
	defer out.Close()
	process.Stdout, process.Stderr = out, out
	if err := process.Start(); err != nil {
		return fmt.Errorf("cannot start %s: %w", name, err)
	}
	s.running = append(s.running, process)
	return nil
}

func (s *Stack) stop() {
	for _, process := range s.running {
		_ = process.Process.Kill()
		_ = process.Wait()
	}
	s.running = nil
}

// circuits are the workers that have a circuit together.
func (s *Stack) circuits() [][]int {
	var all [][]int
	for worker := range s.Workers {
		if s.Shared && worker > 0 {
			all[0] = append(all[0], worker)
		} else {
			all = append(all, []int{worker})
		}
	}
	return all
}

// tell sends identity an order.
func (s *Stack) tell(path string, values url.Values) error {
	answer, err := client.PostForm(s.control+path, values)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("identity did not follow %s: %s", path, answer.Status)
	}
	return nil
}

// surroundings is our environment without options of Seawall, which would change the policy.
func surroundings() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "SEAWALL_") })
}

func ready(worker Worker) error {
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if answer, err := client.Get(worker.URL + "/state"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return fmt.Errorf("%s did not come up within 60 s", worker.Name)
}

func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		ports = append(ports, port)
	}
	return ports, nil
}
