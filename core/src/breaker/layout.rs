//! Where in the cell each word of a breaker is. A pure function of the settings.

use crate::cell::LINE;
use crate::config::{BreakerConfig, Rate, Window};

// Line 0: read by every call. What a snapshot shows of the last transition and of the window that tripped
// changes only when the word does.
pub(crate) const WORD: usize = 0;
pub(crate) const LAST: usize = 1;
pub(crate) const LAST_AT: usize = 2;
pub(crate) const REJECTED_BEFORE: usize = 3;
pub(crate) const KEPT_CALLS: usize = 4;
pub(crate) const KEPT_FAILURES: usize = 5;
pub(crate) const KEPT_SLOW: usize = 6;
pub(crate) const KEPT_STREAK: usize = 7;
// Line 1: written by failures.
pub(crate) const FAILURES: usize = LINE;
pub(crate) const SLOWS: usize = LINE + 1;
/// Time window, which has no log of slow calls: up to which failure of a slice none needs a verdict.
pub(crate) const SPARED: usize = SLOWS;
pub(crate) const EPOCH: usize = LINE + 2;
/// Count window: which failures need no verdict. The word is that of `EPOCH`, which only time windows have.
pub(crate) const CREDIT: usize = LINE + 2;
/// Half-open, mode `concurrent`: results so far.
pub(crate) const RESULTS: usize = LINE + 3;
/// Leases that ran out since the last verdict, tagged with the generation.
pub(crate) const EXPIRED: usize = LINE + 4;
/// When the first slice of a window that is not aligned began, plus one.
pub(crate) const ORIGIN: usize = LINE + 5;
/// Count window: how often the log of failures was filled. The word is that of `ORIGIN`.
pub(crate) const ROUNDS: usize = ORIGIN;
/// Count window: the successes before the streak that runs, plus one, and the index of its first failure.
pub(crate) const STREAK_SUM: usize = LINE + 6;
pub(crate) const STREAK_FIRST: usize = LINE + 7;
/// Time window: the second of those two too, and in the first one more than the epoch that was last found calm.
pub(crate) const CALM: usize = STREAK_SUM;
// Line 2: four slots by generation of the calls before it, four of its deadline.
pub(crate) const BASES: usize = 2 * LINE;
pub(crate) const DEADLINES: usize = 2 * LINE + 4;
// Line 3: totals that are rare.
pub(crate) const IGNORED: usize = 3 * LINE;
pub(crate) const CANCELLED: usize = 3 * LINE + 1;
pub(crate) const STALE: usize = 3 * LINE + 2;
pub(crate) const RECLAIMED: usize = 3 * LINE + 3;
pub(crate) const TRANSITIONS: usize = 3 * LINE + 4;
pub(crate) const SLOW_TOTAL: usize = 3 * LINE + 5;
pub(crate) const PROBE_FAILURES: usize = 3 * LINE + 6;
/// The lease of a circuit that sends one probe; more have words of their own.
const ONLY_LEASE: usize = 3 * LINE + 7;
const FIRST_WRITER: usize = 4 * LINE;
/// Words that every cell has: up to the end of the first writer's line.
pub(crate) const HEAD: usize = FIRST_WRITER + LINE;

// Further words of a writer's line; the first ones are those of the pass path, in `tally.rs`.
pub(crate) const REJECTED: usize = 3;
/// Successes that are no part of a count window's sequence.
pub(crate) const OTHER_SUCCESS: usize = 4;
/// Window of a streak: failures, which have no sequence there. The word is that of `tally::MARK`.
pub(crate) const OTHER_FAILURES: usize = 5;

// Kinds of windows.
const CONSECUTIVE: u8 = 0;
const COUNT: u8 = 1;
const TIME: u8 = 2;

/// The part of the layout that depends on the settings. Small, as every breaker has one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    permits: u32,
    window: u32,
    ring: u32,
    slow_ring: u32,
    kind: u8,
    /// Who passes reads the clock: drivers that hold the gate itself have to learn of it.
    slow: bool,
    /// Size of a count window, slices of a time window.
    extent: u32,
    span: u64,
}

