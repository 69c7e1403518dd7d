//! Events, which are read and never pushed.

use crate::guard::{entry, guard};
use crate::own::{hand_out, handle, output, release};
use crate::registry::seawall_registry;
use crate::status::seawall_status;
use crate::text::seawall_text;
use parking_lot::Mutex;
use seawall::events::Cursor;

/// A reader's place in the events of a registry. For one thread at a time; a second one waits for
/// the first.
pub struct seawall_events {
    inner: Mutex<Cursor>,
}

/// Starts reading: events from now on are kept until they are read, the newest 1024 of them.
/// Without a reader none is made.
///
/// Owns: `*events` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_events_new(
    registry: *const seawall_registry,
    events: *mut *mut seawall_events,
) -> seawall_status {
    let events = output!(events, std::ptr::null_mut());
    entry(|| {
        let (registry, events) = (handle!(registry)?, events.required()?);
        let cursor = registry.inner.events().subscribe();
        events.set(hand_out(seawall_events { inner: Mutex::new(cursor) }));
        Ok(())
    })
}

/// What happened since the last time, oldest first, as a JSON array; `{NULL, 0}` if nothing did.
/// `*dropped`, which may be NULL, says how many came and went unread.
///
/// Owns: `*json` is the caller's, to be freed. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_events_drain(
    events: *mut seawall_events,
    json: *mut seawall_text,
    dropped: *mut u64,
) -> seawall_status {
    let (json, dropped) = (output!(json, seawall_text::NONE), output!(dropped, 0));
    entry(|| {
        let (events, json) = (handle!(events)?, json.required()?);
        let batch = events.inner.lock().drain();
        dropped.set(batch.dropped);
        if !batch.events.is_empty() {
            let all = batch.events.iter().map(|event| event.to_json()).collect();
            json.set(seawall_text::new(&serde_json::Value::Array(all).to_string()));
        }
        Ok(())
    })
}

/// Stops reading. NULL is nothing.
///
/// Owns: takes the handle back. Threads: any, after all others. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_events_free(events: *mut seawall_events) {
    // SAFETY: NULL or a live handle that is not used again, by the contract of the header.
    guard(|| unsafe { release(events) });
}
