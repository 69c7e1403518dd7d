//! Where each thread of this process looks for a place of a shared cell before it looks anywhere else: found by two
//! looks, and had or given back by one exchange. Nobody asks whether the cell still lives or its limit was lowered:
//! who ends the one or lowers the other closes every place first (`seats.rs`), and then the exchange fails.
//!
//! What no word of the cell says is who this process is there. Where that changes, in a forked child, and where
//! another file has the path of the segment, everything that is near anywhere in the process is taken away.

use super::{Block, Homes, LINE, Line, ROW, Seats, seats};
use crate::segment::{self, Held, Owner};
use crate::sync::{Arc, AtomicBool, AtomicPtr, AtomicU64, Mutex, Ordering, in_one_order};
use std::ptr::NonNull;

/// Threads whose slots differ by so many begin at the same place. The model checker sees one.
const THREADS: usize = if cfg!(loom) { 1 } else { Homes::MOST };

/// Lines of which nobody has anything, and nobody ever will; one for each, as all who are to ask try them first.
type Nobodys = [Line; THREADS];

/// The places of one door.
pub(crate) struct Near {
    /// The first words of whole lines: of cells in `kept`, or nobody's.
    lines: [AtomicPtr<AtomicU64>; THREADS],
    /// Who this process is there.
    me: AtomicU64,
    nobodys: &'static Nobodys,
    /// Nothing is to be near.
    is_kept_away: AtomicBool,
    /// All cells that ever were near. They stay, so that who has found a line needs no lock.
    kept: Mutex<Vec<Arc<Held>>>,
}

impl Near {
    /// Nothing is near yet.
    pub(crate) fn new() -> Arc<Near> {
        let nobodys = nobodys();
        let lines = std::array::from_fn(|thread| AtomicPtr::new(first_of(&nobodys[thread])));
        let (me, is_kept_away, kept) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(Vec::new()));
        let near = Arc::new(Near { lines, me, nobodys, is_kept_away, kept });
        all::enter(&near);
        near
    }

    /// Nobody takes anything here any more.
    pub(crate) fn end(&self) {
        self.take_away();
        all::leave(self);
    }

    /// The first word of the calling thread's line, and its last. That it has no slot is one as well.
    #[inline(always)]
    #[allow(unsafe_code)]
    fn ends(&self) -> (&AtomicU64, &AtomicU64) {
        // Acquire: what was written before it came near.
        let line = self.lines[super::slot_or_none() % THREADS].load(Ordering::Acquire);
        // SAFETY: a whole line, that of `kept` or one that is never freed.
        unsafe { (&*line, &*line.add(ROW)) }
    }

    /// Takes the place, if it is free and nobody closed it.
    #[inline(always)]
    pub(crate) fn take(&self) -> bool {
        let (place, count) = self.ends();
        // Relaxed: written before the line was. Who has a line of a file that is lost by now may find who we are in the
        // next one, and takes what nobody else will look at.
        let me = self.me.load(Ordering::Relaxed);
        // SeqCst: a place is one caller's, who sees what the one before him left; and ordered with the look, by who
        // waits, whether one came free. Not looked at before: it is most often free, and whoever waits for what it
        // says can as well wait for the exchange.
        let taken = place.compare_exchange(0, me, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        in_one_order();
        if taken {
            seats::count(count);
            segment::point("permit taken");
        }
        taken
    }

    /// Gives it back; `false` if it is not this process's, was carried over, or somebody closed it.
    #[inline(always)]
    pub(crate) fn give_back(&self) -> bool {
        let (place, _) = self.ends();
        let me = self.me.load(Ordering::Relaxed);
        // SeqCst: the next sees what this one did; and ordered with the look, by who gives back, whether somebody
        // waits.
        let given = place.compare_exchange(me, 0, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        in_one_order();
        if given {
            segment::point("permit returned");
        }
        given
    }

    /// Whether it is as it should be: near, if the places there are `open` to who does not ask.
    pub(crate) fn is_right(&self, open: bool) -> bool {
        let is_there = self.lines[0].load(Ordering::Acquire) != first_of(&self.nobodys[0]);
        is_there == (open && !self.is_kept_away.load(Ordering::Acquire))
    }

    /// Keeps all away, and no longer: newcomers are to ask, for somebody waits.
    pub(crate) fn keep_away(&self, yes: bool) {
        // SeqCst: see `bring`.
        self.is_kept_away.store(yes, Ordering::SeqCst);
        if yes {
            self.take_away();
        }
    }

    /// Brings near what `me` has in a cell, and takes it away again unless that still `stands`. Who changes what this
    /// looks at takes it away after; so one of the two sees the other. One at a time, where nothing is near; on the
    /// heap, where only the model checker has such cells, no longer than that.
    pub(crate) fn bring(&self, cell: &Block, me: Owner, places: Seats, homes: Homes, stands: impl FnOnce() -> bool) {
        if let Some(held) = cell.held() {
            let mut kept = self.kept.lock();
            if !kept.iter().any(|known| Arc::ptr_eq(known, held)) {
                kept.push(held.clone());
            }
        }
        self.me.store(me.word(), Ordering::Relaxed);
        for (thread, near) in self.lines.iter().enumerate() {
            if let Some(line) = cell.line_at(places.first + homes.of(Homes::near(me), thread) * LINE) {
                // SeqCst: before the look. Who finds the line finds who we are there.
                near.store(line.as_ptr(), Ordering::SeqCst);
            }
        }
        in_one_order();
        if self.is_kept_away.load(Ordering::SeqCst) || !stands() {
            self.take_away();
        }
    }

    pub(crate) fn take_away(&self) {
        // SeqCst: as in `bring`.
        in_one_order();
        for (near, nobodys) in self.lines.iter().zip(self.nobodys) {
            near.store(first_of(nobodys), Ordering::SeqCst);
        }
        in_one_order();
    }
}

fn first_of(line: &Line) -> *mut AtomicU64 {
    NonNull::from(&line.0).as_ptr().cast()
}

fn make_nobodys() -> &'static Nobodys {
    let lines: &Nobodys = Box::leak(Box::default());
    lines.iter().flat_map(|line| &line.0).for_each(|word| word.store(u64::MAX, Ordering::Relaxed));
    lines
}

