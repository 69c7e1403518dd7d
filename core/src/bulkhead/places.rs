//! The places: how many there are and how many are taken, here or at the door of the host.

use super::{Bulkhead, ENTERED, LEFT, LIMIT, ONE_LEFT, WAITED_FOR};
use crate::cell::Near;
use crate::cx::Cx;
use crate::event::{EventKind, Note, PartKind};
use crate::sync::Ordering;

impl Bulkhead {
    /// One more inside, if there is room.
    pub(super) fn take(&self) -> bool {
        match &self.near {
            None => self.take_own(),
            Some(near) => near.take() || self.take_any_at(),
        }
    }

    #[cold]
    #[inline(never)]
    fn take_any_at(&self) -> bool {
        self.host.as_ref().and_then(|door| door.take()).unwrap_or_else(|| self.take_unplaced())
    }

    /// While this process is by itself.
    #[cold]
    fn take_unplaced(&self) -> bool {
        let Some(door) = &self.host else { return self.take_own() };
        let taken = door.come_unplaced(self.own_limit());
        if taken {
            // Relaxed: a total that nothing is decided by.
            self.own(ENTERED).fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// The same for who found none: the dead may have had it.
    pub(super) fn take_of_the_dead(&self, cx: &mut Cx) -> bool {
        let count = self.host.as_ref().map_or(0, |door| door.reclaim());
        if count == 0 {
            return false;
        }
        let note = Note::new(EventKind::PermitReclaimed, PartKind::Bulkhead, cx.now);
        cx.note(Note { reason: "process_died", count, ..note });
        self.take()
    }

    #[inline(always)]
    pub(super) fn take_own(&self) -> bool {
        let [entered, left, limit] = [ENTERED, LEFT, LIMIT].map(|word| self.own(word));
        let mut gone = left.load(Ordering::Acquire);
        loop {
            // After those that left: in between can only be more that do.
            let come = entered.load(Ordering::Acquire);
            // Relaxed: who just misses a resize came a moment earlier.
            if come.saturating_sub(gone / ONE_LEFT) < limit.load(Ordering::Relaxed) {
                // SeqCst: a place is taken once, and what its last holder did is seen; and ordered with the look at the
                // circuit that follows.
                if entered.compare_exchange_weak(come, come + 1, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                    return true;
                }
                continue;
            }
            let now = left.load(Ordering::Acquire);
            if now / ONE_LEFT == gone / ONE_LEFT {
                return false;
            }
            gone = now;
        }
    }

    /// One less; `false` where somebody waits for it. `near` is that of this bulkhead.
    #[inline(always)]
    pub(crate) fn give_by(&self, near: Option<&Near>) -> bool {
        match near {
            // AcqRel: what was done inside is seen by who takes the place.
            None => self.own(LEFT).fetch_add(ONE_LEFT, Ordering::AcqRel) & WAITED_FOR == 0,
            Some(near) if near.give_back() => self.is_left_alone(),
            Some(_) => self.give_any_at(),
        }
    }

    /// The same for who does not have it at hand.
    pub(crate) fn give(&self) -> bool {
        self.give_by(self.near.as_deref())
    }

    #[cold]
    #[inline(never)]
    fn give_any_at(&self) -> bool {
        if let Some(door) = &self.host {
            door.give_back();
        }
        self.is_left_alone()
    }

    #[inline(always)]
    fn is_left_alone(&self) -> bool {
        // SeqCst: after the place is free, as who begins to wait looks for one after he says so.
        self.own(LEFT).load(Ordering::SeqCst) & WAITED_FOR == 0
    }

    /// So many less.
    pub(super) fn give_some(&self, places: u64) {
        for _ in 0..places {
            self.give();
        }
    }

    /// The limit was lowered, and more are inside of this process than there may be.
    pub(super) fn is_over_full(&self) -> bool {
        let gone = self.own(LEFT).load(Ordering::Acquire) / ONE_LEFT;
        self.own(ENTERED).load(Ordering::Acquire).saturating_sub(gone) > self.own_limit()
    }

    pub(super) fn in_use(&self) -> u64 {
        if let Some(door) = &self.host {
            return door.in_use();
        }
        // SeqCst: whoever has opened the circuit sees who came in before.
        let gone = self.own(LEFT).load(Ordering::SeqCst) / ONE_LEFT;
        self.own(ENTERED).load(Ordering::SeqCst).saturating_sub(gone)
    }

    pub(super) fn limit(&self) -> u64 {
        self.host.as_ref().and_then(|door| door.limit()).unwrap_or_else(|| self.own_limit())
    }

    fn own_limit(&self) -> u64 {
        // Relaxed: who just misses a resize came a moment earlier.
        self.own(LIMIT).load(Ordering::Relaxed)
    }

    pub(super) fn set_limit(&self, limit: u32) {
        if let Some(door) = &self.host {
            door.resize(limit);
        }
        self.set_own_limit(limit);
    }

    pub(super) fn set_own_limit(&self, limit: u32) {
        self.own(LIMIT).store(u64::from(limit), Ordering::Relaxed);
    }

    pub(super) fn count(&self, total: usize) {
        if self.host.as_ref().and_then(|door| door.count(total)).is_none() {
            // Relaxed: a total that nothing is decided by.
            self.own(total).fetch_add(1, Ordering::Relaxed);
        }
    }
}
