//! Names to policies, and what all policies of a process share: clock, randomness, events, switch.

mod declared;

use crate::clock::Clock;
use crate::config::{ENABLED, Environment, GATE, PolicyConfig, Scope, host_options};
use crate::cx::Cx;
use crate::event::{EventKind, PartKind};
use crate::events::Events;
use crate::metrics;
use crate::names::{Latest, Names};
use crate::policy::{Kept, Origin, Policy, WeakPolicy};
use crate::rng::Rng;
use crate::run::listen::Listeners;
use crate::segment::{Host, SegmentOptions, Trouble};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, OnceLock, Ordering, RwLock, Weak};
use crate::time::{Span, Tick};
use crate::views::Views;
use declared::{File, Known};

/// The policies of a process, or of one test. Cloning is cheap; all clones are one registry.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

/// A registry that lives as long as somebody else holds it.
pub(crate) struct WeakRegistry(Weak<Inner>);

impl WeakRegistry {
    pub(crate) fn upgrade(&self) -> Option<Registry> {
        self.0.upgrade().map(Registry)
    }
}

struct Inner {
    clock: Clock,
    rng: Rng,
    enabled: AtomicBool,
    /// Whether calls may pass without asking; `SEAWALL_GATE=off` says no, for this process.
    gate: bool,
    events: Events,
    listeners: Listeners,
    internal: AtomicU64,
    /// Tickets that a dropped call left unwoken; the next call's driver wakes them.
    stranded: Mutex<Vec<u64>>,
    any_stranded: AtomicBool,
    /// Policies without a name, for what must be done for all; those that are gone are dropped now
    /// and then.
    unnamed: Mutex<Vec<WeakPolicy>>,
    /// Of policies that keep views of keys; those that are gone are dropped now and then.
    views: Mutex<Vec<Weak<Views>>>,
    names: Names,
    latest: Latest<PolicyConfig>,
    origins: Latest<Origin>,
    policies: Mutex<Known>,
    file: RwLock<Option<Arc<File>>>,
    environment: Environment,
    /// The segment of policies in host scope, chosen with the first of them.
    host: OnceLock<Arc<Host>>,
    /// Every policy is in host scope, on a segment of this registry's own: for tests.
    everything_shared: bool,
}

impl Registry {
    fn new(clock: Clock, rng: Rng, environment: Environment) -> Registry {
        let enabled = environment.is_on(ENABLED);
        Registry(Arc::new(Inner {
            clock,
            rng,
            enabled: AtomicBool::new(enabled),
            // Of the process, whatever environment a test gives the registry.
            gate: Environment::from_process().is_on(GATE),
            events: Events::default(),
            listeners: Listeners::default(),
            internal: AtomicU64::new(0),
            stranded: Mutex::new(Vec::new()),
            any_stranded: AtomicBool::new(false),
            unnamed: Mutex::new(Vec::new()),
            views: Mutex::new(Vec::new()),
            names: Names::default(),
            latest: Latest::default(),
            origins: Latest::default(),
            policies: Mutex::default(),
            file: RwLock::new(None),
            environment,
            host: OnceLock::new(),
            everything_shared: false,
        }))
    }

