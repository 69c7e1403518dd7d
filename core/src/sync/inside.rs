//! Who is inside a lock of the core, so that a fork can wait until nobody is.
//!
//! A child has only the thread that forked: a lock that another thread held at that moment would
//! never be opened in it. So whoever takes a lock says so before, and a fork lets nobody new in and
//! waits for those inside.

use super::{AtomicUsize, Ordering, in_one_order};
#[cfg(not(loom))]
use std::time::{Duration, Instant};

/// Threads are spread over so many counters.
pub(crate) const SEATS: usize = if cfg!(loom) { 2 } else { 64 };

/// How long a fork waits for a thread that stays inside, with a slow disk perhaps.
#[cfg(not(loom))]
const PATIENCE: Duration = Duration::from_secs(1);

/// And how often it looks before that counts, for five times as long at most: while the whole machine stood still
/// nobody could leave.
#[cfg(not(loom))]
const LOOKS: u32 = 1_000;

#[repr(align(64))]
struct Seat(AtomicUsize);

/// The forks of a process and those they wait for.
pub(crate) struct Forks {
    /// Forks that are under way.
    under_way: AtomicUsize,
    inside: [Seat; SEATS],
}

/// The forks of this process.
#[cfg(not(loom))]
pub(crate) static FORKS: Forks =
    Forks { under_way: AtomicUsize::new(0), inside: [const { Seat(AtomicUsize::new(0)) }; SEATS] };

impl Forks {
    #[cfg(loom)]
    pub(crate) fn new() -> Forks {
        Forks { under_way: AtomicUsize::new(0), inside: std::array::from_fn(|_| Seat(AtomicUsize::new(0))) }
    }

    /// Before a lock, by a thread that is inside of none.
    #[inline]
    pub(crate) fn sit(&self, seat: usize) {
        // SeqCst, both here and in `close`: either the fork sees who sits, or who sits sees the fork.
        self.inside[seat].0.fetch_add(1, Ordering::SeqCst);
        in_one_order();
        if self.under_way.load(Ordering::SeqCst) > 0 {
            self.let_pass(seat);
        }
    }

    /// After its last lock was opened.
    #[inline]
    pub(crate) fn rise(&self, seat: usize) {
        // Release: the fork copies what was done inside.
        self.inside[seat].0.fetch_sub(1, Ordering::Release);
    }

    #[cold]
    fn let_pass(&self, seat: usize) {
        loop {
            self.rise(seat);
            while self.under_way.load(Ordering::Relaxed) > 0 {
                pause();
            }
            self.inside[seat].0.fetch_add(1, Ordering::SeqCst);
            in_one_order();
            if self.under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
        }
    }

    fn is_anybody_inside(&self) -> bool {
        // SeqCst: see `sit`. It acquires as well: what those who left have done is there.
        self.inside.iter().any(|seat| seat.0.load(Ordering::SeqCst) > 0)
    }

    pub(crate) fn close(&self) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        in_one_order();
    }

    /// Before a fork, by the thread that forks: returns when nobody is inside, or after a second, or five
    /// where it hardly ran meanwhile.
    #[cfg(not(loom))]
    pub(crate) fn begin(&self) {
        self.close();
        let (begun, mut looks) = (Instant::now(), 0);
        let patience = |looks| if looks < LOOKS { 5 * PATIENCE } else { PATIENCE };
        while self.is_anybody_inside() && begun.elapsed() < patience(looks) {
            looks += 1;
            pause();
        }
    }

    #[cfg(loom)]
    pub(crate) fn begin(&self) {
        self.close();
        while self.is_anybody_inside() {
            pause();
        }
    }

    /// After it, in the parent.
    pub(crate) fn end(&self) {
        // Release: who waits begins after it.
        self.under_way.fetch_sub(1, Ordering::Release);
    }

    /// After it, in the child: `true` if no lock was taken along.
    #[cfg(not(loom))]
    pub(crate) fn end_in_child(&self) -> bool {
        let quiet = !self.is_anybody_inside();
        // Relaxed: there is one thread.
        self.inside.iter().for_each(|seat| seat.0.store(0, Ordering::Relaxed));
        self.under_way.store(0, Ordering::Relaxed);
        quiet
    }
}

#[cfg(not(loom))]
fn pause() {
    std::thread::sleep(Duration::from_micros(20));
}

#[cfg(loom)]
fn pause() {
    loom::thread::yield_now();
}
