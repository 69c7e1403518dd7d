package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Service is one process that needs identity.
type Service struct {
	Name string
	Kind string
	URL  string
}

// Stack is an identity service and the three services that need it, all real processes.
type Stack struct {
	Name     string
	Services []Service
	control  string
	running  []*exec.Cmd
}

var client = &http.Client{
	Timeout:   2 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 64},
}

func start(name string, environment []string) (*Stack, error) {
	stack := &Stack{Name: name}
	ports, err := freePorts(5)
	if err != nil {
		return stack, err
	}
	base := func(i int) string { return "http://127.0.0.1:" + ports[i] }
	environment = append(environment, "SEAWALL_CONFIG="+*config)
	stack.control = base(1)
	if err := stack.launch("identity", *identity, nil, ports[0], ports[1]); err != nil {
		return stack, err
	}
	for i, service := range []Service{{"gateway", "Go", base(2)}, {"agent", "Python", base(3)}, {"front", "TypeScript", base(4)}} {
		command := map[string]string{"gateway": *gateway, "agent": *agent, "front": *front}[service.Name]
		if err := stack.launch(service.Name, command, environment, ports[2+i], base(0)); err != nil {
			return stack, err
		}
		stack.Services = append(stack.Services, service)
	}
	for _, service := range stack.Services {
		if err := ready(service); err != nil {
			return stack, err
		}
	}
	return stack, nil
}

func (s *Stack) launch(name, command string, environment []string, arguments ...string) error {
	words := append(strings.Fields(command), arguments...)
	process := exec.Command(words[0], words[1:]...)
	process.Env = append(os.Environ(), environment...)
	// Whatever ends the director ends the services.
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := os.Create(fmt.Sprintf("%s/%s-%s.log", *logs, s.Name, name))
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

func ready(service Service) error {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if answer, err := client.Get(service.URL + "/state"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return fmt.Errorf("%s did not come up within 20 s", service.Name)
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
