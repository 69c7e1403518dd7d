//go:build !amd64 || !go1.24 || go1.28

package seawall_test

// seenByGo is how many crossings Go counts of a question that is asked for each call.
const seenByGo = 1
