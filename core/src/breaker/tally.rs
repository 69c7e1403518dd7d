//! The pass path: successes counted on the line of their writer, and the credit they need.
//!
//! A writer's tally only rises. A count window sums tallies; a time window folds them into its
//! slices, and there a success is tallied only below the line's limit, which an ask moves on by a
//! few calls. So nobody needs a clock to pass, and no more than that credit can go unnoticed.

use super::Breaker;
use super::State;
use super::credit::FailureLog;
use super::layout::{Layout, OTHER_SUCCESS};
use super::word::Word;
use crate::cell::{Block, LENT, LINE, Line, Two, Writer, is_lent};
use crate::config::Window;
use crate::permit::Permit;
use crate::sync::{Arc, AtomicU64, Ordering, in_one_order};
use crate::window::time::{Column, Slice, Slices};
use std::cmp::Ordering::{Greater, Less};

// The words of a writer's line.
/// Successes on the pass path.
pub(crate) const TALLY: usize = 0;
/// A success is tallied only below this; anybody may lower it to zero.
pub(crate) const LIMIT: usize = 1;
/// How much of the tally the slices of a time window hold already.
pub(crate) const FOLDED: usize = 2;
/// The epoch that the writer last asked in, its calls before that, its calls in the slice before.
pub(crate) const MARK: usize = 5;
const BEFORE: usize = 6;
const LAST_SLICE: usize = 7;

/// Passes that one ask is good for, on a line that is busy enough.
const CREDIT: u64 = 64;
/// Calls in a slice from which on a writer is busy; with fewer, asking each time is cheap enough
/// and the window stays exact.
const BUSY: u64 = 4_096;

/// Where a driver that reads the cell itself finds the gate and the tallies of the pass path.
///
/// The rule: read the gate, the low half of the word at `gate`; if its lowest bit is set, run.
/// After a success read it again; if it is unchanged and the line's tally (a `u64`) is below its
/// limit (the `u64` after it), add one to the tally. Otherwise report the success with the gate as
/// its permit. The addresses are valid as long as the policy's handle; after a reload the gate of
/// an old cell never says *pass* again.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Overlay {
    /// Address of the state word.
    pub gate: usize,
    /// Address of the calling thread's own line, which nobody else writes, if it has one.
    pub own: Option<usize>,
    /// Address of the first of the lines that everybody adds to atomically.
    pub shared: usize,
    /// How many lines there are that several writers may add to.
    pub shared_lines: u32,
    /// Bytes from one line to the next.
    pub stride: u32,
    /// Addresses of the lines that were lent to the driver's scheduler (see [`lend_lines`]): each of its
    /// writers adds to one by a plain load and store.
    pub lent: [Option<usize>; LENT],
    /// Where failures are entered, where the driver can do that itself.
    pub log: Option<FailureLog>,
}

/// Lends lines to the writers of this process's driver, for good: where threads come and go under its own
/// scheduler, it knows better than a thread who runs alone. The first few writers get one each: who sums looks
/// at all that were lent, so ask for no more than run at once. To be asked for before anything has been
/// counted; `false`: threads have them, add to shared lines.
pub fn lend_lines(writers: usize) -> bool {
    crate::cell::lend(writers)
}

/// Has cells that are made from now on keep the lines of all their writers behind their gate, for a driver
/// whose every writer sees gate and line as one piece of memory. It costs some hundred bytes a circuit.
pub fn keep_lines_together() {
    crate::cell::keep_together();
}

/// Keeps the memory of a cell that an [`Overlay`] points into, and nothing else: to the policy's
/// keys its holder is nobody.
#[derive(Clone)]
pub struct Memory {
    _cell: Arc<Block>,
}

/// Which line a call is counted on: the calling thread's, or one that the driver chose: a shared one by
/// its number, a lent one by its number and [`Shard::LENT`].
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Shard(pub Option<u32>);

impl Shard {
    /// The line of the calling thread.
    pub const OWN: Shard = Shard(None);
    /// Added to the number of a lent line.
    pub const LENT: u32 = 1 << 31;

    /// Where a tally is added to: the one of a lent line is its writer's alone.
    #[inline]
    pub(super) fn tallying(self) -> Shard {
        Shard(self.0.filter(|number| number & Shard::LENT == 0))
    }
}

