//! Names to policies, and what all policies of a process share: clock, randomness, events, switch.

use crate::clock::Clock;
use crate::config::{Document, Environment, Layers, Packed, PolicyConfig, Scope, Value, host_options, resolve};
use crate::cx::Cx;
use crate::error::{ConfigCode, ConfigError};
use crate::event::{EventKind, PartKind};
use crate::events::Events;
use crate::metrics;
use crate::parts::{Latest, Names};
use crate::policy::{Kept, Policy, WeakPolicy};
use crate::rng::Rng;
use crate::run::listen::Listeners;
use crate::segment::{Host, SegmentOptions, Trouble};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, OnceLock, Ordering, RwLock, Weak};
use crate::time::{Span, Tick};
use crate::views::Views;
use std::collections::BTreeMap;

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
    /// Named policies, with the code layer they were built from.
    policies: Mutex<BTreeMap<String, Vec<Known>>>,
    file: RwLock<Option<Arc<File>>>,
    environment: Environment,
    /// The segment of policies in host scope, chosen with the first of them.
    host: OnceLock<Arc<Host>>,
    /// Every policy is in host scope, on a segment of this registry's own: for tests.
    everything_shared: bool,
}

struct Known {
    policy: Kept,
    code: Option<Packed>,
    place: Box<str>,
}

struct File {
    document: Document,
    /// Where `reload` reads it again; `None` for a text that was given.
    path: Option<String>,
}

