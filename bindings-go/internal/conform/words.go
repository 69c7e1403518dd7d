package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"seawall.dev/seawall"
)

// table is a JSON table.
type table map[string]any

func (t table) text(key string) string { s, _ := t[key].(string); return s }
func (t table) has(key string) bool    { _, found := t[key]; return found }
func (t table) yes(key string) bool    { b, _ := t[key].(bool); return b }

func (t table) number(key string, otherwise int) int {
	if n, is := t[key].(float64); is {
		return int(n)
	}
	return otherwise
}

func (t table) inner(key string) table {
	inner, _ := t[key].(map[string]any)
	return inner
}

func (t table) list(key string) []any { list, _ := t[key].([]any); return list }

// span is a length with a unit; nil if the key is not there.
func (t table) span(key string) (*time.Duration, error) {
	words := t.text(key)
	if words == "" {
		return nil, nil
	}
	d, err := length(words)
	return &d, err
}

// length reads "1.5ms"; time.ParseDuration knows the same units, but not every number of them.
func length(words string) (time.Duration, error) {
	split := strings.IndexFunc(words, func(c rune) bool { return c >= 'a' && c <= 'z' })
	if split < 0 {
		return 0, fmt.Errorf("%q has no unit", words)
	}
	units := map[string]float64{"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 86400e9}
	unit, known := units[words[split:]]
	number, err := strconv.ParseFloat(strings.TrimSpace(words[:split]), 64)
	if err != nil || !known {
		return 0, fmt.Errorf("%q is no length", words)
	}
	return time.Duration(math.Round(number * unit)), nil
}

func (t table) outcome(otherwise seawall.Outcome) (seawall.Outcome, error) {
	word := t.text("outcome")
	if word == "" {
		return otherwise, nil
	}
	for o := seawall.OutcomeSuccess; o <= seawall.OutcomeCancelled; o++ {
		if o.String() == word {
			return o, nil
		}
	}
	return 0, fmt.Errorf("%q is no outcome", word)
}

func (t table) amounts(key string) map[string]uint64 {
	amounts := map[string]uint64{}
	for name, n := range t.inner(key) {
		if n, is := n.(float64); is {
			amounts[name] = uint64(n)
		}
	}
	return amounts
}
