//! The pass path in a few loads: where the gate and a tally are.
//!
//! What the core's `Overlay` allows, kept beside the policy for as long as no settings change. Only
//! where one thread runs at a time; without that lock every pass goes through the core.

use seawall::Policy;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rises when settings or the off switch of any registry change.
static CHANGES: AtomicU64 = AtomicU64::new(1);

/// Called after each change, by whoever made it.
pub fn settings_changed() {
    CHANGES.fetch_add(1, Ordering::Relaxed);
}

/// Looked up by one thread and used by all: whoever writes a tally holds the interpreter's lock, so
/// that a line has one writer at a time.
pub struct Lane(Cell<Known>);

// SAFETY: only used with the interpreter attached, where it has a lock; never used otherwise.
unsafe impl Sync for Lane {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Lane {}

#[derive(Copy, Clone)]
struct Known {
    /// The number of changes that this was looked up at.
    changes: u64,
    /// Shut where a pass must be told when it began, which needs a clock.
    gate: *const AtomicU64,
    /// The gate itself.
    word: *const AtomicU64,
    /// The tally, and after it its limit.
    tally: *const [AtomicU64; 2],
}

static SHUT: AtomicU64 = AtomicU64::new(0);
static FULL: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
const NOWHERE: Known = Known { changes: 0, gate: &raw const SHUT, word: &raw const SHUT, tally: &raw const FULL };

impl Lane {
    pub const fn new() -> Lane {
        Lane(Cell::new(NOWHERE))
    }

    /// The gate, if what is known here is up to date and the gate says *pass*.
    ///
    /// # Safety
    /// The interpreter is attached; the policy that was last looked at is alive.
    #[inline(always)]
    pub unsafe fn pass(&self) -> Option<u32> {
        // SAFETY: as promised, for the core keeps the cell as long as the policy's handle.
        unsafe {
            let known = &*self.0.as_ptr();
            if known.changes != CHANGES.load(Ordering::Relaxed) {
                return None;
            }
            let gate = (*known.gate).load(Ordering::Acquire) as u32;
            (gate & 1 == 1).then_some(gate)
        }
    }

    /// Counts the success of a call that found this gate; false: the core must be told.
    ///
    /// # Safety
    /// As for `pass`.
    #[inline(always)]
    pub unsafe fn count(&self, found: u32) -> bool {
        // SAFETY: as in `pass`. Whoever is here holds the interpreter's lock.
        unsafe {
            let known = &*self.0.as_ptr();
            let (gate, [tally, limit]) = (&*known.word, &*known.tally);
            let made = tally.load(Ordering::Relaxed);
            // Settings that changed meanwhile need no look: the gate of cells that were left says *pass* no more.
            if gate.load(Ordering::Acquire) as u32 != found || made >= limit.load(Ordering::Relaxed) {
                return false;
            }
            // Release: a judge that reads the tally sees the call as over.
            tally.store(made + 1, Ordering::Release);
            true
        }
    }

    /// Whether the line it leads to has credit.
    ///
    /// # Safety
    /// As for `pass`.
    pub unsafe fn has_credit(&self) -> bool {
        // SAFETY: as in `pass`.
        let [tally, limit] = unsafe { &*self.0.get().tally };
        tally.load(Ordering::Relaxed) < limit.load(Ordering::Relaxed)
    }

    /// Whether it was looked up since the last change.
    pub fn is_known(&self) -> bool {
        self.0.get().changes == CHANGES.load(Ordering::Relaxed)
    }

    pub fn leads_somewhere(&self) -> bool {
        !std::ptr::eq(self.0.get().word, &raw const SHUT)
    }

    /// Looks up what the calls that follow need, for a policy whose calls need not ask before.
    pub fn look(&self, policy: &Policy) {
        if cfg!(Py_GIL_DISABLED) {
            return;
        }
        let changes = CHANGES.load(Ordering::Relaxed);
        self.0.set(match policy.own_overlay() {
            Some((gate, own)) => {
                // What is at the addresses is shared, and written by atomic operations only.
                let word = std::ptr::with_exposed_provenance(gate);
                let gate = if policy.config().retry.is_none() { word } else { NOWHERE.gate };
                Known { changes, gate, word, tally: std::ptr::with_exposed_provenance(own) }
            }
            _ => Known { changes, ..NOWHERE },
        });
    }
}
