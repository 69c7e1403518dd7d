package seawall

import "seawall.dev/seawall/internal/abi"

// Outcome is how an attempt ended, in the words that every policy understands.
type Outcome uint8

const (
	OutcomeSuccess Outcome = iota
	// OutcomeFailure: the dependency failed, or an error nobody classified.
	OutcomeFailure
	// OutcomeTimeout: an attempt ran out of time.
	OutcomeTimeout
	// OutcomeThrottled: the dependency asked for less.
	OutcomeThrottled
	// OutcomePermanent: the dependency answered that the request is wrong. Not retried, not a failure.
	OutcomePermanent
	// OutcomeIgnored: excluded; says nothing about the dependency.
	OutcomeIgnored
	// OutcomeRefused: a nested policy refused.
	OutcomeRefused
	// OutcomeCancelled: the caller gave up.
	OutcomeCancelled
)

func (o Outcome) String() string { return abi.OutcomeName(uint8(o)) }

// State is what a circuit is doing.
type State uint8

const (
	StateClosed State = iota
	StateOpen
	StateHalfOpen
	StateForcedOpen
	StateDisabled
	StateMetricsOnly
)

func (s State) String() string { return abi.StateName(uint8(s)) }

// ParseState is the state of a word from a snapshot or an event.
func ParseState(word string) (State, bool) {
	for s := StateClosed; s <= StateMetricsOnly; s++ {
		if s.String() == word {
			return s, true
		}
	}
	return StateClosed, false
}

// Stop is why no further attempt was made; zero if none was needed.
type Stop uint8

const (
	StopAttempts Stop = iota + 1
	StopElapsed
	StopBudget
	StopServer
	StopPermanent
	StopRefused
	StopDeadline
	StopCancelled
)

func (s Stop) String() string { return abi.StopName(uint8(s)) }
