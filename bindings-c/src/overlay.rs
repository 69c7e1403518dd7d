//! The gate and the tallies of a policy themselves, for drivers whose crossings are dear.

use crate::guard::{caught, entry, guard};
use crate::own::{Sized32, handle, sized};
use crate::policy::{seawall_policy, to_pass};
use crate::status::{SEAWALL_NONE, seawall_status};
use seawall::Policy;
use seawall::breaker::{Overlay, Shard, keep_lines_together, lend_lines};
use seawall::error::Code;

/// Bytes from one line of tallies to the next.
pub const SEAWALL_LINE_SIZE: u32 = 64;
/// Where in a line the tally stands: a `uint64_t`, to be added to atomically.
pub const SEAWALL_LINE_TALLY: u32 = 0;
/// Where in a line its limit stands: a `uint64_t`, to be read atomically.
pub const SEAWALL_LINE_LIMIT: u32 = 8;
/// How many lines `seawall_lend_lines` lends at most.
pub const SEAWALL_LENT_LINES: u32 = 4;
/// Added to the number of a lent line where a line is asked for.
pub const SEAWALL_LINE_LENT: u32 = 0x8000_0000;

const _: () = assert!(SEAWALL_LINE_TALLY == 0 && SEAWALL_LINE_LIMIT == 8, "as `Overlay` says");
const _: () = assert!(SEAWALL_LINE_LENT == Shard::LENT, "as `Shard` says");

/// The memory in which calls pass without a function of this header.
///
/// Read `*gate` atomically. If it is odd, run. After a success read it again: if it has not changed
/// and the line's tally is below its limit, add one to the tally (where there are no lines nothing is
/// counted); otherwise report it with `seawall_policy_report`. After anything but a success go on
/// with `seawall_call_after_pass`. In both the pass is `SEAWALL_PASSED | gate`. If the gate is even,
/// make a call.
///
/// Choose the line so that threads that run at once choose different ones. The memory lives as long
/// as the handle that it was asked of, and after a reload its gate may be even for ever: ask for the
/// overlay again after each change of the configuration and of the off switch.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_overlay {
    /// `sizeof(seawall_overlay)`, set by the caller.
    pub size: u32,
    /// How many lines there are.
    pub lines: u32,
    /// NULL: there is nothing to read, make calls.
    pub gate: *const u32,
    /// The first line.
    pub tallies: *mut u64,
    /// Only for calls that tell when they began, as `seawall_admission` says.
    pub timed: u8,
    pub reserved: [u8; 7],
    /// Of `timed`: a success that took more nanoseconds is given to `seawall_policy_dismiss`, not
    /// tallied; `SEAWALL_NONE`: however long it took.
    pub slow_after: u64,
    /// The lines that were lent, each to be added to by a plain load and store; NULL: there is none.
    pub lent: [*mut u64; 4],
}

const _: () = assert!(size_of::<seawall_overlay>() == 72);

// SAFETY: integers and addresses alone, the size first, no padding.
unsafe impl Sized32 for seawall_overlay {
    const FIRST: u32 = 24;
    const EMPTY: Self = seawall_overlay {
        size: 0,
        lines: 0,
        gate: std::ptr::null(),
        tallies: std::ptr::null_mut(),
        timed: 0,
        reserved: [0; 7],
        slow_after: SEAWALL_NONE,
        lent: [std::ptr::null_mut(); SEAWALL_LENT_LINES as usize],
    };
}

/// The gate of a policy that has nothing to ask and nothing to count.
static FREE: u32 = 1;

impl seawall_overlay {
    /// `all`: the caller knows of times.
    fn of(policy: &Policy, all: bool) -> Self {
        if let Some(found) = policy.overlay() {
            return Self::at(found);
        }
        match policy.timed_overlay() {
            Some((found, slow)) if all => {
                let slow_after = slow.map_or(SEAWALL_NONE, |span| span.0);
                seawall_overlay { timed: 1, slow_after, ..Self::at(found) }
            }
            None if policy.asks_nothing() => seawall_overlay { gate: &raw const FREE, ..Self::EMPTY },
            _ => Self::EMPTY,
        }
    }

    fn at(found: Overlay) -> Self {
        // A line of another size than the header's cannot be spoken of.
        if found.stride != SEAWALL_LINE_SIZE {
            return Self::EMPTY;
        }
        // The gate is the low half of its word: the first bytes, where the end is little.
        let half = if cfg!(target_endian = "big") { size_of::<u32>() } else { 0 };
        seawall_overlay {
            lines: found.shared_lines,
            gate: std::ptr::with_exposed_provenance(found.gate + half),
            tallies: std::ptr::with_exposed_provenance_mut(found.shared),
            lent: found.lent.map(|line| line.map_or(std::ptr::null_mut(), std::ptr::with_exposed_provenance_mut)),
            ..Self::EMPTY
        }
    }
}

/// Where the policy's gate and tallies are. `gate` is NULL where every call has to be made.
///
/// Owns: the memory is the handle's. Threads: any. Statuses: `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_overlay(
    policy: *const seawall_policy,
    overlay: *mut seawall_overlay,
) -> seawall_status {
    let overlay = sized!(overlay);
    entry(|| {
        let overlay = overlay?.required()?;
        let all = overlay.knows(std::mem::offset_of!(seawall_overlay, lent));
        overlay.set(seawall_overlay::of(&handle!(policy)?.inner, all));
        Ok(())
    })
}

