//! What happens around a fork of this process.

use crate::registry::{Registry, WeakRegistry};
use crate::segment;
use crate::sync::{FORKS, Mutex, OnceLock, Ordering, fixed::AtomicUsize};

/// How many forks lie between the first process and this one.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whose callers a child has to forget.
fn registries() -> &'static Mutex<Vec<WeakRegistry>> {
    static REGISTRIES: OnceLock<Mutex<Vec<WeakRegistry>>> = OnceLock::new();
    REGISTRIES.get_or_init(Mutex::default)
}

/// A number that is another in a forked child.
#[inline]
pub(crate) fn count() -> usize {
    // Relaxed: changed only while one thread runs.
    COUNT.load(Ordering::Relaxed)
}

/// Has the handlers run around every fork from now on; registered once.
pub(crate) fn watch() -> Result<(), String> {
    static WATCHED: OnceLock<Result<(), String>> = OnceLock::new();
    let registered =
        || segment::at_fork(before, in_parent, in_child).map_err(|error| format!("no fork handler: {error}"));
    WATCHED.get_or_init(registered).clone()
}

/// A forked child forgets the callers that its parent has in this registry.
pub(crate) fn watch_over(registry: &Registry) {
    // Where there is no handler there is no host scope, which says why.
    let _ = watch();
    let mut registries = registries().lock();
    if registries.len() == registries.capacity() {
        registries.retain(|known| known.upgrade().is_some());
    }
    registries.push(registry.downgrade());
}

/// Until nobody is inside a lock of ours, and nobody new comes in.
extern "C" fn before() {
    FORKS.begin();
}

extern "C" fn in_parent() {
    FORKS.end();
}

extern "C" fn in_child() {
    let quiet = FORKS.end_in_child();
    crate::cell::forked();
    segment::forked();
    COUNT.fetch_add(1, Ordering::AcqRel);
    // Else somebody stayed in a lock for a second, and it may be one of these.
    if quiet {
        let registries: Vec<Registry> = registries().lock().iter().filter_map(WeakRegistry::upgrade).collect();
        registries.iter().for_each(Registry::forked);
    }
}

#[cfg(all(test, feature = "json", not(loom)))]
mod tests {
    use crate::Registry;
    use crate::breaker::State;
    use crate::bulkhead::Entry;
    use crate::outcome::Outcome;
    use crate::time::Span;

    #[test]
    fn a_forked_child_has_all_probes_and_permits_again() {
        let registry = Registry::manual(1);
        let policy = registry
            .policy(
                r#"{"name":"p","breaker":{"window":{"kind":"consecutive","failures":1},"open_for":"5s"},
                    "bulkhead":{"limit":1}}"#,
            )
            .unwrap();
        let permit = policy.acquire().unwrap();
        policy.record(permit, Outcome::Failure, Span::ZERO, None);
        registry.clock().advance(Span::secs(5));
        let probe = policy.acquire().unwrap();
        assert!(policy.acquire().is_err());
        assert!(matches!(policy.enter(None), Entry::Admitted(_)));
        assert!(matches!(policy.enter(None), Entry::Refused(_)));
        registry.forked();
        assert_eq!(policy.state(), Some(State::HalfOpen));
        let mine = policy.acquire().expect("the parent's probe is not the child's");
        policy.record(probe, Outcome::Failure, Span::ZERO, None);
        assert_eq!(policy.state(), Some(State::HalfOpen), "a report of the parent's probe is stale");
        policy.record(mine, Outcome::Success, Span::ZERO, None);
        assert_eq!(policy.state(), Some(State::Closed));
        assert!(matches!(policy.enter(None), Entry::Admitted(_)));
    }
}
