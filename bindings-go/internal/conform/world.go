package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/internal/bridge"
)

// world is the registry of one vector and everything its steps have named.
type world struct {
	registry *seawall.Registry
	control  bridge.Control
	policy   *seawall.Policy
	config   table
	keyed    map[string]*seawall.Policy
	names    names
	events   []any
	stop     func()
	// calls that run, the innermost last: hooks belong to it.
	calls []*diary
}

func newRegistry(vector table) (*seawall.Registry, bridge.Control) {
	environment := map[string]string{}
	for name, value := range vector.inner("environment") {
		environment[name], _ = value.(string)
	}
	registry, control := bridge.Manual(uint64(vector.number("seed", 1)), os.Getenv("SEAWALL_GATE") != "off", environment)
	return registry.(*seawall.Registry), control
}

func newWorld(vector table) (*world, error) {
	w := &world{keyed: map[string]*seawall.Policy{}, names: newNames()}
	w.registry, w.control = newRegistry(vector)
	if toml := vector.text("toml"); toml != "" {
		if err := w.registry.LoadTOML(toml, "seawall.toml"); err != nil {
			return nil, err
		}
	}
	w.config = vector.inner("policy")
	config, err := document(vector)
	if err != nil {
		return nil, err
	}
	w.stop = w.registry.Listen(func(e seawall.Event) { w.events = append(w.events, e.Kind) })
	config.OnRetry = func(_ int, _ error, delay time.Duration) { w.current().waits(w, delay, true) }
	config.OnQueue = func(most time.Duration) { w.current().waits(w, most, false) }
	if w.policy, err = w.registry.New(config); err != nil {
		return nil, err
	}
	if enabled, is := vector["enabled"].(bool); is {
		w.registry.SetEnabled(enabled)
	}
	return w, nil
}

func document(vector table) (seawall.Config, error) {
	policy := vector.inner("policy")
	if policy == nil {
		policy = table{}
	}
	text, err := json.Marshal(policy)
	return seawall.Config{JSON: string(text)}, err
}

// configuration answers a vector without steps: does it build, what does it come to, or where is the
// mistake?
func configuration(vector table) error {
	registry, _ := newRegistry(vector)
	var policy *seawall.Policy
	var err error
	if toml, is := vector["toml"].(string); is {
		err = registry.LoadTOML(toml, "seawall.toml")
	}
	if name := vector.text("policy_name"); err == nil && name != "" {
		policy, err = registry.Named(name)
	}
	if err == nil && vector.has("policy") {
		config, bad := document(vector)
		if bad != nil {
			return bad
		}
		policy, err = registry.New(config)
	}
	s := shown{"ok": err == nil}
	var wrong *seawall.ConfigError
	if errors.As(err, &wrong) {
		s["error"] = map[string]any{"code": wrong.Code, "path": wrong.Path, "suggestion": orNil(wrong.Suggestion), "source": orNil(wrong.Source)}
	} else if err != nil {
		return err
	}
	if err := s.check(vector.inner("expect")); err != nil {
		if wrong != nil {
			return fmt.Errorf("%w (%v)", err, wrong)
		}
		return err
	}
	if !vector.has("resolved") {
		return nil
	}
	resolved, err := policy.Resolved()
	if err != nil {
		return err
	}
	return shown(resolved).contains(vector.inner("resolved"))
}

// contains is check, where null expects that nothing is there.
func (s shown) contains(wanted table) error {
	for key, value := range wanted {
		inner, is := value.(map[string]any)
		found, also := s[key].(map[string]any)
		switch {
		case is && also:
			if err := shown(found).contains(inner); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		case value == nil && s[key] == nil:
		case !equal(value, s[key]):
			return fmt.Errorf("%s: expected %v, found %v", key, value, s[key])
		}
	}
	return nil
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (w *world) run(steps []any) error {
	for i, raw := range steps {
		step := table(raw.(map[string]any))
		if err := w.step(step); err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, step.text("do"), err)
		}
	}
	return nil
}

func (w *world) step(step table) error {
	if at, err := step.span("at"); err != nil {
		return err
	} else if at != nil {
		w.control.Advance(*at - w.control.Now())
	}
	if by, err := step.span("advance"); err != nil {
		return err
	} else if by != nil {
		w.control.Advance(*by)
	}
	s := shown{}
	var err error
	switch step.text("do") {
	case "call":
		err = w.call(step, s)
	case "observe":
	default:
		err = w.part(step, s)
	}
	if err != nil || !step.has("expect") {
		return err
	}
	if err := w.state(step, s); err != nil {
		return err
	}
	return s.check(step.inner("expect"))
}

// of is the policy a step works on: that of its key, if it has one.
func (w *world) of(step table) (*seawall.Policy, error) {
	key := step.text("key")
	if key == "" {
		return w.policy, nil
	}
	if p, found := w.keyed[key]; found {
		return p, nil
	}
	p, err := w.policy.Key(key)
	w.keyed[key] = p
	return p, err
}

// state shows what the step left behind.
func (w *world) state(step table, s shown) error {
	p, err := w.of(step)
	if err != nil {
		return err
	}
	fields, err := p.Snapshot()
	if err != nil {
		return err
	}
	snapshot := table(fields)
	if b := snapshot.inner("breaker"); b != nil {
		s.breaker(b)
	}
	if b := snapshot.inner("bulkhead"); b != nil {
		for _, key := range []string{"in_use", "queued", "limit", "available"} {
			s[key] = b[key]
		}
	}
	if b := snapshot.inner("budget"); b != nil {
		s["balance"], s["active_retries"], s["budget_limit"] = b["balance"], b["active_retries"], b["limit"]
	}
	used := map[string]any{}
	for _, cost := range snapshot.inner("cost") {
		for name, amount := range table(cost.(map[string]any)) {
			used[name] = table(amount.(map[string]any))["used"]
		}
	}
	s["used"] = used
	events := w.events
	if events == nil {
		events = []any{}
	}
	s["events"] = events
	w.events = nil
	return nil
}
