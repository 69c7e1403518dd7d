//! Who waits for which ticket, and how to wake them.

use crate::bulkhead::Wakes;
use crate::sync::{Mutex, OnceLock};
use std::collections::HashMap;
use std::task::Waker;
use std::thread::{self, Thread};

pub(super) enum Waiter {
    Thread(Thread),
    #[cfg_attr(not(feature = "tokio"), allow(dead_code))]
    Task(Waker),
}

/// Ticket numbers are unique in the process, so one table serves all policies.
fn waiters() -> &'static Mutex<HashMap<u64, Waiter>> {
    static WAITERS: OnceLock<Mutex<HashMap<u64, Waiter>>> = OnceLock::new();
    WAITERS.get_or_init(|| Mutex::new(HashMap::new()))
}

pub(super) fn register(ticket: u64, waiter: Waiter) {
    waiters().lock().insert(ticket, waiter);
}

pub(super) fn forget(ticket: u64) {
    waiters().lock().remove(&ticket);
}

/// Wakes the holders; a ticket that nobody waits for is of another language or already gone.
pub(super) fn wake(tickets: Wakes) {
    wake_own(&tickets);
}

/// The same for tickets that are also given to whoever asked: other languages wake their own.
pub(crate) fn wake_own(tickets: &[u64]) {
    for ticket in tickets {
        let waiter = waiters().lock().remove(ticket);
        match waiter {
            Some(Waiter::Thread(thread)) => thread.unpark(),
            Some(Waiter::Task(waker)) => waker.wake(),
            None => {}
        }
    }
}

pub(super) fn this_thread() -> Waiter {
    Waiter::Thread(thread::current())
}
