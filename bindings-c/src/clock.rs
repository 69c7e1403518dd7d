//! The clock and the randomness of a registry, which a test moves and chooses.

use crate::own::output;
use crate::registry::{act, read, seawall_registry};
use crate::status::seawall_status;
use seawall::error::Code;
use seawall::time::Span;

/// The present instant of the registry's clock, in nanoseconds since that clock's own zero.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_now(registry: *const seawall_registry, nanos: *mut u64) -> seawall_status {
    let nanos = output!(nanos, 0);
    read(registry, nanos, |registry| registry.clock().now().0)
}

/// Whether the clock stands still until it is advanced: then advance it instead of sleeping.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_is_manual(
    registry: *const seawall_registry,
    manual: *mut u8,
) -> seawall_status {
    let manual = output!(manual, 0);
    read(registry, manual, |registry| u8::from(registry.clock().is_manual()))
}

/// Stops the clock at the present instant, for tests of code that uses the process's registry.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_freeze(registry: *const seawall_registry) -> seawall_status {
    act(registry, |registry| {
        registry.clock().freeze();
        Ok(())
    })
}

/// Lets the clock follow the system again.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_thaw(registry: *const seawall_registry) -> seawall_status {
    act(registry, |registry| {
        registry.clock().thaw();
        Ok(())
    })
}

/// Moves a clock that stands still.
///
/// Owns: nothing. Threads: any. Statuses: `WRONG_ORDER` if the clock follows the system,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_advance(registry: *const seawall_registry, nanos: u64) -> seawall_status {
    act(registry, |registry| {
        if !registry.clock().is_manual() {
            return Err(Code::WrongOrder);
        }
        registry.clock().advance(Span(nanos));
        Ok(())
    })
}

/// Starts the random numbers anew; the same seed gives the same numbers in every language.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_reseed(registry: *const seawall_registry, seed: u64) -> seawall_status {
    act(registry, |registry| {
        registry.rng().reseed(seed);
        Ok(())
    })
}

/// Makes `number` the next uniform number drawn, after those that were scripted before it; it is
/// clamped to 0..1.
///
/// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE` for NaN, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_script(registry: *const seawall_registry, number: f64) -> seawall_status {
    act(registry, |registry| {
        if number.is_nan() {
            return Err(Code::UnknownValue);
        }
        registry.rng().script(number);
        Ok(())
    })
}

/// Draws the next uniform number, 0 ≤ number < 1.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_registry_uniform(
    registry: *const seawall_registry,
    number: *mut f64,
) -> seawall_status {
    let number = output!(number, 0.0);
    read(registry, number, |registry| registry.rng().uniform())
}
