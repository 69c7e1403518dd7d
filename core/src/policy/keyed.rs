//! The views of a policy by key.

use super::{Handle, Live, Policy};
use crate::sync::{Arc, Chain, Ordering, Weak};

/// A view that lives as long as somebody else holds it.
pub(crate) struct WeakView(Weak<Handle>);

impl WeakView {
    #[inline]
    pub(crate) fn upgrade(&self) -> Option<Policy> {
        self.0.upgrade().map(Policy)
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl Policy {
    /// The same policy for one key (a model, a tenant, a host), with cells of its own. The view
    /// holds them as long as it lives. A key has at most 256 bytes: calls of a longer one, and of one that
    /// finds `max_keys` in use, pass through the parts that are kept by key, and one `internal` event says so.
    pub fn at(&self, key: &str) -> Policy {
        if self.0.key.is_some() {
            return self.view(key);
        }
        let views = self.0.views.get_or_init(|| self.0.registry.new_views());
        if let Some(view) = views.find(self, key) {
            return view;
        }
        let view = self.view(key);
        if view.0.live.first().keyed_all {
            views.keep(&view);
        }
        view
    }

    fn view(&self, key: &str) -> Policy {
        let (registry, shared, key) = (self.0.registry.clone(), self.0.shared.clone(), Some(Arc::from(key)));
        let live = Chain::new(Live::choose(&registry, &shared, key.as_ref()));
        Policy::with_key(registry, shared, key, live)
    }

    /// The same view once more, so that each who holds one counts its holders by himself.
    pub(crate) fn again(&self) -> Policy {
        let handle = &*self.0;
        Policy::with_key(handle.registry.clone(), handle.shared.clone(), handle.key.clone(), handle.live.again())
    }

    pub(crate) fn weak_view(&self) -> WeakView {
        WeakView(Arc::downgrade(&self.0))
    }

    /// Whether this is the view of `whole` for `key`, under the settings in force.
    #[inline]
    pub(crate) fn is_view(&self, whole: &Policy, key: &str) -> bool {
        Arc::ptr_eq(&self.0.shared, &whole.0.shared) && self.key() == Some(key) && !self.is_outdated()
    }

    /// Whether the settings have changed since this handle was made.
    pub(crate) fn is_outdated(&self) -> bool {
        self.0.live.first().epoch < self.0.shared.epoch.load(Ordering::Acquire)
    }

    pub(crate) fn is_held_elsewhere(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Says that the view was asked for.
    #[inline]
    pub(crate) fn mark_used(&self) {
        // Relaxed: it says only who is to go first. Read before: most often it stands there.
        if !self.0.used.load(Ordering::Relaxed) {
            self.0.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was since this was last asked.
    pub(crate) fn take_used(&self) -> bool {
        let used = self.0.used.load(Ordering::Relaxed);
        self.0.used.store(false, Ordering::Relaxed);
        used
    }
}
