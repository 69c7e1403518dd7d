//! The boundary round every entry: no panic leaves it, and a fault of ours lets the call run.

use crate::status::{SEAWALL_OK, seawall_status};
use crate::text::seawall_str;
use seawall::error::Code;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What an entry answers when its body panicked.
pub(crate) trait OnPanic {
    fn on_panic() -> Self;
}

impl OnPanic for seawall_status {
    fn on_panic() -> Self {
        Code::Panicked as seawall_status
    }
}

impl OnPanic for () {
    fn on_panic() -> Self {}
}

/// For a pass: ask.
impl OnPanic for u64 {
    fn on_panic() -> Self {
        0
    }
}

/// For a flag: no.
impl OnPanic for u8 {
    fn on_panic() -> Self {
        0
    }
}

impl<T> OnPanic for *mut T {
    fn on_panic() -> Self {
        std::ptr::null_mut()
    }
}

impl OnPanic for seawall_str {
    fn on_panic() -> Self {
        seawall_str::from_static("")
    }
}

/// Runs `body`; `None` if it panicked. The state behind a panic is atomics and short locks without
/// poison, so going on is sound.
pub(crate) fn caught<R>(body: impl FnOnce() -> R) -> Option<R> {
    let armed = AssertUnwindSafe(|| {
        #[cfg(feature = "panic-hook")]
        crate::panic_hook::trip();
        body()
    });
    match catch_unwind(armed) {
        Ok(value) => Some(value),
        Err(payload) => {
            // The destructor of a payload may panic too; what that leaves is leaked rather than
            // unwound into C.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(second);
            }
            None
        }
    }
}

pub(crate) fn guard<R: OnPanic>(body: impl FnOnce() -> R) -> R {
    caught(body).unwrap_or_else(R::on_panic)
}

/// An entry that answers with a status.
pub(crate) fn entry(body: impl FnOnce() -> Result<(), Code>) -> seawall_status {
    guard(|| match body() {
        Ok(()) => SEAWALL_OK,
        Err(code) => code as seawall_status,
    })
}
