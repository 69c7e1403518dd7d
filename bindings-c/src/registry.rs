//! The registry: configuration files, the off switch, events and metrics of all.

use crate::bulkhead::pour;
use crate::explain::why;
use crate::guard::{entry, guard};
use crate::own::{Out, hand_out, handle, output, release, share, text};
use crate::policy::seawall_policy;
use crate::status::{SEAWALL_NONE, seawall_status};
use crate::text::{seawall_str, seawall_text};
use seawall::Registry;
use seawall::error::{Code, ConfigError};

/// Where policies, named parts, events and metrics meet, with their clock and their randomness. One
/// for the process, and as many as a test likes for itself.
pub struct seawall_registry {
    pub(crate) inner: Registry,
}

/// The registry of the process. Its clock follows `CLOCK_MONOTONIC`, and the file that
/// `SEAWALL_CONFIG` names is read when the first policy is made.
///
/// Owns: `*registry` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_global(registry: *mut *mut seawall_registry) -> seawall_status {
    let registry = output!(registry, std::ptr::null_mut());
    entry(|| {
        let registry = registry.required()?;
        registry.set(hand_out(seawall_registry { inner: Registry::global().clone() }));
        Ok(())
    })
}

/// A registry for a test: its clock stands at 0 until it is advanced, its random numbers come from
/// `seed`, and it reads neither environment nor file.
///
/// Owns: `*registry` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_manual(seed: u64, registry: *mut *mut seawall_registry) -> seawall_status {
    let registry = output!(registry, std::ptr::null_mut());
    entry(|| {
        let registry = registry.required()?;
        registry.set(hand_out(seawall_registry { inner: Registry::manual(seed) }));
        Ok(())
    })
}

/// The same with an environment of its own: `environment` is a JSON table of variables and their
/// text, those that do not begin with `SEAWALL_` mean nothing.
///
/// Owns: `*registry` is the caller's, to be freed. Threads: any. Statuses: `INVALID_TEXT` where that is
/// no such table, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_manual_with(
    seed: u64,
    environment: seawall_str,
    registry: *mut *mut seawall_registry,
) -> seawall_status {
    let registry = output!(registry, std::ptr::null_mut());
    entry(|| {
        let registry = registry.required()?;
        let variables: std::collections::BTreeMap<String, String> =
            serde_json::from_str(text!(environment)?).map_err(|_| Code::InvalidText)?;
        let inner = Registry::manual_with(seed, variables.into_iter().collect());
        registry.set(hand_out(seawall_registry { inner }));
        Ok(())
    })
}

/// A second handle on the same registry; NULL for NULL.
///
/// Owns: the answer is the caller's, to be freed. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_clone(registry: *const seawall_registry) -> *mut seawall_registry {
    // SAFETY: NULL or a live handle, by the contract of the header.
    guard(|| unsafe { share(registry) })
}

/// Ends one handle; policies that were made in the registry live on. NULL is nothing.
///
/// Owns: takes the handle back. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_free(registry: *mut seawall_registry) {
    // SAFETY: NULL or a live handle that is not used again, by the contract of the header.
    guard(|| unsafe { release(registry) });
}

/// Whether policies protect (1) or are plain calls (0).
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_enabled(
    registry: *const seawall_registry,
    enabled: *mut u8,
) -> seawall_status {
    let enabled = output!(enabled, 0);
    read(registry, enabled, |registry| u8::from(registry.enabled()))
}

/// The off switch of everything: 0 turns all policies into plain calls.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_set_enabled(
    registry: *const seawall_registry,
    enabled: u8,
) -> seawall_status {
    act(registry, |registry| {
        registry.set_enabled(enabled != 0);
        Ok(())
    })
}

/// Takes a configuration as TOML text; `source` is what messages call it. Policies that exist are
/// configured anew and keep their state where its shape allows.
///
/// Owns: `*why`, which may be NULL, is the caller's, to be freed; on `INVALID_CONFIG` it is a JSON
/// object with `code`, `path`, `reason` and `message`, and `suggestion` and `source` where there is
/// one. Threads: any. Statuses: `INVALID_CONFIG`, `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_load(
    registry: *const seawall_registry,
    toml: seawall_str,
    source: seawall_str,
    why: *mut seawall_text,
) -> seawall_status {
    let why = output!(why, seawall_text::NONE);
    configure(registry, why, |registry| Ok(registry.load(text!(toml)?, text!(source)?)))
}

/// The same, from a file.
///
/// Owns, threads, statuses: as `seawall_registry_load`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_load_path(
    registry: *const seawall_registry,
    path: seawall_str,
    why: *mut seawall_text,
) -> seawall_status {
    let why = output!(why, seawall_text::NONE);
    configure(registry, why, |registry| Ok(registry.load_path(text!(path)?)))
}

