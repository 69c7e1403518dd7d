// Package processes holds services of several processes to their limits: by what reaches the
// upstream that they call, not by their own words.
package processes

import "testing"

// scopes are what every test runs under.
var scopes = []string{"process", "host"}

// forEachScope runs a test in a scene of each.
func forEachScope(t *testing.T, test func(s *scene)) {
	for _, scope := range scopes {
		t.Run(scope, func(t *testing.T) { test(newScene(t, scope)) })
	}
}
