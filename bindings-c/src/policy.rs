//! Policies: made, named, looked at, and the way past the stepper while all is well.

use crate::explain::why;
use crate::guard::{entry, guard};
use crate::own::{Out, Sized32, hand_out, handle, output, release, share, sized, text};
use crate::registry::seawall_registry;
use crate::status::{SEAWALL_NONE, SEAWALL_NOTHING, seawall_status};
use crate::text::{seawall_str, seawall_text};
use parking_lot::Mutex;
use seawall::Pass;
use seawall::Policy;
use seawall::error::{Code, ConfigError};
use seawall::time::Span;

/// A policy, or the view of one for a key. Handles may be used from any thread at once.
pub struct seawall_policy {
    pub(crate) inner: Policy,
    /// Tickets to wake that did not fit where they were asked for.
    pub(crate) wakes: Mutex<Vec<u64>>,
}

impl seawall_policy {
    pub(crate) fn hand_out(inner: Policy) -> *mut seawall_policy {
        hand_out(seawall_policy { inner, wakes: Mutex::new(Vec::new()) })
    }
}

/// Makes a policy of its settings as JSON, shaped like one `[policy.NAME]` table of the file and
/// with `name` if it has one; what the file and the environment say about that name is merged in.
///
/// Owns: `*policy`, and `*why`, which may be NULL, are the caller's, to be freed; `why` is as for
/// `seawall_registry_load`. Threads: any. Statuses: `INVALID_CONFIG`, `INVALID_TEXT`,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_new(
    registry: *const seawall_registry,
    json: seawall_str,
    policy: *mut *mut seawall_policy,
    why: *mut seawall_text,
) -> seawall_status {
    let policy = output!(policy, std::ptr::null_mut());
    let why = output!(why, seawall_text::NONE);
    entry(|| {
        let registry = handle!(registry)?;
        made(registry.inner.policy(text!(json)?), policy, why)
    })
}

/// The policy that the file or the environment declares under `name`.
///
/// Owns, threads, statuses: as `seawall_policy_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_named(
    registry: *const seawall_registry,
    name: seawall_str,
    policy: *mut *mut seawall_policy,
    why: *mut seawall_text,
) -> seawall_status {
    let policy = output!(policy, std::ptr::null_mut());
    let why = output!(why, seawall_text::NONE);
    entry(|| {
        let registry = handle!(registry)?;
        made(registry.inner.named(text!(name)?), policy, why)
    })
}

fn made(
    result: Result<Policy, ConfigError>,
    policy: Out<*mut seawall_policy>,
    reason: Out<seawall_text>,
) -> Result<(), Code> {
    let policy = policy.required()?;
    match result {
        Ok(made) => {
            policy.set(seawall_policy::hand_out(made));
            Ok(())
        }
        Err(error) => {
            reason.set(why(&error));
            Err(Code::InvalidConfig)
        }
    }
}

/// The same policy for one key (a model, a tenant, a host), with a breaker and a bulkhead of its
/// own. It holds them until the handle is freed.
///
/// Owns: `*keyed` is the caller's, to be freed. Threads: any. Statuses: `INVALID_SIZE` for a key of
/// more than 256 bytes, `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_at(
    policy: *const seawall_policy,
    key: seawall_str,
    keyed: *mut *mut seawall_policy,
) -> seawall_status {
    let keyed = output!(keyed, std::ptr::null_mut());
    entry(|| {
        let policy = handle!(policy)?;
        let keyed = keyed.required()?;
        let key = text!(key)?;
        if key.len() > LONGEST_KEY {
            return Err(Code::InvalidSize);
        }
        keyed.set(seawall_policy::hand_out(policy.inner.at(key)));
        Ok(())
    })
}

const LONGEST_KEY: usize = 256;

/// A second handle on the same policy; NULL for NULL.
///
/// Owns: the answer is the caller's, to be freed. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_clone(policy: *const seawall_policy) -> *mut seawall_policy {
    // SAFETY: NULL or a live handle, by the contract of the header.
    guard(|| unsafe { share(policy) })
}