/// What comes after it lies out of the way of what is most often.
#[cold]
fn seldom() {}

/// Counts a success on the line of these first two words, which `alone` says whether nobody else writes.
#[inline(always)]
fn tally_on([tally, limit]: &Two, alone: bool) -> bool {
    // Relaxed: the tally is its line's own past, and whoever reads an old limit passes a moment earlier.
    let (made, limit) = (tally.load(Ordering::Relaxed), limit.load(Ordering::Relaxed));
    if made >= limit {
        return false;
    }
    // Release: a judge that reads the tally sees the call as over.
    if alone {
        tally.store(made.wrapping_add(1), Ordering::Release);
    } else {
        tally.fetch_add(1, Ordering::Release);
    }
    true
}

impl Breaker {
    /// The pass path: run without asking, if the gate says so.
    #[inline]
    pub fn pass(&self) -> Option<Permit> {
        let word = self.word();
        word.pass().then_some(Permit(u64::from(word.gate())))
    }

    /// The permit of a circuit that lets everybody in, whatever its gate says; `None` where a call
    /// may be refused, or something is due.
    #[inline]
    pub(crate) fn open_door(&self) -> Option<Permit> {
        let word = self.word();
        let open = || matches!(word.state(), State::Closed | State::Disabled | State::MetricsOnly);
        (word.pass() || open()).then_some(Permit(u64::from(word.gate())))
    }

    /// [`Breaker::pass`], and where `counts` says that it is enough: of a closed circuit, whatever its gate says.
    #[inline(always)]
    pub(crate) fn pass_or_closed(&self, counts: impl FnOnce() -> bool) -> Option<Permit> {
        let word = self.word();
        (word.pass() || word.is(State::Closed) && counts()).then_some(Permit(u64::from(word.gate())))
    }

    /// Whether the circuit is in the state that a permit was given in, for who has taken a place meanwhile: who opens it
    /// and then finds the place free is seen here.
    #[inline(always)]
    pub(crate) fn is_still(&self, permit: Permit) -> bool {
        in_one_order();
        // SeqCst: after the place was taken, as whoever opens the circuit looks for it after that.
        (self.gate().load(Ordering::SeqCst) as u32 ^ permit.0 as u32) < 2
    }

