//! Where in the cell each word of a breaker is. A pure function of the settings.

use crate::cell::{LINE, Writers};
use crate::config::{BreakerConfig, Rate, Window};

// Line 0: read by every call.
pub(crate) const WORD: usize = 0;
// Line 1: written by failures.
pub(crate) const FAILURES: usize = LINE;
pub(crate) const SLOWS: usize = LINE + 1;
pub(crate) const EPOCH: usize = LINE + 2;
/// Count window: which failures need no verdict. The word is that of `EPOCH`, which only time windows have.
pub(crate) const CREDIT: usize = LINE + 2;
/// Half-open, mode `concurrent`: results so far.
pub(crate) const RESULTS: usize = LINE + 3;
/// Leases that ran out since the last verdict, tagged with the generation.
pub(crate) const EXPIRED: usize = LINE + 4;
/// When the first slice of a window that is not aligned began, plus one.
pub(crate) const ORIGIN: usize = LINE + 5;
/// Count window: the successes before the streak that runs, plus one, and the index of its first failure.
pub(crate) const STREAK_SUM: usize = LINE + 6;
pub(crate) const STREAK_FIRST: usize = LINE + 7;
/// Time window, in the first of those two: one more than the epoch that was last found calm.
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
// Line 4: what a snapshot shows of the last transition and of the window that tripped.
pub(crate) const LAST: usize = 4 * LINE;
pub(crate) const LAST_AT: usize = 4 * LINE + 1;
pub(crate) const REJECTED_BEFORE: usize = 4 * LINE + 2;
pub(crate) const KEPT_CALLS: usize = 4 * LINE + 3;
pub(crate) const KEPT_FAILURES: usize = 4 * LINE + 4;
pub(crate) const KEPT_SLOW: usize = 4 * LINE + 5;
pub(crate) const KEPT_STREAK: usize = 4 * LINE + 6;
const FIRST_WRITER: usize = 5 * LINE;

// Further words of a writer's line; the first ones are those of the pass path, in `tally.rs`.
pub(crate) const REJECTED: usize = 3;
/// Successes that are no part of a count window's sequence.
pub(crate) const OTHER_SUCCESS: usize = 4;
/// Window of a streak: failures, which have no sequence there. The word is that of `tally::MARK`.
pub(crate) const OTHER_FAILURES: usize = 5;

/// The part of the layout that depends on the settings.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    pub leases: usize,
    pub permits: usize,
    /// Failure log of a count window, or the slices of a time window.
    pub window: usize,
    pub ring: usize,
    /// The log of slow calls, where there is a slow-call rule on a count window.
    pub slow_window: usize,
    pub slow_ring: usize,
    pub words: usize,
    kind: u8,
    /// Who passes reads the clock: drivers that hold the gate itself have to learn of it.
    slow: bool,
    /// Size of a count window, slices of a time window.
    extent: u64,
    span: u64,
}

impl Layout {
    pub(crate) fn of(config: &BreakerConfig, writers: Writers) -> Layout {
        let leases = FIRST_WRITER + writers.lines() * LINE;
        let permits = config.half_open.permits.max(1) as usize;
        let window = (leases + permits).next_multiple_of(LINE);
        let mut layout = Layout {
            leases,
            permits,
            window,
            ring: 0,
            slow_window: window,
            slow_ring: 0,
            words: window,
            kind: 0,
            slow: config.slow_call.is_some(),
            extent: 0,
            span: 0,
        };
        match config.window {
            Window::Consecutive { .. } => {}
            Window::Count { size } => {
                layout.kind = 1;
                layout.extent = u64::from(size);
                // Where no rule ends the failures, a window may be full of them.
                let endless = config.failure_rate.is_none() && config.failure_count.is_none();
                layout.ring = log_length(config, size, if endless { Some(Rate::ONE) } else { config.failure_rate });
                layout.slow_window = window + layout.ring;
                layout.slow_ring = config.slow_call.map_or(0, |slow| log_length(config, size, Some(slow.rate)));
                layout.words = layout.slow_window + layout.slow_ring;
            }
            Window::Time { span, slices, .. } => {
                layout.kind = 2;
                layout.extent = u64::from(slices);
                layout.span = span.0;
                layout.words = window + slices as usize * SLICE_WORDS;
            }
        }
        layout
    }

    pub(crate) fn writer(line: usize) -> usize {
        FIRST_WRITER + line * LINE
    }
}

/// Words of one slice of a time window: failures, slow calls, successes, maybes.
pub(crate) const SLICE_WORDS: usize = 4;

/// What processes that share a cell must agree on.
pub(crate) const SHAPE: [usize; 35] = [
    WORD,
    FAILURES,
    SLOWS,
    EPOCH,
    CREDIT,
    RESULTS,
    EXPIRED,
    ORIGIN,
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
fn log_length(config: &BreakerConfig, size: u32, rate: Option<Rate>) -> usize {
    let by_rate = rate.map_or(0, |rate| rate.needed_of(u64::from(size)));
    let by_count = u64::from(config.failure_count.unwrap_or(0));
    (by_rate.max(by_count).max(u64::from(config.minimum_calls)) + 8) as usize
}
