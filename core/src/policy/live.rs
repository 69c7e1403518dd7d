//! The settings and cells in force, and what of them a call's first look needs.

use super::{Settings, Shared};
use crate::cell::Near;
use crate::clock::Clock;
use crate::config::PolicyConfig;
use crate::parts::Parts;
use crate::pass::{Pass, Start};
use crate::registry::Registry;
use crate::required::Required;
use crate::segment::{Host, NextLook};
use crate::sync::{Arc, Ordering};
use crate::time::{Span, Tick};

/// The settings and cells that a handle works with; after a reload it goes on to later ones.
pub(crate) struct Live {
    pub config: Arc<PolicyConfig>,
    pub parts: Parts,
    /// Where threads look for a place first, of a bulkhead that processes share.
    pub near: Option<Arc<Near>>,
    pub epoch: u64,
    /// Of a key that has a cell of each part that is kept by key.
    pub(super) keyed_all: bool,
    /// Switched off neither by its settings nor with all policies of the process.
    pub enabled: bool,
    /// What the settings say of `brief`.
    pub admits: bool,
    /// A call may run without a [`Call`] while the gate passes.
    pub fast: bool,
    /// A first attempt may run without one, where the driver is sure to report its end.
    pub brief: bool,
    /// The same, and all that it asks is a breaker: no place, and not when it began. Then the epoch, else less than any.
    pub simple_in: u64,
    /// A first attempt may run without one but for the time it may take, which the driver sees to: of calls that
    /// run already also while all policies are switched off.
    pub limited: bool,
    /// Neither a retry nor a fallback: a first attempt that fails is the end of the call.
    pub ends_at_once: bool,
    /// What a pass is told of when it began.
    pub start: Start,
    /// Why every call is refused: state is missing that the policy must share with other processes.
    pub lacks: Option<Arc<str>>,
    /// Where its cells are if other processes share them: a later look may find others in their place.
    pub host: Option<Arc<Host>>,
    /// When it is to be seen whether they still are there; at every call by a clock that is not the system's.
    pub next_look: NextLook,
    /// It may lose the place of its bulkhead, which it is not to go on without.
    pub needs_place: bool,
    /// The breaker counts slow calls.
    pub slow: bool,
    /// An open circuit is the last word: no fallback answers and no retry waits for it.
    pub refuses_early: bool,
}

impl Live {
    /// How long a call under a pass took, where that may be too long for the breaker.
    #[inline(always)]
    pub fn took(&self, pass: Pass, clock: &Clock) -> Span {
        if self.slow { self.took_so_long(pass, clock) } else { Span::ZERO }
    }

    /// Out of line, so that who counts no slow calls carries none of it.
    #[inline(never)]
    fn took_so_long(&self, pass: Pass, clock: &Clock) -> Span {
        let rule = self.parts.breaker.as_ref().and_then(|breaker| breaker.config().slow_call);
        match (pass.began(), rule) {
            (Some(began), Some(rule)) => clock.since_unless_within(began, rule.longer_than),
            _ => Span::ZERO,
        }
    }

    pub(super) fn choose(registry: &Registry, shared: &Shared, key: Option<&Arc<str>>) -> Live {
        let settings = shared.settings.read();
        // Read under the lock that a change holds, so that number and settings belong together.
        let epoch = shared.epoch.load(Ordering::Acquire);
        let (live, said) = Live::of(registry, &settings, epoch, key);
        drop(settings);
        said.tell(registry, shared.name.as_deref());
        live
    }

    pub(super) fn of(registry: &Registry, settings: &Settings, epoch: u64, key: Option<&Arc<str>>) -> (Live, Said) {
        let config = settings.config.clone();
        let chosen = settings.families.choose(key.map(|key| &**key), &|| registry.make_room());
        let keyed_all = key.is_some() && settings.families.keyed_all(&chosen.parts);
        let lacks = settings.families.lack(&chosen.parts, Required::by(&config));
        let enabled = registry.enabled() && config.enabled;
        let unlimited = registry.gate()
            && config.enabled
            && config.cost.is_empty()
            && config.cache.is_none()
            && config.retry.as_ref().is_none_or(|retry| retry.budget.is_none());
        let admits = unlimited && enabled && config.timeout.is_none();
        let brief = admits && lacks.is_none();
        let fast = brief && config.bulkhead.is_none();
        let limited =
            unlimited && lacks.is_none() && config.timeout.as_ref().is_some_and(|timeout| timeout.first().is_some());
        let ends_at_once = config.retry.is_none() && config.fallback.is_none();
        let slow = chosen.parts.breaker.as_ref().is_some_and(|breaker| breaker.config().slow_call.is_some());
        let start = match &config.retry {
            _ if slow => Start::Precise,
            None => Start::Untold,
            Some(retry) if retry.max_elapsed.is_some() => Start::Precise,
            Some(_) => Start::Coarse,
        };
        let simple = brief && start == Start::Untold && config.bulkhead.is_none() && chosen.parts.breaker.is_some();
        let simple_in = if simple { epoch } else { 0 };
        let refuses_early = enabled
            && lacks.is_none()
            && config.fallback.is_none()
            && config.cache.is_none()
            && config.cost.is_empty()
            && config.retry.as_ref().is_none_or(|retry| !retry.retry_refused && retry.budget.is_none());
        let parts = chosen.parts;
        let host = registry.host_of(&config).cloned();
        let next_look = match &host {
            None => NextLook::never(),
            Some(_) if registry.clock().is_manual() => NextLook::from(Tick::ZERO),
            Some(host) => host.next_look(),
        };
        let needs_place = config.host_required == Some(true) && parts.bulkhead.is_some();
        let near = parts.bulkhead.as_ref().and_then(|bulkhead| bulkhead.near().cloned());
        let live = Live {
            config,
            parts,
            near,
            epoch,
            keyed_all,
            enabled,
            admits,
            fast,
            brief,
            simple_in,
            limited,
            ends_at_once,
            start,
            lacks,
            slow,
            host,
            next_look,
            needs_place,
            refuses_early,
        };
        (live, Said(chosen.passed_by))
    }
}

/// What is to be said of a choice, once no lock is held.
pub(super) struct Said(Option<(&'static str, &'static str)>);

impl Said {
    pub(super) fn tell(self, registry: &Registry, policy: Option<&str>) {
        if let Some((part, why)) = self.0 {
            let detail = format!("calls of some keys pass through the {part}: {why}");
            registry.internal(policy, &detail);
        }
        registry.say_troubles();
    }
}