    /// Whether everybody is turned away, if nothing is due.
    #[inline(always)]
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.word().state(), State::Open | State::ForcedOpen)
    }

    /// Counts the success of a call that ran on the pass path; `false` if the gate has changed
    /// since, or the line's credit is used up: then report it with [`Breaker::record`].
    #[inline(always)]
    pub fn tally(&self, permit: Permit) -> bool {
        // A permit is the gate that it was given under, so that it says itself whether that passed.
        let own = self.cell.known_line();
        if permit.0 & 1 == 0 || self.word().gate() != permit.0 as u32 {
            return false;
        }
        if let Some(words) = own.two() {
            return tally_on(words, true);
        }
        seldom();
        match self.cell.own_two_apart() {
            Some(words) => tally_on(words, true),
            None => self.tally_elsewhere(),
        }
    }

    /// On a line of another division than the one before, that others add to, or that is yet to be made or claimed.
    #[inline(never)]
    fn tally_elsewhere(&self) -> bool {
        if let Some(words) = self.cell.known_line_again().two() {
            return tally_on(words, true);
        }
        let writer = self.cell.writer();
        if !self.is_near(writer) {
            return tally_on(self.far(writer).first_two(), writer.alone);
        }
        self.cell.know(writer);
        tally_on(self.cell.two_of(writer), writer.alone)
    }

    /// Where a driver finds gate and tallies; see [`Overlay`].
    pub fn overlay(&self) -> Overlay {
        // Exposed: a driver makes pointers of them.
        let address = |word: &AtomicU64| std::ptr::from_ref(word).expose_provenance();
        let writers = self.cell.writers();
        Overlay {
            gate: self.own_gate(),
            own: self.own_line(),
            shared: address(self.at(self.cell.shared_writer(0), TALLY)),
            shared_lines: writers.shared as u32,
            stride: (LINE * size_of::<u64>()) as u32,
            lent: std::array::from_fn(|slot| {
                let writer = is_lent(slot).then(|| self.cell.writer_of(slot)).filter(|writer| writer.alone)?;
                Some(address(self.at(writer, TALLY)))
            }),
            log: self.failure_log_at(address, Layout::writer(0) + TALLY),
        }
    }

    /// [`Overlay::gate`] by itself.
    pub(crate) fn own_gate(&self) -> usize {
        std::ptr::from_ref(self.gate()).expose_provenance()
    }

    /// [`Overlay::own`] by itself: of the first writer it makes no line for anybody else.
    pub(crate) fn own_line(&self) -> Option<usize> {
        let own = self.cell.writer();
        own.alone.then(|| std::ptr::from_ref(self.at(own, TALLY)).expose_provenance())
    }

    /// What keeps the addresses of [`Breaker::overlay`] good.
    pub fn memory(&self) -> Memory {
        Memory { _cell: self.cell.block().clone() }
    }

    #[inline]
    pub(super) fn writer(&self, shard: Shard) -> Writer {
        match shard.0 {
            None => self.cell.writer(),
            Some(number) => self.chosen(number),
        }
    }

    #[inline(never)]
    fn chosen(&self, number: u32) -> Writer {
        match number & Shard::LENT {
            0 => self.cell.shared_writer(number as usize),
            // Its writer may report from two threads at once.
            _ => Writer { alone: false, ..self.cell.writer_of((number & !Shard::LENT) as usize % LENT) },
        }
    }

    /// Adds one to a word of a writer's line.
    #[inline(always)]
    pub(super) fn add(&self, writer: Writer, column: usize) {
        // Release: a judge that reads the tally sees the call as over.
        writer.add_one(self.at(writer, column), Ordering::Release);
    }

    #[inline]
    pub(super) fn sum(&self, column: usize) -> u64 {
        self.cell.sum(Layout::writer(0), column)
    }

    /// The same in line.
    #[inline(always)]
    pub(super) fn sum_here(&self, column: usize) -> u64 {
        if self.cell.has_one_line() {
            // Acquire: what was done before it was counted is seen.
            return self.cell.word(Layout::writer(0) + column).load(Ordering::Acquire);
        }
        self.cell.sum_here(Layout::writer(0), column)
    }

    #[inline(always)]
    pub(super) fn at(&self, writer: Writer, column: usize) -> &AtomicU64 {
        if self.is_near(writer) { self.near(writer, column) } else { &self.far(writer).0[column] }
    }

    /// Whether a writer's line is in the cell itself.
    #[inline(always)]
    pub(super) fn is_near(&self, writer: Writer) -> bool {
        writer.line == 0 || self.cell.lines_are_together()
    }

    #[inline(always)]
    pub(super) fn near(&self, writer: Writer, column: usize) -> &AtomicU64 {
        self.cell.word(Layout::writer(writer.line) + column)
    }

    #[inline(never)]
    fn far(&self, writer: Writer) -> &Line {
        let further = match self.cell.further() {
            Some(further) => further,
            None => self.cell.make_further(&|line| line.0[LIMIT].store(self.first_limit(), Ordering::Relaxed)),
        };
        &further[writer.line - 1]
    }

    fn lines(&self) -> impl Iterator<Item = Writer> {
        (0..self.cell.lines()).map(|line| Writer { line, alone: false })
    }

    // ---- time windows ----

    /// Outside time windows nothing expires, so a line never needs to ask.
    fn first_limit(&self) -> u64 {
        if matches!(self.config.window, Window::Time { .. }) { 0 } else { u64::MAX }
    }

    /// Of the first lines of a new cell.
    pub(super) fn first_limits(&self, lines: usize) {
        // Relaxed: nobody else knows the cell yet.
        let limit = |line| self.cell.word(Layout::writer(line) + LIMIT);
        (0..lines).for_each(|line| limit(line).store(self.first_limit(), Ordering::Relaxed));
    }

    /// The slice of now. The first ask in a new one revokes all credit and books what was passed
    /// until then as `maybe`: nobody knows when in the time before it happened.
    pub(super) fn enter_slice(&self, slices: Slices, word: Word, now: crate::time::Tick) -> Slice {
        let (mut epoch, mut to_seen) = slices.roll(&self.cell, self.window_time(now));
        if to_seen == Less && self.mend_window(slices, now) {
            (epoch, to_seen) = slices.roll(&self.cell, self.window_time(now));
        }
        let slice = Slice { epoch, generation: word.generation() };
        if to_seen == Greater {
            // Relaxed: whoever reads the old limit passes a moment earlier.
            self.lines().map(|line| self.at(line, LIMIT)).for_each(|limit| limit.store(0, Ordering::Relaxed));
            self.fold_all(slices, slice, Column::Maybe);
        }
        slice
    }

    pub(super) fn fold_all(&self, slices: Slices, slice: Slice, column: Column) {
        self.lines().for_each(|line| self.fold(line, slices, slice, column));
    }

    /// Books the line's passes in the window. They are added before the line says so, and taken
    /// back by who came second: in between there are too many successes, never too few.
    pub(super) fn fold(&self, line: Writer, slices: Slices, slice: Slice, column: Column) {
        self.fold_with(line, slices, slice, column, 0);
    }

    /// The same, and `more` calls that are on no tally.
    pub(super) fn fold_with(&self, line: Writer, slices: Slices, slice: Slice, column: Column, more: u64) {
        let (folded, tally) = self.pending(line);
        let passed = tally.saturating_sub(folded);
        let booked = passed.saturating_add(more);
        if booked > 0 {
            slices.add(&self.cell, slice, column, booked);
        }
        if folded == tally {
            return;
        }
        // AcqRel: each pass is booked once. More is folded than there is where somebody scribbled over either.
        let mark = self.at(line, FOLDED);
        if mark.compare_exchange(folded, tally, Ordering::AcqRel, Ordering::Acquire).is_err() {
            slices.take(&self.cell, slice, column, passed);
            self.spare_no_more();
        }
    }

    /// Passes of a generation that is over: the next one's window is not to see them.
    pub(super) fn drop_pending(&self) {
        for line in self.lines() {
            let (folded, tally) = self.pending(line);
            let _ = self.at(line, FOLDED).compare_exchange(folded, tally, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    /// Passes that no slice holds yet, of all writers.
    pub(super) fn all_pending(&self) -> u64 {
        let passed = |line| self.pending(line);
        self.lines().map(passed).fold(0, |sum, (folded, tally)| sum.saturating_add(tally.saturating_sub(folded)))
    }

    /// How much of a line is folded, and how much there is. In this order: the tally only rises, so that no
    /// more is folded than there is.
    fn pending(&self, line: Writer) -> (u64, u64) {
        let folded = self.at(line, FOLDED).load(Ordering::Acquire);
        (folded, self.at(line, TALLY).load(Ordering::Acquire))
    }

    /// Credit for a writer that asked in `slice`, if it is busy.
    pub(super) fn grant(&self, writer: Writer, slice: Slice) {
        let word = |column| self.at(writer, column);
        // Relaxed throughout: on a line of its own nobody races; on a shared one a lost update
        // makes the estimate of how busy it is a little wrong.
        let read = |column| word(column).load(Ordering::Relaxed);
        let made = read(TALLY).wrapping_add(read(OTHER_SUCCESS));
        let mark = read(MARK);
        if mark != slice.epoch {
            let last = if mark.wrapping_add(1) == slice.epoch { made.saturating_sub(read(BEFORE)) } else { 0 };
            word(LAST_SLICE).store(last, Ordering::Relaxed);
            word(BEFORE).store(made, Ordering::Relaxed);
            word(MARK).store(slice.epoch, Ordering::Relaxed);
        }
        if made.saturating_sub(read(BEFORE)).max(read(LAST_SLICE)) >= BUSY {
            let tally = read(TALLY);
            // A 32-bit language compares low halves: credit does not reach over their end.
            word(LIMIT).store(tally.saturating_add(CREDIT).min(tally | 0xffff_ffff), Ordering::Relaxed);
        }
    }

    /// Credit without the work that earns it, for the model checker.
    #[cfg(all(test, loom))]
    pub(crate) fn lend(&self, passes: u64) {
        let writer = self.cell.writer();
        let tally = self.at(writer, TALLY).load(Ordering::Relaxed);
        self.at(writer, LIMIT).store(tally + passes, Ordering::Relaxed);
    }

    #[cfg(all(test, loom))]
    pub(crate) fn fold_everything(&self, now: crate::time::Tick) {
        let Some(slices) = self.slices() else { return };
        let slice = self.enter_slice(slices, self.word(), now);
        self.fold_all(slices, slice, Column::Successes);
    }
}