impl Registry {
    fn new(clock: Clock, rng: Rng, environment: Environment) -> Registry {
        let enabled = environment.get("SEAWALL_ENABLED").is_none_or(is_on);
        Registry(Arc::new(Inner {
            clock,
            rng,
            enabled: AtomicBool::new(enabled),
            gate: !std::env::var("SEAWALL_GATE").is_ok_and(|value| !is_on(&value)),
            events: Events::default(),
            listeners: Listeners::default(),
            internal: AtomicU64::new(0),
            stranded: Mutex::new(Vec::new()),
            any_stranded: AtomicBool::new(false),
            unnamed: Mutex::new(Vec::new()),
            views: Mutex::new(Vec::new()),
            names: Names::default(),
            latest: Latest::default(),
            policies: Mutex::new(BTreeMap::new()),
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
        GLOBAL.get_or_init(|| Registry::new(Clock::monotonic(), Rng::from_entropy(), Environment::from_process()))
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
    fn host_of(&self, config: &PolicyConfig) -> Option<&Arc<Host>> {
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
        self.0.enabled.store(enabled, Ordering::Relaxed);
    }

    /// A policy that the file or the environment declares.
    pub fn named(&self, name: &str) -> Result<Policy, ConfigError> {
        self.read_file_once()?;
        if let Some(policy) = self.find(name) {
            return Ok(policy);
        }
        let file = self.file();
        let declared = file.as_ref().is_some_and(|file| file.document.has_policy(name));
        if !declared && !self.0.environment.mentions(name) {
            return Err(unknown_policy(name, file.as_deref()));
        }
        self.layered(Some(name), None, "file")
    }

    /// A policy given in code as JSON, in the shape of one `[policy.NAME]` table plus `name`.
    #[cfg(feature = "json")]
    pub fn policy(&self, json: &str) -> Result<Policy, ConfigError> {
        self.policy_at(json, "code")
    }

    /// The same; `place` says where, for `config_conflict` events.
    #[cfg(feature = "json")]
    pub fn policy_at(&self, json: &str, place: &str) -> Result<Policy, ConfigError> {
        self.policy_of(crate::config::from_json(json)?, place)
    }

    /// A policy given in code as a tree of options; `place` says where.
    pub(crate) fn policy_of(&self, options: Value, place: &str) -> Result<Policy, ConfigError> {
        self.read_file_once()?;
        self.layered(None, Some(options), place)
    }

    /// A policy that is already resolved.
    pub fn build(&self, config: PolicyConfig) -> Policy {
        self.remember(config, None, "code")
    }

    fn layered(&self, name: Option<&str>, code: Option<Value>, place: &str) -> Result<Policy, ConfigError> {
        let file = self.file();
        let layers = Layers {
            preset: None,
            file: file.as_ref().map(|file| &file.document),
            code: code.as_ref(),
            environment: &self.0.environment,
        };
        let config = resolve(&layers, name)?;
        if let Some(name) = &config.name {
            let policies = self.0.policies.lock();
            let others: Vec<&str> = policies.keys().map(String::as_str).collect();
            self.0.environment.check_clash(name, &others)?;
        }
        Ok(self.remember(config, code, place))
    }

    fn remember(&self, config: PolicyConfig, code: Option<Value>, place: &str) -> Policy {
        let mut policies = self.0.policies.lock();
        let known = config.name.as_ref().map(|name| policies.entry(name.clone()).or_default());
        if let Some(known) = &known
            && let Some(same) = known.iter().find(|known| *known.policy.config() == config)
        {
            return same.policy.policy(self);
        }
        let (families, conflicts) = self.0.names.families(&config, place, self.host_of(&config));
        let policy = Policy::new(self.clone(), self.0.latest.shared(&config), families);
        match known {
            Some(known) => {
                let code = code.as_ref().map(Packed::of);
                // Almost always the only one of its name.
                known.reserve_exact(1);
                known.push(Known { policy: policy.keep(), code, place: place.into() });
            }
            None => self.remember_unnamed(&policy),
        }
        drop(policies);
        for conflict in conflicts {
            let (part, name) = (conflict.part.as_str(), conflict.name);
            let detail = format!(
                "{part} `{name}` has other settings in {place} than first in {}; the first are kept",
                conflict.first
            );
            policy.publish_one(EventKind::ConfigConflict, conflict.part, &detail);
        }
        policy
    }

    fn remember_unnamed(&self, policy: &Policy) {
        let mut unnamed = self.0.unnamed.lock();
        // Before the list would grow: whoever is gone makes room.
        if unnamed.len() == unnamed.capacity() {
            unnamed.retain(WeakPolicy::is_alive);
        }
        unnamed.push(policy.downgrade());
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
        let unnamed: Vec<Policy> = self.0.unnamed.lock().iter().filter_map(|weak| weak.upgrade(self)).collect();
        self.policies().into_iter().chain(unnamed).collect()
    }

    /// The first policy of that name that was built.
    pub fn find(&self, name: &str) -> Option<Policy> {
        self.0.policies.lock().get(name).and_then(|known| known.first()).map(|known| known.policy.policy(self))
    }

    /// All named policies, by name.
    pub fn policies(&self) -> Vec<Policy> {
        self.0.policies.lock().values().flatten().map(|known| known.policy.policy(self)).collect()
    }

    /// Takes `toml` as the configuration file. Policies that exist take up what it says about them.
    pub fn load(&self, toml: &str, source: &str) -> Result<(), ConfigError> {
        self.put_in_force(File { document: Document::parse_toml(toml, source)?, path: None })
    }

    /// Takes the file at `path` as the configuration; [`Registry::reload`] reads it again.
    pub fn load_path(&self, path: &str) -> Result<(), ConfigError> {
        let document = read(path)?;
        self.put_in_force(File { document, path: Some(path.to_owned()) })
    }

    /// Reads the file again. If anything in it is wrong, nothing changes.
    pub fn reload(&self) -> Result<(), ConfigError> {
        self.read_file_once()?;
        match self.file().and_then(|file| file.path.clone()) {
            Some(path) => self.load_path(&path),
            None => Ok(()),
        }
    }

    fn put_in_force(&self, file: File) -> Result<(), ConfigError> {
        let resolved = |code: Option<Value>, name: &str| {
            let environment = &self.0.environment;
            resolve(&Layers { preset: None, file: Some(&file.document), code: code.as_ref(), environment }, Some(name))
        };
        // All of it must be right before any of it counts, the policies that nobody uses yet too.
        for name in file.document.names() {
            resolved(None, name)?;
        }
        let policies = self.0.policies.lock();
        let mut changed = Vec::new();
        for (name, known) in policies.iter().flat_map(|(name, list)| list.iter().map(move |known| (name, known))) {
            let config = resolved(known.code.as_ref().map(Packed::value), name)?;
            if config != *known.policy.config() {
                changed.push((known.policy.policy(self), config, known.place.clone()));
            }
        }
        drop(policies);
        for (policy, config, place) in changed {
            let (families, wakes) =
                self.0.names.reconfigure(&config, &place, self.host_of(&config), self.clock().now());
            policy.reconfigure(config, families);
            self.strand(wakes);
        }
        self.say_troubles();
        *self.0.file.write() = Some(Arc::new(file));
        Ok(())
    }

    fn read_file_once(&self) -> Result<(), ConfigError> {
        if self.file().is_some() {
            return Ok(());
        }
        match self.0.environment.get("SEAWALL_CONFIG") {
            Some(path) => self.load_path(path),
            None => Ok(()),
        }
    }

    fn file(&self) -> Option<Arc<File>> {
        self.0.file.read().clone()
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

    /// Tickets whose waker is gone, and those that a reload admitted: a driver wakes them with its own.
    pub fn take_stranded(&self) -> Vec<u64> {
        self.take_some_stranded(usize::MAX)
    }

    /// At most `room` of them; the others wait for the next who asks.
    pub fn take_some_stranded(&self, room: usize) -> Vec<u64> {
        // Every step of every call looks here, so it does without the lock where there is nothing.
        if !self.0.any_stranded.load(Ordering::Acquire) {
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
    pub fn forked(&self) {
        crate::cell::forked();
        self.all().iter().for_each(Policy::forget_callers);
        self.listeners().forked();
    }

    /// The timeout of a kind of operation: 60 s `llm`, 5 s `auth`, 10 s `db`, 15 s `http`, 30 s else,
    /// unless the file says otherwise.
    pub fn operation_timeout(&self, operation: &str) -> Span {
        crate::config::operation_timeout(self.file().as_ref().map(|file| &file.document), operation)
    }

    /// The bulkhead limit of a kind of resource: 10 `llm`, 50 `openfga`, 100 `redis`, 20 `db`, 25
    /// else, unless the file says otherwise.
    pub fn resource_limit(&self, resource: &str) -> u32 {
        crate::config::resource_limit(self.file().as_ref().map(|file| &file.document), resource)
    }
}

fn is_on(value: &str) -> bool {
    !matches!(value.trim().to_ascii_lowercase().as_str(), "false" | "0" | "off" | "no")
}

fn read(path: &str) -> Result<Document, ConfigError> {
    let bytes = std::fs::read(path).map_err(|error| ConfigError {
        code: ConfigCode::Syntax,
        path: String::new(),
        reason: format!("cannot read the configuration file: {error}"),
        suggestion: None,
        source: Some(path.to_owned()),
    })?;
    Document::parse_bytes(&bytes, path)
}

fn unknown_policy(name: &str, file: Option<&File>) -> ConfigError {
    let names = file.map(|file| file.document.names()).unwrap_or_default();
    let reason = match file {
        Some(_) => format!("no policy is called `{name}`"),
        None => {
            format!("no policy is called `{name}`, and no configuration file was read (set SEAWALL_CONFIG or load one)")
        }
    };
    ConfigError {
        code: ConfigCode::UnknownOption,
        path: format!("/policy/{name}"),
        reason,
        suggestion: crate::config::nearest(name, names).map(str::to_owned),
        source: file.map(|file| file.document.source().to_owned()),
    }
}
