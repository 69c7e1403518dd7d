//! A switch for the tests of the guard: the next guarded entry on this thread panics.

use std::cell::Cell;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

/// Makes the next guarded entry on this thread panic inside its guard. Only in libraries built for
/// testing.
///
/// Owns: nothing. Threads: acts on the calling one. Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn seawall_panic_arm() {
    ARMED.set(true);
}

pub(crate) fn trip() {
    if ARMED.replace(false) {
        panic!("armed by seawall_panic_arm");
    }
}