#[cfg(not(loom))]
fn nobodys() -> &'static Nobodys {
    static NOBODYS: crate::sync::OnceLock<&Nobodys> = crate::sync::OnceLock::new();
    NOBODYS.get_or_init(make_nobodys)
}

/// The model checker knows no words that outlive a run.
#[cfg(loom)]
fn nobodys() -> &'static Nobodys {
    make_nobodys()
}

pub(crate) use all::{forked, take_all_away};

/// Everything that is near in this process.
#[cfg(not(loom))]
mod all {
    use super::{Arc, AtomicPtr, Mutex, Near, Ordering};
    use crate::sync::OnceLock;
    use std::ptr;

    /// Never freed, but used again: so a forked child finds all of them without a lock.
    struct Entry {
        /// Null, or an `Arc`'s own pointer, which this keeps.
        near: AtomicPtr<Near>,
        next: OnceLock<&'static Entry>,
    }

    static FIRST: Entry = Entry { near: AtomicPtr::new(ptr::null_mut()), next: OnceLock::new() };

    /// Held by who leaves, and by who goes through them all while others may leave.
    static LEAVING: Mutex<()> = Mutex::new(());

    fn entries() -> impl Iterator<Item = &'static Entry> {
        std::iter::successors(Some(&FIRST), |entry| entry.next.get().copied())
    }

    pub(super) fn enter(near: &Arc<Near>) {
        let near = Arc::into_raw(near.clone()).cast_mut();
        // AcqRel: an entry is one's. Looked at before: most are somebody's.
        let is_taken = |entry: &Entry| {
            entry.near.load(Ordering::Relaxed).is_null()
                && entry.near.compare_exchange(ptr::null_mut(), near, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        let mut entry = &FIRST;
        while !is_taken(entry) {
            let more = || Box::leak(Box::new(Entry { near: AtomicPtr::new(ptr::null_mut()), next: OnceLock::new() }));
            entry = entry.next.get_or_init(|| more());
        }
    }

    #[allow(unsafe_code)]
    pub(super) fn leave(near: &Near) {
        let leaving = LEAVING.lock();
        let known = entries().find(|entry| ptr::eq(entry.near.load(Ordering::Acquire), near));
        let kept = known.map(|entry| entry.near.swap(ptr::null_mut(), Ordering::AcqRel));
        drop(leaving);
        // SAFETY: put there out of an `Arc`, and taken out once.
        drop(kept.map(|near| unsafe { Arc::from_raw(near) }));
    }

    #[allow(unsafe_code)]
    fn each(act: impl Fn(&Near)) {
        for entry in entries() {
            // SAFETY: the entry keeps it until it leaves, and nobody does that now.
            unsafe { entry.near.load(Ordering::Acquire).as_ref() }.into_iter().for_each(&act);
        }
    }

    pub(crate) fn take_all_away() {
        let _leaving = LEAVING.lock();
        each(Near::take_away);
    }

    /// The same in a forked child, where nobody else runs.
    pub(crate) fn forked() {
        each(Near::take_away);
    }
}

/// A modelled program neither forks nor loses its file.
#[cfg(loom)]
mod all {
    pub(super) fn enter(_: &super::Arc<super::Near>) {}
    pub(super) fn leave(_: &super::Near) {}
    pub(crate) fn take_all_away() {}
    pub(crate) fn forked() {}
}
