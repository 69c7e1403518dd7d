package main

import (
	"fmt"
	"time"

	"github.com/BurntSushi/toml"
)

// Policy is what the judge has to know of the configuration that the services read.
type Policy struct {
	OpenFor  time.Duration
	Failures int
}

func readPolicy(path string) (Policy, error) {
	var file struct {
		Policy map[string]struct {
			Breaker struct {
				Window  struct{ Failures int }
				OpenFor string `toml:"open_for"`
			}
		}
	}
	if _, err := toml.DecodeFile(path, &file); err != nil {
		return Policy{}, fmt.Errorf("%s: %w", path, err)
	}
	breaker := file.Policy["identity"].Breaker
	openFor, err := time.ParseDuration(breaker.OpenFor)
	if err != nil || breaker.Window.Failures == 0 {
		return Policy{}, fmt.Errorf("%s: policy.identity.breaker needs open_for and window.failures", path)
	}
	return Policy{openFor, breaker.Window.Failures}, nil
}
