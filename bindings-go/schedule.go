package seawall

import (
	"time"

	"seawall.dev/seawall/internal/abi"
)

// Schedule is a policy's retry schedule by hand, for loops that cannot be a function. One goroutine
// at a time.
type Schedule struct {
	core     *abi.Schedule
	registry *Registry
}

// Schedule starts a retry schedule; ErrNoSuchPart if the policy does not retry.
func (p *Policy) Schedule() (*Schedule, error) {
	p.registry.sync()
	core, status := p.core.Schedule()
	if status != 0 {
		return nil, p.lacks(status, "retry")
	}
	return &Schedule{core, p.registry}, nil
}

// Failed describes an attempt for NextDelay.
type Failed struct {
	Outcome Outcome
	// After is the dependency's wish when to be asked again; nil if it had none, Never for not at all.
	After *time.Duration
	// Elapsed since the first attempt; nil: by the clock.
	Elapsed *time.Duration
}

// NextDelay is how long to wait before the next attempt, or why there is none.
func (s *Schedule) NextDelay(failed Failed) (delay time.Duration, stop Stop) {
	hint, elapsed := int64(abi.NoHint), uint64(abi.None)
	if failed.After != nil {
		hint = int64(*failed.After)
	}
	if failed.Elapsed != nil {
		elapsed = nanos(*failed.Elapsed)
	}
	s.registry.sync()
	span, why := s.core.Next(uint8(failed.Outcome), hint, elapsed)
	return duration(span), Stop(why)
}

// Attempts is how many attempts there were.
func (s *Schedule) Attempts() int { return int(s.core.Attempts()) }

// RetryBudget is a policy's retry budget by hand.
type RetryBudget struct{ policy *Policy }

// RetryBudget is shared by all policies that name it; ErrNoSuchPart if there is none.
func (p *Policy) RetryBudget() (RetryBudget, error) {
	if p.look().shape.Parts&abi.PartBudget == 0 {
		return RetryBudget{}, p.lacks(noSuchPart, "retry.budget")
	}
	return RetryBudget{p}, nil
}

// Begin and End enclose a call; Withdraw asks for a retry and gives what it costs, RetryEnd tells that
// the retry has ended, Success pays back: the cost of the last retry, nil for a first-try success.
func (b RetryBudget) Begin() { b.sync(); b.policy.core.BudgetBegin() }
func (b RetryBudget) End()   { b.sync(); b.policy.core.BudgetEnd() }

func (b RetryBudget) Withdraw(outcome Outcome) (cost uint64, granted bool) {
	b.sync()
	cost, granted, _ = b.policy.core.BudgetWithdraw(uint8(outcome))
	return cost, granted
}

func (b RetryBudget) RetryEnd(cost uint64) { b.sync(); b.policy.core.BudgetRetryEnd(cost) }

func (b RetryBudget) Success(lastCost *uint64) {
	b.sync()
	cost := uint64(abi.None)
	if lastCost != nil {
		cost = *lastCost
	}
	b.policy.core.BudgetSuccess(cost)
}

// Balance, Limit and Active are the numbers of the budget's kind.
func (b RetryBudget) Balance() float64 { b.sync(); return b.policy.core.BudgetBalance() }
func (b RetryBudget) Limit() float64   { b.sync(); return b.policy.core.BudgetLimit() }
func (b RetryBudget) Active() int      { b.sync(); return int(b.policy.core.BudgetActive()) }

func (b RetryBudget) sync() { b.policy.registry.sync() }

// Reservation holds amounts of the cost budgets until it is settled or collected.
type Reservation struct{ core *abi.Reservation }

// CheckCost asks whether the cost budgets have anything left.
func (p *Policy) CheckCost() error {
	p.registry.sync()
	if refusal := p.core.CostCheck(); refusal.Status != 0 {
		return p.refusalError(refusal, "cost")
	}
	return nil
}

// Reserve takes estimated amounts of the cost budgets.
func (p *Policy) Reserve(estimate map[string]uint64) (*Reservation, error) {
	p.registry.sync()
	core, refusal := p.core.CostReserve(amounts(estimate))
	if refusal.Status != 0 {
		return nil, p.refusalError(refusal, "cost")
	}
	return &Reservation{core}, nil
}

// Settle replaces the estimate by what was used, once.
func (r *Reservation) Settle(actual map[string]uint64) error {
	return statusError(r.core.Settle(amounts(actual)), "")
}

// Release gives back what was not settled; may be deferred.
func (r *Reservation) Release() { r.core.Release() }
