//! What a driver has to know about a policy before it makes calls through it.

use crate::guard::entry;
use crate::own::{Sized32, handle, output, sized};
use crate::policy::seawall_policy;
use crate::status::{SEAWALL_NONE, SEAWALL_NOTHING, seawall_status};
use crate::text::seawall_text;
use seawall::Policy;
use seawall::config::{FallbackStep, Scalar};
use seawall::error::Code;
use seawall::time::Span;

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
    /// `seawall_policy_admit` may let a call in.
    pub admits: u8,
    /// `seawall_policy_end` may end one.
    pub ends: u8,
    /// Other processes may move what `seawall_policy_overlay` tells of: ask for it again now and then.
    pub moves: u8,
    pub reserved: [u8; 5],
}

const _: () = assert!(size_of::<seawall_shape>() == 96);

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
        admits: 0,
        ends: 0,
        moves: 0,
        reserved: [0; 5],
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

/// Link `index` of the fallback chain: `SEAWALL_FALLBACK_…`, and the value of a `VALUE` that the
/// configuration gives, as JSON; `{NULL, 0}` where the code has to give it. `value` may be NULL.
///
/// Owns: `*value` is the caller's, to be freed. Threads: any. Statuses: `NO_SUCH_PART`,
/// `UNKNOWN_VALUE` past the end of the chain, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_fallback(
    policy: *const seawall_policy,
    index: u32,
    step: *mut u8,
    value: *mut seawall_text,
) -> seawall_status {
    let (step, value) = (output!(step, SEAWALL_NOTHING), output!(value, seawall_text::NONE));
    entry(|| {
        let (policy, step) = (handle!(policy)?, step.required()?);
        let config = policy.inner.config();
        let fallback = config.fallback.as_ref().ok_or(Code::NoSuchPart)?;
        let link = *fallback.chain.get(index as usize).ok_or(Code::UnknownValue)?;
        step.set(link as u8);
        if let (FallbackStep::Value, Some(scalar)) = (link, &fallback.value) {
            let json = match scalar {
                Scalar::Bool(value) => serde_json::json!(value),
                Scalar::Integer(value) => serde_json::json!(value),
                Scalar::Float(value) => serde_json::json!(value),
                Scalar::Text(value) => serde_json::json!(value),
            };
            value.set_with(|| seawall_text::new(&json.to_string()));
        }
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
        admits: u8::from(policy.may_admit()),
        ends: u8::from(policy.may_end()),
        moves: u8::from(policy.may_move()),
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
