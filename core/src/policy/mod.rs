//! A policy: parts in a fixed order, shared by everybody who names them.

mod by_hand;
mod keyed;
mod live;
mod reserved;

pub use by_hand::RetrySchedule;
pub(crate) use keyed::WeakView;
pub(crate) use live::Live;
pub use reserved::Reserved;

use crate::admission::Admission;
use crate::breaker::Breaker;
use crate::call::{Call, CallOptions};
use crate::config::{Packed, PolicyConfig};
use crate::cx::Cx;
use crate::event::{EventKind, Note, PartKind};
use crate::events::Event;
use crate::metrics::CallMetrics;
use crate::parts::Families;
use crate::pass::Pass;
use crate::registry::Registry;
use crate::required::Required;
use crate::segment::Host;
use crate::sync::{Arc, AtomicBool, AtomicU64, Chain, Link, OnceLock, Ordering, RwLock, Weak, process_unique};
use crate::time::Tick;
use crate::views::Views;

/// Of the settings that a policy begins with.
const FIRST_EPOCH: u64 = 1;

/// What all handles of one policy share. It knows no registry, which keeps it: the two would hold
/// each other for ever.
pub(crate) struct Shared {
    id: u64,
    name: Option<Arc<str>>,
    origin: Arc<Origin>,
    /// Made with the first call that has to be asked for.
    metrics: OnceLock<Box<CallMetrics>>,
    /// Set once it was said that blocking Rust code is not held to the attempt limit.
    unenforced: OnceLock<()>,
    /// The settings in force and the families they chose; `epoch` rises with each change.
    settings: RwLock<Settings>,
    epoch: AtomicU64,
    /// Where handles without a key begin.
    live: Arc<Link<Live>>,
}

/// Where a policy was declared, and what code gave there beside its name.
#[derive(Clone, PartialEq)]
pub(crate) struct Origin {
    pub place: Arc<str>,
    pub code: Option<Packed>,
}

/// The settings without the name, so that policies of one kind share them.
struct Settings {
    config: Arc<PolicyConfig>,
    families: Families,
}

/// A composed policy, or the view of it for one key. Cloning is cheap; all clones are one policy.
#[derive(Clone)]
pub struct Policy(Arc<Handle>);

/// A policy as its registry keeps it.
pub(crate) struct Kept(Arc<Shared>);

impl Kept {
    pub(crate) fn policy(&self, registry: &Registry) -> Policy {
        Policy::whole(registry.clone(), self.0.clone())
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.0.name.as_ref()
    }

    pub(crate) fn origin(&self) -> &Arc<Origin> {
        &self.0.origin
    }

    /// The settings in force, without the name.
    pub(crate) fn settings(&self) -> Arc<PolicyConfig> {
        self.0.settings.read().config.clone()
    }
}

/// A policy that lives as long as somebody else holds it.
pub(crate) struct WeakPolicy(Weak<Shared>);

impl WeakPolicy {
    pub(crate) fn upgrade(&self, registry: &Registry) -> Option<Policy> {
        self.0.upgrade().map(|shared| Policy::whole(registry.clone(), shared))
    }
    pub(crate) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }
}

struct Handle {
    registry: Registry,
    shared: Arc<Shared>,
    key: Option<Arc<str>>,
    /// What it has worked with; the last link is in force, or there is a later one.
    live: Chain<Live>,
    /// Of the keys that this handle was asked for; made with the first one.
    views: OnceLock<Arc<Views>>,
    /// Of a view: see [`Policy::mark_used`].
    used: AtomicBool,
}

impl Policy {
    /// `config` is without the name.
    pub(crate) fn new(
        registry: Registry,
        name: Option<Arc<str>>,
        origin: Arc<Origin>,
        config: Arc<PolicyConfig>,
        families: Families,
    ) -> Policy {
        let settings = Settings { config, families };
        let (live, said) = Live::of(&registry, &settings, FIRST_EPOCH, None);
        let shared = Shared {
            id: process_unique(),
            name,
            origin,
            metrics: OnceLock::new(),
            unenforced: OnceLock::new(),
            settings: RwLock::new(settings),
            epoch: AtomicU64::new(FIRST_EPOCH),
            live: Link::new(live),
        };
        said.tell(&registry, shared.name.as_deref());
        Policy::whole(registry, Arc::new(shared))
    }

    fn whole(registry: Registry, shared: Arc<Shared>) -> Policy {
        let live = Chain::from(shared.live.clone());
        Policy::with_key(registry, shared, None, live)
    }

