package seawall

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"seawall.dev/seawall/internal/abi"
)

// Registry holds named policies, their configuration and their clock. Default is the one of the
// process; seawalltest makes others, whose clock only moves when told.
type Registry struct {
	core  *abi.Registry
	clock clock
	gate  bool
	// follows: the core's clock is brought up to date before it is used.
	follows bool
	caches  sync.Map // policy name -> *cache
	// epoch rises when settings have come in force, or the off switch was turned.
	epoch atomic.Uint64

	mu        sync.Mutex
	listeners map[uint64]*listener
	nextID    uint64
	events    *abi.Events
	reader    chan struct{}
	listening atomic.Bool
	deliver   sync.Mutex
}

var process = sync.OnceValue(func() *Registry {
	r := &Registry{core: abi.Global(), gate: os.Getenv("SEAWALL_GATE") != "off"}
	r.clock = systemClock{}
	return r
})

// Default is the registry of the process.
func Default() *Registry { return process() }

// New builds a policy. What is wrong with the configuration comes back as a *ConfigError.
func New(config Config) (*Policy, error) { return Default().New(config) }

// MustNew is New for package variables: it panics where New returns an error.
func MustNew(config Config) *Policy {
	p, err := New(config)
	if err != nil {
		panic(err)
	}
	return p
}

// Named is the policy that the configuration file or the environment declares under the name.
func Named(name string) (*Policy, error) { return Default().Named(name) }

// Load reads a configuration file; SEAWALL_CONFIG names one that is read by itself.
func Load(path string) error { return Default().Load(path) }

// Reload reads the configuration again and keeps the state of what it describes.
func Reload() error { return Default().Reload() }

// SetEnabled turns the off switch: with false every policy is a plain call.
func SetEnabled(enabled bool) { Default().SetEnabled(enabled) }

// Metrics is the Prometheus text of everything that has happened.
func Metrics() string { return Default().Metrics() }

// New builds a policy in this registry.
func (r *Registry) New(config Config) (*Policy, error) {
	document, err := config.document()
	if err != nil {
		return nil, err
	}
	core, status, why := r.core.NewPolicy(document)
	if status != 0 {
		return nil, configError(status, why)
	}
	return r.adopt(core, config.host()), nil
}

// Named is the policy that the configuration declares under the name.
func (r *Registry) Named(name string) (*Policy, error) {
	core, status, why := r.core.Named(name)
	if status != 0 {
		return nil, configError(status, why)
	}
	return r.adopt(core, &nothing), nil
}

// Load reads a configuration file, LoadTOML its text; source is the name for messages.
func (r *Registry) Load(path string) error { return r.configured(r.core.LoadPath(path)) }

// LoadTOML reads the text of a configuration file.
func (r *Registry) LoadTOML(text, source string) error {
	return r.configured(r.core.Load(text, source))
}

// Reload reads the configuration again.
func (r *Registry) Reload() error { return r.configured(r.core.Reload()) }

// configured wakes those whom a wider bulkhead admits.
func (r *Registry) configured(status abi.Status, why string) error {
	r.epoch.Add(1)
	r.core.TakeWakes(wake)
	return configError(status, why)
}

// Enabled tells whether policies protect.
func (r *Registry) Enabled() bool { return r.core.Enabled() }

// SetEnabled turns the off switch of this registry.
func (r *Registry) SetEnabled(enabled bool) {
	r.core.SetEnabled(enabled)
	r.epoch.Add(1)
}

// Metrics is the Prometheus text.
func (r *Registry) Metrics() string { return r.core.Metrics() }

// OperationTimeout is the time limit of the table for an operation ("llm", "db", …).
func (r *Registry) OperationTimeout(operation string) time.Duration {
	return duration(r.core.OperationTimeout(operation))
}

// ResourceLimit is the bulkhead limit of the table for a resource ("llm", "redis", …).
func (r *Registry) ResourceLimit(resource string) int { return int(r.core.ResourceLimit(resource)) }

// sync brings the core's clock up to date, where it follows another than the system's.
func (r *Registry) sync() {
	if r.follows {
		r.clock.sync(r)
	}
}

// now is the registry's instant in nanoseconds.
func (r *Registry) now() uint64 { r.sync(); return r.core.Now() }

// waiters are the callers in bulkhead queues: a ticket is unique in the process.
var waiters sync.Map // uint64 -> chan struct{}

func wake(ticket uint64) {
	if ch, found := waiters.Load(ticket); found {
		select {
		case ch.(chan struct{}) <- struct{}{}:
		default: // already woken
		}
	}
}
