//! Policies: made, named, looked at, and the way past the stepper while all is well.

use crate::explain;
use crate::guard::{entry, guard};
use crate::own::{Out, hand_out, handle, output, release, share, text};
use crate::registry::seawall_registry;
use crate::status::seawall_status;
use crate::text::{seawall_str, seawall_text};
use parking_lot::Mutex;
use seawall::error::{Code, ConfigError};
use seawall::{Pass, Policy, Registry};

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
    made(registry, policy, why, |registry| Ok(registry.policy(text!(json)?)))
}

/// The same, made at `place` (`SEAWALL_HERE` in a source), which `config_conflict` events name; of
/// policies made without one they say `code`.
///
/// Owns, threads, statuses: as `seawall_policy_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_new_at(
    registry: *const seawall_registry,
    json: seawall_str,
    place: seawall_str,
    policy: *mut *mut seawall_policy,
    why: *mut seawall_text,
) -> seawall_status {
    made(registry, policy, why, |registry| Ok(registry.policy_at(text!(json)?, text!(place)?)))
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
    made(registry, policy, why, |registry| Ok(registry.named(text!(name)?)))
}

fn made(
    registry: *const seawall_registry,
    policy: *mut *mut seawall_policy,
    why: *mut seawall_text,
    make: impl FnOnce(&Registry) -> Result<Result<Policy, ConfigError>, Code>,
) -> seawall_status {
    let policy = output!(policy, std::ptr::null_mut());
    let reason = output!(why, seawall_text::NONE);
    entry(|| {
        let (registry, policy) = (handle!(registry)?, policy.required()?);
        let made = make(&registry.inner)?.map_err(|error| {
            reason.set_with(|| explain::why(&error));
            Code::InvalidConfig
        })?;
        policy.set(seawall_policy::hand_out(made));
        Ok(())
    })
}

/// The same policy for one key (a model, a tenant, a host), with a breaker and a bulkhead of its
/// own. It holds them until the handle is freed. Calls of a key of more than 256 bytes pass through
/// what is kept by key, and one `internal` event says so.
///
/// Owns: `*keyed` is the caller's, to be freed. Threads: any. Statuses: `INVALID_TEXT`,
/// `NULL_ARGUMENT`.
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
        keyed.set(seawall_policy::hand_out(policy.inner.at(key)));
        Ok(())
    })
}

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

/// Why its calls are refused with `HOST_UNAVAILABLE`: what is wrong with the state that the processes
/// of this host share, where, and what to do about it; empty while they are not.
///
/// Owns: `*problem` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_host_problem(
    policy: *const seawall_policy,
    problem: *mut seawall_text,
) -> seawall_status {
    let problem = output!(problem, seawall_text::NONE);
    entry(|| {
        let (policy, problem) = (handle!(policy)?, problem.required()?);
        if let Some(words) = policy.inner.host_refusal().as_ref().and_then(|refusal| refusal.problem()) {
            problem.set(seawall_text::new(words));
        }
        Ok(())
    })
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

/// What the configuration came to, as JSON: every layer merged, every default filled in, lengths in
/// text with their unit.
///
/// Owns: `*json` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_config(
    policy: *const seawall_policy,
    json: *mut seawall_text,
) -> seawall_status {
    let json = output!(json, seawall_text::NONE);
    read(policy, json, |policy| seawall_text::new(&policy.inner.config().to_json().to_string()))
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

/// Set in every pass, so that none is `SEAWALL_ASK`; the permit, a gate as it was read, is the low half.
pub const SEAWALL_PASSED: u64 = 0x1_0000_0000;

/// Permission to run without a call: while the circuit is closed and nothing else is to be asked.
/// `SEAWALL_ASK` means: make a call. After a success, `seawall_policy_succeed`; after anything else
/// `seawall_call_after_pass`; each with both numbers. Each pass is reported once.
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
                SEAWALL_PASSED | (pass.permit & u64::from(u32::MAX))
            }
            None => SEAWALL_ASK,
        }
    })
}

/// Counts a success under a pass, `started` as it was told with it. 0: the circuit changed meanwhile or
/// the call was slow, and the circuit has been told all the same.
///
/// Owns: nothing. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_succeed(policy: *const seawall_policy, pass: u64, started: u64) -> u8 {
    guard(|| {
        let Ok(policy) = handle!(policy) else { return 0 };
        u8::from(to_pass(pass, started).is_some_and(|pass| policy.inner.succeed(pass)))
    })
}

/// A pass as the core knows it; `None` for a number that is none.
pub(crate) fn to_pass(pass: u64, started: u64) -> Option<Pass> {
    (pass & SEAWALL_PASSED != 0).then_some(Pass { permit: pass & u64::from(u32::MAX), started })
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
