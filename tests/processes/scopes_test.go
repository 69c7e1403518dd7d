// Package processes holds services of several processes to their limits: by what reaches the
// upstream that they call, not by their own words.
package processes

// scopes are what every test runs under.
var scopes = []string{"process", "host"}