/// Where calls that fail are entered without a function of this header, under a gate of the overlay that
/// passed and has not changed: outcomes `FAILURE` and `TIMEOUT`, of policies whose shape `ends` at once.
///
/// Add up the words at `tallies`, `lines` of them, `SEAWALL_LINE_SIZE` bytes apart: S. Of those it is enough to
/// take the first ones, as many as the lower 32 bits of `*used` say but no more than `own`, and, if its upper
/// 32 bits are not zero, all from number `own` on. Read `*failures`: I.
/// In `ring[I % length]` store S + I + 1, unless more stands there. Exchange `*failures` from I for I + 1;
/// if it has moved, take what it is now as I and store again. If `streak[0]` is not S + 1, store I in
/// `streak[1]` and S + 1 in `streak[0]`. Then read `*credit`: if its upper 32 bits are
/// `(gate >> 1) ^ rules`, and its lower 32 bits - I - 1, in 32 bits, are below `most`, that is all;
/// else call `seawall_policy_judge`. Either way count the end of the call as `seawall_ending_lines` says.
/// Everything is read and written atomically and in this order.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_failure_log {
    /// `sizeof(seawall_failure_log)`, set by the caller.
    pub size: u32,
    /// How many lines there are.
    pub lines: u32,
    /// NULL: there is no such log, end calls with `seawall_policy_end`.
    pub failures: *mut u64,
    /// The first line, others' lines included.
    pub tallies: *const u64,
    /// The entries.
    pub ring: *mut u64,
    /// How many failures need no verdict.
    pub credit: *const u64,
    /// Two words.
    pub streak: *mut u64,
    /// How many entries the ring has.
    pub length: u32,
    /// What the credit is marked with.
    pub rules: u32,
    /// How far below its limit a credit reaches.
    pub most: u32,
    /// How many of the lines, the first, have one writer each.
    pub own: u32,
    /// Which lines are in use; to be read before they are added up.
    pub used: *const u64,
}

const _: () = assert!(size_of::<seawall_failure_log>() == 72);

/// All lines are in use.
static ALL_USED: u64 = u64::MAX;

// SAFETY: integers and addresses alone, the size first, no padding.
unsafe impl Sized32 for seawall_failure_log {
    const FIRST: u32 = 64;
    const EMPTY: Self = seawall_failure_log {
        size: 0,
        lines: 0,
        failures: std::ptr::null_mut(),
        tallies: std::ptr::null(),
        ring: std::ptr::null_mut(),
        credit: std::ptr::null(),
        streak: std::ptr::null_mut(),
        length: 0,
        rules: 0,
        most: 0,
        own: 0,
        used: &raw const ALL_USED,
    };
}

/// Where the policy's failures are entered. `failures` is NULL where each has to be reported: there is no
/// count window, it has a slow-call rule, or the circuit is this process's alone and was made before
/// `seawall_keep_lines_together`. To be asked for with the overlay, and as long good.
///
/// Owns: the memory is the handle's. Threads: any. Statuses: `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_failure_log(
    policy: *const seawall_policy,
    log: *mut seawall_failure_log,
) -> seawall_status {
    let log = sized!(log);
    entry(|| {
        let log = log?.required()?;
        let found = handle!(policy)?.inner.overlay().and_then(|overlay| overlay.log);
        // Lines of another size than the header's cannot be spoken of.
        log.set(found.filter(|found| found.stride == SEAWALL_LINE_SIZE).map_or(seawall_failure_log::EMPTY, |found| {
            seawall_failure_log {
                lines: found.lines,
                failures: std::ptr::with_exposed_provenance_mut(found.failures),
                tallies: std::ptr::with_exposed_provenance(found.tallies),
                ring: std::ptr::with_exposed_provenance_mut(found.ring),
                credit: std::ptr::with_exposed_provenance(found.credit),
                streak: std::ptr::with_exposed_provenance_mut(found.streak),
                length: found.length,
                rules: found.rules,
                most: found.most,
                own: found.own,
                used: found.used.map_or(&raw const ALL_USED, std::ptr::with_exposed_provenance),
                ..seawall_failure_log::EMPTY
            }
        }));
        Ok(())
    })
}

/// A failure that was entered in the log under `gate` is not within the credit: the circuit is judged, and
/// new credit given.
///
/// Owns: nothing. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_judge(policy: *const seawall_policy, gate: u32) {
    guard(|| {
        if let Ok(policy) = handle!(policy) {
            policy.inner.judge(gate);
        }
    });
}

/// Lends lines of every overlay to this process's scheduler, for good, and says whether it has: one to each
/// of its `writers`, and to no more than `SEAWALL_LENT_LINES`. Each is then written by one thread at a time,
/// which the caller answers for, by a plain load and store of its tally. Who sums looks at all that were lent:
/// ask for no more than run at once. To be called before anything has been counted; 0: nothing was asked for,
/// or threads of the library have them.
///
/// Owns: nothing. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn seawall_lend_lines(writers: u32) -> u8 {
    caught(|| u8::from(lend_lines(writers as usize))).unwrap_or(0)
}

/// Has circuits that are made from now on keep the lines of all their writers side by side, which who enters
/// failures himself looks at (see `seawall_policy_failure_log`): some hundred bytes a circuit. Lending does so
/// too.
///
/// Owns: nothing. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn seawall_keep_lines_together() {
    let _ = caught(keep_lines_together);
}

/// Reports a success under a pass whose gate has changed, or whose line has reached its limit: the
/// limit is moved on where the line is busy.
///
/// Owns: nothing. Threads: any. Statuses: `STALE_HANDLE` for a pass that is none, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_report(policy: *const seawall_policy, pass: u64, line: u32) -> seawall_status {
    entry(|| {
        let policy = handle!(policy)?;
        let pass = to_pass(pass, 0).ok_or(Code::StaleHandle)?;
        policy.inner.succeed_on(Shard(Some(line)), pass);
        Ok(())
    })
}
