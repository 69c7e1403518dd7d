//! The places: how many there are and how many are taken, here or at the door of the host.

use super::door::{Place, Quick};
use super::{Bulkhead, ENTERED, LEFT, LIMIT, ONE_LEFT, WAITED_FOR};
use crate::cell;
use crate::cx::Cx;
use crate::event::{EventKind, Note, PartKind};
use crate::sync::Ordering;

impl Bulkhead {
    /// One more inside, if there is room.
    #[inline(always)]
    pub(super) fn take(&self) -> bool {
        if self.host.is_none() { self.take_own() } else { self.take_at() }
    }

    // What is rare is apart, for whose sake it would save registers. In a library the slot may be found by a
    // call, over which all that is known by then is saved: so that is asked first, and each finds the door by
    // itself.
    #[inline(always)]
    fn take_at(&self) -> bool {
        let slot = cell::known_slot();
        match self.host.as_ref().map_or(Quick::Not, |door| door.take_nearest(slot)) {
            Quick::Done => true,
            Quick::Late(place) => self.take_after(place),
            Quick::Not => self.take_any_at(),
        }
    }

    #[cold]
    #[inline(never)]
    fn take_after(&self, place: Place<'_>) -> bool {
        if let Some(door) = &self.host {
            door.undo(place);
        }
        self.take_any_at()
    }

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
    fn take_own(&self) -> bool {
        let [entered, left, limit] = [ENTERED, LEFT, LIMIT].map(|word| self.own(word));
        let mut gone = left.load(Ordering::Acquire);
        loop {
            // After those that left: in between can only be more that do.
            let come = entered.load(Ordering::Acquire);
            // Relaxed: who just misses a resize came a moment earlier.
            if come.saturating_sub(gone / ONE_LEFT) < limit.load(Ordering::Relaxed) {
                // AcqRel: a place is taken once, and what its last holder did is seen.
                if entered.compare_exchange_weak(come, come + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
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

    /// One less; `false` where somebody waits for it.
    #[inline(always)]
    pub(super) fn give(&self) -> bool {
        if self.host.is_some() {
            return self.give_at();
        }
        // AcqRel: what was done inside is seen by who takes the place.
        self.own(LEFT).fetch_add(ONE_LEFT, Ordering::AcqRel) & WAITED_FOR == 0
    }

    #[inline(always)]
    fn give_at(&self) -> bool {
        let slot = cell::known_slot();
        match self.host.as_ref().map_or(Quick::Not, |door| door.give_nearest(slot)) {
            Quick::Done => self.is_left_alone(),
            Quick::Late(place) => self.give_after(place),
            Quick::Not => self.give_any_at(),
        }
    }

    #[cold]
    #[inline(never)]
    fn give_after(&self, place: Place<'_>) -> bool {
        if let Some(door) = &self.host {
            door.given_late(place);
        }
        self.is_left_alone()
    }

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
        let gone = self.own(LEFT).load(Ordering::Acquire) / ONE_LEFT;
        self.own(ENTERED).load(Ordering::Acquire).saturating_sub(gone)
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