impl Layout {
    /// With so many writers' lines in the cell.
    pub(crate) fn of(config: &BreakerConfig, lines: usize) -> Layout {
        let behind = (FIRST_WRITER + lines * LINE) as u32;
        let permits = config.half_open.permits.max(1);
        let mut layout = Layout {
            permits,
            window: behind.saturating_add(if permits == 1 { 0 } else { permits }),
            ring: 0,
            slow_ring: 0,
            kind: CONSECUTIVE,
            slow: config.slow_call.is_some(),
            extent: 0,
            span: 0,
        };
        match config.window {
            Window::Consecutive { .. } => {}
            Window::Count { size } => {
                layout.kind = COUNT;
                layout.extent = size;
                // Where no rule ends the failures, a window may be full of them.
                let endless = config.failure_rate.is_none() && config.failure_count.is_none();
                layout.ring = log_length(config, size, if endless { Some(Rate::ONE) } else { config.failure_rate });
                layout.slow_ring = config.slow_call.map_or(0, |slow| log_length(config, size, Some(slow.rate)));
            }
            Window::Time { span, slices, .. } => {
                layout.kind = TIME;
                layout.extent = slices;
                layout.span = span.0;
            }
        }
        layout
    }

    /// The first of the words of probes.
    pub(crate) fn leases(&self) -> usize {
        if self.permits == 1 { ONLY_LEASE } else { self.window() - self.permits() }
    }

    pub(crate) fn permits(&self) -> usize {
        self.permits as usize
    }

    /// The failure log of a count window, or the slices of a time window.
    pub(crate) fn window(&self) -> usize {
        self.window as usize
    }

    /// Whether the window is one of so many calls.
    #[inline(always)]
    pub(crate) fn counts_calls(&self) -> bool {
        self.kind == COUNT
    }

    /// The length of the failure log.
    pub(crate) fn ring(&self) -> usize {
        self.ring as usize
    }

    /// The log of slow calls, where there is a slow-call rule on a count window.
    pub(crate) fn slow_window(&self) -> usize {
        self.window() + self.ring()
    }

    pub(crate) fn slow_ring(&self) -> usize {
        self.slow_ring as usize
    }

    /// How many words there are.
    pub(crate) fn words(&self) -> usize {
        let slices = if self.kind == TIME { self.extent as usize } else { 0 };
        self.slow_window().saturating_add(self.slow_ring()).saturating_add(slices.saturating_mul(SLICE_WORDS))
    }

    pub(crate) fn writer(line: usize) -> usize {
        FIRST_WRITER + line * LINE
    }
}

/// Words of one slice of a time window: failures, slow calls, successes, maybes.
pub(crate) const SLICE_WORDS: usize = 4;

/// What processes that share a cell must agree on.
pub(crate) const SHAPE: [usize; 38] = [
    WORD,
    FAILURES,
    SLOWS,
    SPARED,
    EPOCH,
    CREDIT,
    RESULTS,
    EXPIRED,
    ORIGIN,
    ROUNDS,
    STREAK_SUM,
    STREAK_FIRST,
    BASES,
    DEADLINES,
    IGNORED,
    CANCELLED,
    STALE,
    RECLAIMED,
    TRANSITIONS,
    SLOW_TOTAL,
    PROBE_FAILURES,
    LAST,
    LAST_AT,
    REJECTED_BEFORE,
    KEPT_CALLS,
    KEPT_FAILURES,
    KEPT_SLOW,
    KEPT_STREAK,
    ONLY_LEASE,
    FIRST_WRITER,
    REJECTED,
    OTHER_SUCCESS,
    OTHER_FAILURES,
    SLICE_WORDS,
    super::tally::TALLY,
    super::tally::LIMIT,
    super::tally::FOLDED,
    super::tally::MARK,
];

/// As many failures as a verdict ever looks back at, and a few for judges that are overtaken.
fn log_length(config: &BreakerConfig, size: u32, rate: Option<Rate>) -> u32 {
    let by_rate = rate.map_or(0, |rate| rate.needed_of(u64::from(size)));
    let by_count = u64::from(config.failure_count.unwrap_or(0));
    u32::try_from(by_rate.max(by_count).max(u64::from(config.minimum_calls)) + 8).unwrap_or(u32::MAX)
}