    /// The registry of this process: the system's clock, the environment's configuration. The file
    /// that `SEAWALL_CONFIG` names is read when the first policy is asked for.
    pub fn global() -> &'static Registry {
        static GLOBAL: OnceLock<Registry> = OnceLock::new();
        GLOBAL.get_or_init(|| {
            let registry = Registry::new(Clock::monotonic(), Rng::from_entropy(), Environment::from_process());
            crate::fork::watch_over(&registry);
            registry
        })
    }

    /// A registry of its own for a test: a clock that stands still, a known seed, no environment.
    pub fn manual(seed: u64) -> Registry {
        Registry::manual_with(seed, Environment::empty())
    }

    /// The same with `variables` as its environment.
    pub fn manual_with(seed: u64, variables: Environment) -> Registry {
        let mut registry = Registry::new(Clock::manual(Tick::ZERO), Rng::seeded(seed), variables);
        if let Some(inner) = Arc::get_mut(&mut registry.0) {
            inner.everything_shared = crate::testing::shares_everything();
        }
        crate::fork::watch_over(&registry);
        registry
    }

    /// Chooses the segment of policies in host scope; `false` if it is chosen already. Without this
    /// the file and the environment say where it is, or it is `default` in a folder of the user's.
    pub fn set_host(&self, options: SegmentOptions) -> bool {
        self.0.host.set(Arc::new(Host::new(options))).is_ok()
    }

    /// Whether policies of these settings have their state in a segment.
    pub(crate) fn shares(&self, config: &PolicyConfig) -> bool {
        config.scope == Scope::Host || self.0.everything_shared
    }

    /// The segment that policies of these settings share; `None` for those that share none.
    pub(crate) fn host_of(&self, config: &PolicyConfig) -> Option<&Arc<Host>> {
        self.shares(config).then(|| {
            self.0.host.get_or_init(|| {
                let file = self.file();
                let is_told = file.as_ref().is_some_and(|file| file.document.has_host());
                if self.0.everything_shared && !is_told {
                    return crate::testing::host();
                }
                let options = host_options(file.as_ref().map(|file| &file.document), &self.0.environment);
                Arc::new(Host::new(options))
            })
        })
    }

    /// The segment, if any policy is in host scope.
    pub(crate) fn host(&self) -> Option<&Arc<Host>> {
        self.0.host.get()
    }

    /// Says what went wrong with the segment.
    pub(crate) fn say_troubles(&self) {
        let Some(host) = self.host() else { return };
        for trouble in host.take_troubles() {
            match trouble {
                Trouble::Fault(what) => self.internal(None, &what),
                Trouble::Conflict(part, what) => self.publish(EventKind::ConfigConflict, part, None, &what),
            }
        }
    }

    /// The clock of its policies.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The randomness of its policies.
    pub fn rng(&self) -> &Rng {
        &self.0.rng
    }

    /// What happens to its policies.
    pub fn events(&self) -> &Events {
        &self.0.events
    }

    /// Whether policies protect at all: the off switch.
    pub fn enabled(&self) -> bool {
        // Relaxed: a call that just misses the switch ran a moment earlier.
        self.0.enabled.load(Ordering::Relaxed)
    }

    /// Throws the off switch: disabled, every policy is a plain call. Takes effect with the next call.
    pub fn set_enabled(&self, enabled: bool) {
        // All with the lock: whoever makes a policy has seen the switch so, or is in the list; whoever throws it
        // too finds every policy told; and no child is forked in between, where nobody would tell the rest.
        let known = self.0.policies.lock();
        let policies = if self.enabled() == enabled { Vec::new() } else { self.all_of(&known) };
        self.0.enabled.store(enabled, Ordering::Relaxed);
        policies.iter().for_each(Policy::choose_anew);
        drop(known);
    }

    /// A place for the views of a policy's keys.
    pub(crate) fn new_views(&self) -> Arc<Views> {
        let views = Arc::new(Views::new());
        let mut all = self.0.views.lock();
        if all.len() == all.capacity() {
            all.retain(|views| views.strong_count() > 0);
        }
        all.push(Arc::downgrade(&views));
        views
    }

    /// Lets go of kept views that nobody uses, for a key that finds no cell. Whether there were any.
    pub(crate) fn make_room(&self) -> bool {
        let all: Vec<Arc<Views>> = self.0.views.lock().iter().filter_map(Weak::upgrade).collect();
        all.iter().filter(|views| views.make_room()).count() > 0
    }

    /// Every policy that lives, named or not.
    fn all(&self) -> Vec<Policy> {
        self.all_of(&self.0.policies.lock())
    }

    fn all_of(&self, named: &Known) -> Vec<Policy> {
        let named = named.all().map(|known| known.policy(self));
        named.chain(self.0.unnamed.lock().iter().filter_map(|weak| weak.upgrade(self))).collect()
    }

    /// The first policy of that name that was built.
    pub fn find(&self, name: &str) -> Option<Policy> {
        self.0.policies.lock().of(name).first().map(|known| known.policy(self))
    }

    /// All named policies, by name.
    pub fn policies(&self) -> Vec<Policy> {
        self.0.policies.lock().all().map(|known: &Kept| known.policy(self)).collect()
    }

    /// Applies transitions that are due, so that listeners hear of them without a call.
    pub fn tick(&self) {
        // A helper comes for the first time within its period of 100 ms after somebody began to listen.
        let since = match self.0.events.has_listened() {
            true => Tick::ZERO,
            false => Tick(self.clock().now().0.saturating_sub(Span::millis(150).0)),
        };
        for policy in self.all() {
            policy.apply_what_is_due(since);
        }
        self.say_troubles();
        self.tell();
    }

    /// All metrics in Prometheus text form.
    pub fn metrics(&self) -> String {
        metrics::prometheus(self)
    }

    pub(crate) fn gate(&self) -> bool {
        self.0.gate
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.0.listeners
    }

    pub(crate) fn downgrade(&self) -> WeakRegistry {
        WeakRegistry(Arc::downgrade(&self.0))
    }

    /// Runs a look at a part that belongs to no policy; what it notes is dropped.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut Cx) -> R) -> R {
        look(&mut Cx { now: self.clock().now(), rng: self.rng(), notes: &mut Vec::new() })
    }

    pub(crate) fn names(&self) -> &Names {
        &self.0.names
    }

    /// A fault of ours that let a call through: counted, and one event.
    pub fn internal(&self, policy: Option<&str>, what: &str) {
        self.0.internal.fetch_add(1, Ordering::Relaxed);
        self.publish(EventKind::Internal, PartKind::Call, policy, what);
    }

    fn publish(&self, kind: EventKind, part: PartKind, policy: Option<&str>, what: &str) {
        if self.0.events.wanted() {
            let event = crate::events::Event::of_registry(kind, part, self.clock().now(), policy, what);
            self.0.events.publish(std::iter::once(event));
        }
    }

    /// Leaves tickets to wake to the next driver that looks: whoever should wake them is going.
    pub fn strand(&self, wakes: Vec<u64>) {
        if !wakes.is_empty() {
            crate::run::wait::wake_own(&wakes);
            let mut stranded = self.0.stranded.lock();
            stranded.extend(wakes);
            // Release, and under the lock: who sees the mark finds the tickets, who takes them clears it.
            self.0.any_stranded.store(true, Ordering::Release);
        }
    }

    /// Whether there are tickets that nobody has woken yet.
    #[inline]
    pub(crate) fn has_stranded(&self) -> bool {
        self.0.any_stranded.load(Ordering::Acquire)
    }

    /// Tickets whose waker is gone, and those that a reload admitted: a driver wakes them with its own.
    pub fn take_stranded(&self) -> Vec<u64> {
        self.take_some_stranded(usize::MAX)
    }

    /// At most `room` of them; the others wait for the next who asks.
    pub fn take_some_stranded(&self, room: usize) -> Vec<u64> {
        // Every step of every call looks here, so it does without the lock where there is nothing.
        if !self.has_stranded() {
            return Vec::new();
        }
        let mut stranded = self.0.stranded.lock();
        let fits = stranded.len().min(room);
        self.0.any_stranded.store(fits < stranded.len(), Ordering::Relaxed);
        stranded.drain(..fits).collect()
    }

    /// How many faults of ours let a call through.
    pub fn internal_faults(&self) -> u64 {
        self.0.internal.load(Ordering::Relaxed)
    }

    /// In a forked child: what the parent's callers hold is not the child's to give back.
    pub(crate) fn forked(&self) {
        self.all().iter().for_each(Policy::forget_callers);
        self.listeners().forked();
    }
}