/// Reads the file again that was loaded by path or named by `SEAWALL_CONFIG`.
///
/// Owns, threads, statuses: as `seawall_registry_load`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_reload(
    registry: *const seawall_registry,
    why: *mut seawall_text,
) -> seawall_status {
    let why = output!(why, seawall_text::NONE);
    configure(registry, why, |registry| Ok(registry.reload()))
}

/// Tickets that a load or reload admitted because their bulkhead is wider now: wake their holders.
///
/// `tickets` gets at most `room` of them, `count` how many; the rest waits for the next call. Steps
/// of calls hand them out too, so that a driver that forgets this function is only late.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_take_wakes(
    registry: *const seawall_registry,
    tickets: *mut u64,
    room: usize,
    count: *mut usize,
) -> seawall_status {
    let count = output!(count, 0);
    act(registry, |registry| {
        let count = count.required()?;
        if tickets.is_null() && room > 0 {
            return Err(Code::NullArgument);
        }
        let mut woken = registry.take_some_stranded(room);
        // SAFETY: `room` numbers fit, by the contract of the header.
        count.set(unsafe { pour(&mut woken, tickets, room) }?);
        Ok(())
    })
}

/// Applies the transitions that are due. Whoever listens to events calls it now and then, every
/// 100 ms say; calls through a policy do it for themselves.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_tick(registry: *const seawall_registry) -> seawall_status {
    act(registry, |registry| {
        registry.tick();
        Ok(())
    })
}

/// All metrics, in the text format of Prometheus.
///
/// Owns: `*text` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_metrics(
    registry: *const seawall_registry,
    text: *mut seawall_text,
) -> seawall_status {
    let text = output!(text, seawall_text::NONE);
    read(registry, text, |registry| seawall_text::new(&registry.metrics()))
}

/// The snapshots of all named policies, a JSON array of what `seawall_policy_snapshot` gives.
///
/// Owns: `*json` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_snapshot(
    registry: *const seawall_registry,
    json: *mut seawall_text,
) -> seawall_status {
    let json = output!(json, seawall_text::NONE);
    read(registry, json, |registry| {
        let all: Vec<String> = registry.policies().iter().map(|policy| policy.snapshot_json()).collect();
        seawall_text::new(&format!("[{}]", all.join(",")))
    })
}

/// The policy called `name`, if it has been made in this process.
///
/// Owns: `*policy` is the caller's, to be freed. Threads: any. Statuses: `UNKNOWN_POLICY`,
/// `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_find(
    registry: *const seawall_registry,
    name: seawall_str,
    policy: *mut *mut seawall_policy,
) -> seawall_status {
    let policy = output!(policy, std::ptr::null_mut());
    act(registry, |registry| {
        let policy = policy.required()?;
        let found = registry.find(text!(name)?).ok_or(Code::UnknownPolicy)?;
        policy.set(seawall_policy::hand_out(found));
        Ok(())
    })
}

/// The time limit of a kind of operation (`llm`, `auth`, `db`, `http`, else the default), in
/// nanoseconds. The table is configuration.
///
/// Owns: nothing. Threads: any. Statuses: `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_operation_timeout(
    registry: *const seawall_registry,
    operation: seawall_str,
    nanos: *mut u64,
) -> seawall_status {
    let nanos = output!(nanos, SEAWALL_NONE);
    act(registry, |registry| {
        let nanos = nanos.required()?;
        nanos.set(registry.operation_timeout(text!(operation)?).0);
        Ok(())
    })
}

/// How many calls at once a kind of resource takes (`llm`, `openfga`, `redis`, `db`, else the
/// default). The table is configuration.
///
/// Owns: nothing. Threads: any. Statuses: `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_resource_limit(
    registry: *const seawall_registry,
    resource: seawall_str,
    limit: *mut u32,
) -> seawall_status {
    let limit = output!(limit, 0);
    act(registry, |registry| {
        let limit = limit.required()?;
        limit.set(registry.resource_limit(text!(resource)?));
        Ok(())
    })
}

pub(crate) fn act(
    registry: *const seawall_registry,
    body: impl FnOnce(&Registry) -> Result<(), Code>,
) -> seawall_status {
    entry(|| body(&handle!(registry)?.inner))
}

pub(crate) fn read<T>(
    registry: *const seawall_registry,
    out: Out<T>,
    value: impl FnOnce(&Registry) -> T,
) -> seawall_status {
    act(registry, |registry| {
        let out = out.required()?;
        out.set(value(registry));
        Ok(())
    })
}

fn configure(
    registry: *const seawall_registry,
    out: Out<seawall_text>,
    body: impl FnOnce(&Registry) -> Result<Result<(), ConfigError>, Code>,
) -> seawall_status {
    act(registry, |registry| {
        body(registry)?.map_err(|error| {
            out.set_with(|| why(&error));
            Code::InvalidConfig
        })
    })
}
