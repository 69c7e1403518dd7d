//! Half-open: a few probes, each a lease, and what they prove.
//!
//! One word per permit: generation (its low 12 bits), kind (3), nonce (4), and 45 bits that hold the
//! end of the lease in milliseconds while a probe runs, the rest of the generation once it has reported. Claiming, reporting and taking over are one compare-and-swap each, so a probe that is
//! cancelled, dropped, killed or hung gives its slot back by its report or by the end of its lease,
//! and the breaker can never be stuck.

use super::layout::{EXPIRED, PROBE_FAILURES, RECLAIMED, RESULTS, SLOW_TOTAL, STALE};
use super::transition::Reason;
use super::word::Word;
use super::{Breaker, Counted, State};
use crate::config::{ProbeMode, Window};
use crate::cx::Cx;
use crate::event::{EventKind, Note, PartKind};
use crate::outcome::Hint;
use crate::permit::Permit;
use crate::sync::Ordering;
use crate::time::{Span, Tick};
use crate::window::Counts;

const LEASE_CAP: Span = Span::secs(3600);
/// More milliseconds than the clock has nanoseconds for.
const MILLIS: u64 = (1 << 45) - 1;

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Kind {
    Free = 0,
    Held = 1,
    Success = 2,
    Failure = 3,
    SlowSuccess = 4,
    SlowFailure = 5,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Lease(u64);

impl Lease {
    fn new(generation: u32, kind: Kind, nonce: u64, ends: u64) -> Lease {
        let tag = u64::from(generation & 0xfff);
        Lease(tag << 52 | (kind as u64) << 49 | (nonce & 0xf) << 45 | ends.min(MILLIS))
    }
    /// What a probe of this generation has shown.
    fn result(generation: u32, kind: Kind, nonce: u64) -> Lease {
        Lease::new(generation, kind, nonce, u64::from(generation >> 12))
    }
    /// A lease of another generation is a free slot. Of a running probe the low bits say so: one that
    /// was left over 4,096 generations ago costs a permit until its lease ends, never a verdict.
    fn kind(self, generation: u32) -> Kind {
        if self.0 >> 52 != u64::from(generation & 0xfff) {
            return Kind::Free;
        }
        match self.0 >> 49 & 7 {
            1 => Kind::Held,
            _ if self.ends() != u64::from(generation >> 12) => Kind::Free,
            2 => Kind::Success,
            3 => Kind::Failure,
            4 => Kind::SlowSuccess,
            5 => Kind::SlowFailure,
            _ => Kind::Free,
        }
    }
    fn nonce(self) -> u64 {
        self.0 >> 45 & 0xf
    }
    fn ends(self) -> u64 {
        self.0 & MILLIS
    }
    fn is_over(self, now: Tick) -> bool {
        now.0 / 1_000_000 >= self.ends()
    }
    /// What tells this claim of a slot from others: the nonce and a part of the end.
    fn mark(self) -> u64 {
        (self.ends() & 0xfff) << 4 | self.nonce()
    }
}

/// The upper half of a probe's permit: its slot above the mark of its lease.
const MARK_BITS: u32 = 16;

pub(super) enum Claim {
    Probe(Permit),
    None,
    /// The state changed meanwhile; look again.
    Moved,
}

/// What the probes of this generation have shown, and how many may still be sent.
#[derive(Copy, Clone, Default, Debug)]
pub(super) struct Probes {
    pub results: Counts,
    pub left: u64,
    /// Until the earliest running probe's lease ends.
    pub earliest_end: Option<Span>,
}

impl Breaker {
    pub(super) fn claim_probe(&self, word: Word, cx: &mut Cx) -> Claim {
        let generation = word.generation();
        for slot in 0..self.layout.permits() {
            let cell = self.cell.word(self.layout.leases() + slot);
            let seen = Lease(cell.load(Ordering::Acquire));
            // Only now: what was seen is of this generation or before it, never the lease of a later
            // one, which would look like a free slot.
            if self.word().generation() != generation {
                return Claim::Moved;
            }
            let expired = seen.kind(generation) == Kind::Held && self.is_over(seen, generation, cx.now);
            if seen.kind(generation) != Kind::Free && !expired {
                continue;
            }
            let lease =
                Lease::new(generation, Kind::Held, seen.nonce() + 1, self.lease_end(generation, expired, cx.now));
            // AcqRel: one probe per slot; the winner sees what the one before it left.
            if cell.compare_exchange(seen.0, lease.0, Ordering::AcqRel, Ordering::Acquire).is_err() {
                return Claim::Moved;
            }
            if expired {
                self.note_reclaimed(generation, cx);
            }
            // The claim counts only for the generation it was made in; a leftover is of no harm.
            if self.word().generation() != generation {
                return Claim::Moved;
            }
            let id = (slot as u64) << MARK_BITS | lease.mark();
            return Claim::Probe(Permit(id << 32 | u64::from(word.gate())));
        }
        Claim::None
    }

    /// In a forked child: the probes that run are the parent's. The state begins again, with the time
    /// it had left and all its probes.
    pub(crate) fn forget_probes(&self) {
        let word = self.word();
        // Where the parent shares the circuit its probes go on.
        if word.state() != State::HalfOpen || self.cell.held().is_some() {
            return;
        }
        let next = word.next(State::HalfOpen).with_step(word.step()).with_seal(word.seal());
        self.carry_slots(word.generation(), next.generation());
        // Nobody else runs in a child that has just begun.
        self.swap_word(word, next);
    }

    /// Each lease that ran out doubles the next, until a verdict.
    fn lease_end(&self, generation: u32, one_more: bool, now: Tick) -> u64 {
        let tagged = self.cell.word(EXPIRED).load(Ordering::Acquire);
        let expired = if tagged >> 32 == u64::from(generation) { tagged & 0xffff_ffff } else { 0 };
        let doublings = (expired + u64::from(one_more)).min(40) as i32;
        let lease =
            self.config.half_open.lease.times(2f64.powi(doublings)).min(LEASE_CAP.max(self.config.half_open.lease));
        Span(now.after(lease).0).millis_ceil()
    }

    /// Whether a lease has ended, or is longer than anybody can have been given one.
    fn is_over(&self, lease: Lease, generation: u32, now: Tick) -> bool {
        let is_too_long = |now| lease.ends() > self.lease_end(generation, true, now);
        lease.is_over(now) || is_too_long(now) && is_too_long(self.cell.latest(now))
    }

    fn note_reclaimed(&self, generation: u32, cx: &mut Cx) {
        self.count(RECLAIMED);
        let tag = u64::from(generation) << 32;
        // AcqRel: the count belongs to the generation in its high half.
        let _ = self.cell.word(EXPIRED).fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
            Some(if seen & !0xffff_ffff == tag { seen.wrapping_add(1) } else { tag + 1 })
        });
        cx.note(Note { reason: "lease_over", ..Note::new(EventKind::PermitReclaimed, PartKind::Breaker, cx.now) });
    }

    pub(super) fn report_probe(
        &self,
        word: Word,
        permit: Permit,
        counted: Counted,
        slow: bool,
        hint: Option<Hint>,
        cx: &mut Cx,
    ) {
        let id = permit.0 >> 32;
        let (slot, mark) = ((id >> MARK_BITS) as usize, id & ((1 << MARK_BITS) - 1));
        if slot >= self.layout.permits() {
            return self.count(STALE);
        }
        let generation = word.generation();
        let cell = self.cell.word(self.layout.leases() + slot);
        let seen = Lease(cell.load(Ordering::Acquire));
        let mine = seen.kind(generation) == Kind::Held && seen.mark() == mark && !seen.is_over(cx.now);
        let result = match (counted, slow) {
            (Counted::Neutral(_), _) => Kind::Free,
            (Counted::Success, false) => Kind::Success,
            (Counted::Success, true) => Kind::SlowSuccess,
            (Counted::Failure, false) => Kind::Failure,
            (Counted::Failure, true) => Kind::SlowFailure,
        };
        let kept = if self.config.half_open.mode == ProbeMode::Concurrent { Kind::Free } else { result };
        let next = Lease::result(generation, kept, seen.nonce());
        // AcqRel: a report counts once; whoever judges sees the result.
        if !mine || cell.compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return self.count(STALE);
        }
        match counted {
            Counted::Neutral(total) => return self.count(total),
            Counted::Success => self.count_other_success(self.cell.writer()),
            Counted::Failure => self.count(PROBE_FAILURES),
        }
        if slow {
            self.count(SLOW_TOTAL);
        }
        if self.config.half_open.mode == ProbeMode::Concurrent {
            self.add_result(generation, counted == Counted::Failure, slow);
        }
        self.judge_probes(word, hint, cx);
    }

    /// Results of concurrent probes: generation (16 bits), calls, failures, slow (16 each).
    pub(super) fn add_result(&self, generation: u32, failed: bool, slow: bool) {
        let tag = u64::from(generation & 0xffff) << 48;
        let one = 1 | u64::from(failed) << 16 | u64::from(slow) << 32;
        let _ = self.cell.word(RESULTS).fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
            let own = seen >> 48 == tag >> 48;
            // As many as there are permits have decided: what comes after them is not needed.
            let full = own && seen & 0xffff == 0xffff;
            (!full).then(|| if own { seen.wrapping_add(one) } else { tag | one })
        });
    }

    pub(super) fn probes(&self, generation: u32, now: Tick) -> Probes {
        let mut probes = Probes::default();
        for slot in 0..self.layout.permits() {
            let lease = Lease(self.cell.word(self.layout.leases() + slot).load(Ordering::Acquire));
            let results = &mut probes.results;
            match lease.kind(generation) {
                Kind::Free => probes.left += 1,
                Kind::Held if self.is_over(lease, generation, now) => probes.left += 1,
                Kind::Held => {
                    let left = now.until(Tick(lease.ends().saturating_mul(1_000_000)));
                    probes.earliest_end = Some(probes.earliest_end.map_or(left, |end| end.min(left)));
                }
                kind => {
                    results.calls += 1;
                    results.failures += u64::from(matches!(kind, Kind::Failure | Kind::SlowFailure));
                    results.slow += u64::from(matches!(kind, Kind::SlowSuccess | Kind::SlowFailure));
                }
            }
        }
        if self.config.half_open.mode == ProbeMode::Concurrent {
            let tagged = self.cell.word(RESULTS).load(Ordering::Acquire);
            if tagged >> 48 == u64::from(generation & 0xffff) {
                let part = |shift: u32| tagged >> shift & 0xffff;
                probes.results = Counts { calls: part(0), failures: part(16), slow: part(32), maybe: 0 };
            }
        }
        probes
    }

    pub(super) fn probes_left(&self, generation: u32, now: Tick) -> u64 {
        self.probes(generation, now).left
    }

    /// The half-open verdict: close, open again, or wait for more.
    fn judge_probes(&self, seen: Word, hint: Option<Hint>, cx: &mut Cx) {
        let word = self.word();
        if word.generation() != seen.generation() || word.state() != State::HalfOpen {
            return;
        }
        match self.probe_verdict(self.probes(word.generation(), cx.now).results) {
            Some(true) => self.close(word, Reason::ProbesSucceeded, cx),
            Some(false) => self.trip(word, Reason::ProbeFailed, hint, cx),
            None => {}
        }
    }

    /// `Some(true)`: healthy. Decided as soon as no further result can change it.
    fn probe_verdict(&self, results: Counts) -> Option<bool> {
        let half_open = &self.config.half_open;
        let permits = u64::from(half_open.permits);
        let successes = results.calls.saturating_sub(results.failures);
        if let Some(needed) = half_open.successes.map(u64::from) {
            let of = half_open.of.map_or(needed.max(permits), u64::from);
            return match () {
                () if successes >= needed => Some(true),
                () if results.failures > of.saturating_sub(needed) => Some(false),
                () => None,
            };
        }
        if matches!(self.config.window, Window::Consecutive { .. }) {
            return match results.failures {
                0 => (results.calls >= permits).then_some(true),
                _ => Some(false),
            };
        }
        if self.config.failure_count.is_some_and(|k| results.failures >= u64::from(k).min(permits)) {
            return Some(false);
        }
        let enough = u64::from(self.config.minimum_calls).min(permits).max(1);
        (results.calls >= enough).then(|| self.rate_verdict(results, enough).is_none())
    }
}