/// Ends one handle; calls that were made with it live on. NULL is nothing.
///
/// Owns: takes the handle back. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_free(policy: *mut seawall_policy) {
    // SAFETY: NULL or a live handle that is not used again, by the contract of the header.
    guard(|| unsafe { release(policy) });
}

/// The name of the policy, `{NULL, 0}` if it has none.
///
/// Owns: the text belongs to the handle. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_name(policy: *const seawall_policy, name: *mut seawall_str) -> seawall_status {
    let name = output!(name, seawall_str::NONE);
    read(policy, name, |policy| policy.inner.name().map_or(seawall_str::NONE, seawall_str::borrowed))
}

/// A number that no other policy of this process has; events carry it as `policy_id`.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_id(policy: *const seawall_policy, id: *mut u64) -> seawall_status {
    let id = output!(id, 0);
    read(policy, id, |policy| policy.inner.id())
}

/// Whether the policy protects (1) or is switched off, by itself or with its registry (0).
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_enabled(policy: *const seawall_policy, enabled: *mut u8) -> seawall_status {
    let enabled = output!(enabled, 0);
    read(policy, enabled, |policy| u8::from(policy.inner.enabled()))
}

/// All parts of the policy as they stand, as a JSON object. Transitions that are due are applied.
///
/// Owns: `*json` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_snapshot(
    policy: *const seawall_policy,
    json: *mut seawall_text,
) -> seawall_status {
    let json = output!(json, seawall_text::NONE);
    read(policy, json, |policy| seawall_text::new(&policy.inner.snapshot_json()))
}

/// What `seawall_policy_pass` answers when a call has to be made.
pub const SEAWALL_ASK: u64 = 0;

/// Set in every pass, so that none is 0; the permit is the low half.
const PASSED: u64 = 1 << 32;

/// Permission to run without a call: while the circuit is closed and nothing else is to be asked.
/// `SEAWALL_ASK` means: make a call. After a success, `seawall_policy_succeed`; after anything else
/// `seawall_call_after_pass` with both numbers. Each pass is reported once.
///
/// Owns: nothing. Threads: any. Statuses: none; a NULL policy is told to ask.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_pass(policy: *const seawall_policy, started: *mut u64) -> u64 {
    let started = output!(started, 0);
    guard(|| {
        let Ok(policy) = handle!(policy) else { return SEAWALL_ASK };
        match policy.inner.pass() {
            Some(pass) => {
                started.set(pass.started);
                PASSED | (pass.permit & u64::from(u32::MAX))
            }
            None => SEAWALL_ASK,
        }
    })
}

/// Counts a success under a pass. 0: the circuit changed meanwhile, and has been told all the same.
///
/// Owns: nothing. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_succeed(policy: *const seawall_policy, pass: u64) -> u8 {
    guard(|| {
        let Ok(policy) = handle!(policy) else { return 0 };
        let permit = pass & u64::from(u32::MAX);
        u8::from(pass & PASSED != 0 && policy.inner.succeed(Pass { permit, started: 0 }))
    })
}

/// A pass as the core knows it; `None` for a number that is none.
pub(crate) fn to_pass(pass: u64, started: u64) -> Option<Pass> {
    (pass & PASSED != 0).then_some(Pass { permit: pass & u64::from(u32::MAX), started })
}

/// What a driver has to know about a policy, to be read when it is made and after a reload.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_shape {
    /// `sizeof(seawall_shape)`, set by the caller.
    pub size: u32,
    /// Bit `1 << n` for each part there is: 1 breaker, 2 retry, 3 budget, 4 bulkhead, 5 timeout,
    /// 6 fallback, 7 cache, 8 cost.
    pub parts: u32,
    pub enabled: u8,
    /// Streams pass without protection.
    pub stream_exempt: u8,
    /// `SEAWALL_MODE_…`; 255: what is usual in the language.
    pub timeout_mode: u8,
    /// Look into the cache before calling.
    pub cache_first: u8,
    /// Entries to keep.
    pub cache_size: u32,
    /// Nanoseconds that a value is fresh.
    pub cache_ttl: u64,
    /// Nanoseconds after that in which it may be served as stale; `SEAWALL_NONE`: not at all.
    pub cache_stale_for: u64,
    /// Nanoseconds; `SEAWALL_NONE` where there is none.
    pub attempt_timeout: u64,
    pub deadline: u64,
    pub idle_timeout: u64,
    pub slow_after: u64,
    pub caller_deadline_after: u64,
    pub fallback_timeout: u64,
    /// Links of the fallback chain; `seawall_policy_fallback` tells them.
    pub fallback_count: u32,
    pub max_keys: u32,
}