    fn with_key(registry: Registry, shared: Arc<Shared>, key: Option<Arc<str>>, live: Chain<Live>) -> Policy {
        let (views, used) = (OnceLock::new(), AtomicBool::new(false));
        Policy(Arc::new(Handle { registry, shared, key, live, views, used }))
    }

    pub(crate) fn keep(&self) -> Kept {
        Kept(self.0.shared.clone())
    }

    pub(crate) fn downgrade(&self) -> WeakPolicy {
        WeakPolicy(Arc::downgrade(&self.0.shared))
    }

    /// A number that no other policy of this process has.
    pub fn id(&self) -> u64 {
        self.0.shared.id
    }

    /// Its name, where it has one.
    pub fn name(&self) -> Option<&str> {
        self.0.shared.name.as_deref()
    }

    /// The key that this is the view of.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Where it lives.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The settings in force: those of the last reload, once a call or this was asked.
    pub fn config(&self) -> Arc<PolicyConfig> {
        let settings = &self.live().config;
        match self.name() {
            None => settings.clone(),
            Some(name) => Arc::new(PolicyConfig { name: Some(name.to_owned()), ..(**settings).clone() }),
        }
    }

    /// Whether the policy protects: neither switched off by itself nor for the process.
    pub fn enabled(&self) -> bool {
        self.live().enabled
    }

    /// Whether the host has nothing to add to a call that goes well: no value to keep, no cost to settle.
    pub fn keeps_nothing(&self) -> bool {
        let config = &self.live().config;
        config.cache.is_none() && config.cost.is_empty()
    }

    /// A call to be stepped; see [`crate::call`].
    pub fn call(&self) -> Call {
        Call::new(self.clone(), CallOptions::default())
    }

    /// The same, with what only the driver knows.
    pub fn call_with(&self, options: CallOptions) -> Call {
        Call::new(self.clone(), options)
    }

    /// A call whose first attempt ran under `pass` and did not succeed: report it with `done(1, …)`.
    pub fn call_after_pass(&self, pass: Pass, options: CallOptions) -> Call {
        self.call_after_admission(Admission::of(pass), options)
    }

    /// Runs a decision of a part with the registry's time and randomness, and publishes its notes.
    pub fn with<R>(&self, decide: impl FnOnce(&mut Cx) -> R) -> R {
        let mut notes = Vec::new();
        let registry = self.registry();
        let result = decide(&mut Cx { now: registry.clock().now(), rng: registry.rng(), notes: &mut notes });
        self.publish(&mut notes);
        result
    }

    /// Applies the transitions that time has made due, of every key.
    /// What other processes did before `since` is no news.
    pub(crate) fn apply_what_is_due(&self, since: Tick) {
        // Cells of others may have taken the place of ours.
        self.asked();
        for (key, breaker) in self.breakers() {
            let mut notes = Vec::new();
            let registry = self.registry();
            let mut cx = Cx { now: registry.clock().now(), rng: registry.rng(), notes: &mut notes };
            breaker.overhear(since, &mut cx);
            breaker.snapshot(&mut cx);
            if !notes.is_empty() && registry.events().wanted() {
                let named = |note| Event { key: key.clone(), ..self.event(note, "") };
                registry.events().publish(notes.into_iter().map(named));
            }
        }
    }

    /// In a forked child: nobody there will return what callers of the parent hold.
    pub(crate) fn forget_callers(&self) {
        let families = self.0.shared.settings.read().families.clone();
        if let Some(family) = &families.bulkhead {
            family.cells().iter().for_each(|(_, bulkhead)| bulkhead.forget_callers());
        }
        self.breakers().iter().for_each(|(_, breaker)| breaker.forget_probes());
    }

    fn breakers(&self) -> Vec<(Option<Arc<str>>, Arc<Breaker>)> {
        let families = self.0.shared.settings.read().families.clone();
        families.breaker.as_ref().map(|family| family.cells()).unwrap_or_default()
    }

    pub(crate) fn metrics(&self) -> &CallMetrics {
        self.0.shared.metrics.get_or_init(Box::default)
    }

    /// The same where there are some.
    #[inline(always)]
    pub(crate) fn known_metrics(&self) -> Option<&CallMetrics> {
        self.0.shared.metrics.get().map(|metrics| &**metrics)
    }

    /// Names what happened and hands it to the readers, if there are any.
    pub(crate) fn publish(&self, notes: &mut Vec<Note>) {
        if notes.is_empty() {
            return;
        }
        let events = self.registry().events();
        if events.wanted() {
            events.publish(notes.drain(..).map(|note| self.event(note, "")));
        }
        notes.clear();
    }

    /// The attempt limit of a preset or a file cannot stop blocking code that never promised to look at
    /// the time; said once.
    pub(crate) fn tell_unenforced(&self) {
        let has_limit = self.live().config.timeout.as_ref().is_some_and(|timeout| timeout.attempt.is_some());
        if has_limit && self.0.shared.unenforced.set(()).is_ok() {
            let what = "the attempt timeout is not enforced on blocking code: say `mode = \"cooperative\"` and look \
                        at the attempt's `remaining`, or use `run_apart` or `run_async`";
            self.registry().internal(self.name(), what);
        }
    }

    pub(crate) fn publish_one(&self, kind: EventKind, part: PartKind, detail: &str) {
        let now = self.registry().clock().now();
        self.registry().events().publish(std::iter::once(self.event(Note::new(kind, part, now), detail)));
    }

    fn event(&self, note: Note, detail: &str) -> Event {
        Event {
            sequence: 0,
            process: std::process::id(),
            policy_id: self.id(),
            policy: self.0.shared.name.clone(),
            key: self.0.key.clone(),
            note,
            detail: detail.into(),
        }
    }

    /// Puts new settings in force; handles take them up with their next call.
    pub(crate) fn reconfigure(&self, config: Arc<PolicyConfig>, families: Families) {
        let mut settings = self.0.shared.settings.write();
        *settings = Settings { config, families };
        self.choose_anew();
    }

    /// The settings and cells in force for who asks: in host scope the cells may be others than at the
    /// last look, and now and then it is seen whether the segment is still there.
    #[inline]
    pub(crate) fn asked(&self) -> &Live {
        let live = self.live();
        match &live.host {
            Some(host) => self.look_at_host(live, host),
            None => live,
        }
    }

    #[inline(never)]
    fn look_at_host<'a>(&'a self, live: &'a Live, host: &Host) -> &'a Live {
        let time_to_look = host.look();
        let is_settled = live.lacks.is_none() && !live.is_left_alone() && live.parts.are_current();
        if !time_to_look && is_settled {
            return live;
        }
        let families = self.0.shared.settings.read().families.clone();
        families.refresh(time_to_look);
        if live.lacks.is_some() {
            families.try_again(self.key());
        }
        self.registry().say_troubles();
        let parts = families.choose(self.key(), &|| false).parts;
        if !live.parts.are_same(&parts) || live.lacks != families.lack(&parts, Required::by(&live.config)) {
            self.choose_anew();
        }
        self.live()
    }

    /// Handles look again, with their next call, what the settings in force come to.
    pub(crate) fn choose_anew(&self) {
        // Release: a handle that sees the number finds the settings, the cells, and how the switch is.
        self.0.shared.epoch.fetch_add(1, Ordering::Release);
    }

    /// The settings and cells that this handle worked with last, and the epoch: they are in force unless theirs is an
    /// earlier one.
    #[inline(always)]
    pub(crate) fn last_live(&self) -> (&Live, u64) {
        (self.0.live.last(), self.0.shared.epoch.load(Ordering::Acquire))
    }

    /// The settings and cells in force for this handle.
    #[inline]
    pub(crate) fn live(&self) -> &Live {
        let (live, epoch) = self.last_live();
        if live.epoch >= epoch { live } else { self.later_live() }
    }

    // Out of line, for the registers that who seldom needs it would save.
    #[inline(never)]
    fn later_live(&self) -> &Live {
        let Handle { registry, shared, key, live, .. } = &*self.0;
        let epoch = shared.epoch.load(Ordering::Acquire);
        let mut last = live.last();
        // Each is of later settings than the one before; a new one is of those in force, or later.
        while last.epoch < epoch {
            last = live.go_on(last, || Live::choose(registry, shared, key.as_ref()));
        }
        last
    }

    /// The settings and cells that this handle worked with in `epoch`, or the latest before it; they
    /// live as long as the handle.
    pub(crate) fn live_of(&self, epoch: u64) -> &Live {
        let live = self.0.live.last();
        if live.epoch == epoch { live } else { self.former_live(epoch) }
    }

    #[cold]
    #[inline(never)]
    fn former_live(&self, epoch: u64) -> &Live {
        self.0.live.last_that(|live| live.epoch <= epoch)
    }

    /// What this handle works with, for who goes on with it by himself.
    pub(crate) fn keep_live(&self, live: &Live) -> Arc<Link<Live>> {
        self.0.live.keep(live)
    }
}