const _: () = assert!(size_of::<seawall_shape>() == 88);

// SAFETY: integers alone, the size first, no padding.
unsafe impl Sized32 for seawall_shape {
    const FIRST: u32 = 88;
    const EMPTY: Self = seawall_shape {
        size: 0,
        parts: 0,
        enabled: 0,
        stream_exempt: 0,
        timeout_mode: SEAWALL_NOTHING,
        cache_first: 0,
        cache_size: 0,
        cache_ttl: SEAWALL_NONE,
        cache_stale_for: SEAWALL_NONE,
        attempt_timeout: SEAWALL_NONE,
        deadline: SEAWALL_NONE,
        idle_timeout: SEAWALL_NONE,
        slow_after: SEAWALL_NONE,
        caller_deadline_after: SEAWALL_NONE,
        fallback_timeout: SEAWALL_NONE,
        fallback_count: 0,
        max_keys: 0,
    };
}

/// What a driver has to know about the policy.
///
/// Owns: nothing. Threads: any. Statuses: `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_shape(
    policy: *const seawall_policy,
    shape: *mut seawall_shape,
) -> seawall_status {
    let shape = sized!(shape);
    entry(|| {
        let shape = shape?.required()?;
        shape.set(shape_of(&handle!(policy)?.inner));
        Ok(())
    })
}

fn shape_of(policy: &Policy) -> seawall_shape {
    use seawall::event::PartKind;
    let config = policy.config();
    let bit = |there: bool, part: PartKind| u32::from(there) << part as u32;
    let nanos = |span: Option<Span>| span.map_or(SEAWALL_NONE, |span| span.0);
    let budget = config.retry.as_ref().is_some_and(|retry| retry.budget.is_some());
    let mut shape = seawall_shape {
        parts: bit(config.breaker.is_some(), PartKind::Breaker)
            | bit(config.retry.is_some(), PartKind::Retry)
            | bit(budget, PartKind::Budget)
            | bit(config.bulkhead.is_some(), PartKind::Bulkhead)
            | bit(config.timeout.is_some(), PartKind::Timeout)
            | bit(config.fallback.is_some(), PartKind::Fallback)
            | bit(config.cache.is_some(), PartKind::Cache)
            | bit(!config.cost.is_empty(), PartKind::Cost),
        enabled: u8::from(policy.enabled()),
        stream_exempt: u8::from(config.stream_exempt),
        max_keys: config.max_keys,
        ..seawall_shape::EMPTY
    };
    if let Some(timeout) = &config.timeout {
        shape.timeout_mode = timeout.mode.map_or(SEAWALL_NOTHING, |mode| mode as u8);
        shape.attempt_timeout = nanos(timeout.attempt);
        shape.deadline = nanos(timeout.deadline);
        shape.idle_timeout = nanos(timeout.idle);
        shape.slow_after = nanos(timeout.slow_after);
        shape.caller_deadline_after = timeout.caller_deadline_after.0;
    }
    if let Some(fallback) = &config.fallback {
        shape.fallback_timeout = fallback.timeout.0;
        shape.fallback_count = fallback.chain.len() as u32;
    }
    if let Some(cache) = &config.cache {
        shape.cache_ttl = cache.ttl.0;
        shape.cache_stale_for = nanos(cache.stale_for);
        shape.cache_size = cache.size;
        shape.cache_first = u8::from(cache.first);
    }
    shape
}

fn read<T>(
    policy: *const seawall_policy,
    out: Out<T>,
    value: impl FnOnce(&'static seawall_policy) -> T,
) -> seawall_status {
    entry(|| {
        let policy = handle!(policy)?;
        let out = out.required()?;
        out.set(value(policy));
        Ok(())
    })
}
