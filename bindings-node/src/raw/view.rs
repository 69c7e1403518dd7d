//! The memory of a breaker's cell as an `ArrayBuffer`: the gate, and the line of this thread.

use napi::sys;
use seawall::Policy;
use seawall::breaker::Memory;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;

/// The words from the gate to the credit of the calling thread's own line.
pub(crate) struct View {
    _memory: Memory,
    gate: usize,
    bytes: usize,
}

thread_local! {
    /// What is wrapped already: the same memory is wrapped once in a thread. Weak references.
    static WRAPPED: RefCell<HashMap<usize, sys::napi_ref>> = RefCell::default();
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// As runtimes do that keep foreign memory out; for tests.
pub(crate) fn refuse_buffers(refuse: bool) {
    REFUSED.set(refuse);
}

impl View {
    /// The view, and the place of the tally in it in words of 32 bits. None where every call must
    /// ask, or where this thread has no line of its own.
    pub(crate) fn of(policy: &Policy) -> Option<(View, usize)> {
        let overlay = policy.overlay()?;
        let own = overlay.own?.checked_sub(overlay.gate)?;
        let breaker = policy.breaker().filter(|breaker| std::ptr::from_ref(breaker.gate()).addr() == overlay.gate)?;
        let view = View { _memory: breaker.memory(), gate: overlay.gate, bytes: own + 2 * size_of::<u64>() };
        Some((view, own / size_of::<u32>()))
    }

    pub(super) fn shown(self, env: sys::napi_env) -> sys::napi_value {
        if REFUSED.get() {
            return ptr::null_mut();
        }
        let wrapped = WRAPPED.with_borrow(|wrapped| wrapped.get(&self.gate).copied()).map(|known| value_of(env, known));
        if let Some(buffer) = wrapped.filter(|buffer| !buffer.is_null()) {
            return buffer;
        }
        let (gate, bytes) = (self.gate, self.bytes);
        let keep = Box::into_raw(Box::new(self));
        let (mut buffer, mut weak) = (ptr::null_mut(), ptr::null_mut());
        let memory = ptr::with_exposed_provenance_mut(gate);
        // SAFETY: the cell's memory stays as long as the view, which the finalizer drops. All
        // words of the cell are atomics; JavaScript reads any and writes only the tally of this
        // thread's own line, which nobody else writes.
        let made = unsafe {
            sys::napi_create_external_arraybuffer(env, memory, bytes, Some(collected), keep.cast(), &mut buffer)
        };
        if made != sys::Status::napi_ok {
            // SAFETY: refused, so nobody else knows it.
            drop(unsafe { Box::from_raw(keep) });
            return ptr::null_mut();
        }
        // SAFETY: a weak reference to the value that was just made.
        unsafe { sys::napi_create_reference(env, buffer, 0, &mut weak) };
        forget(env, WRAPPED.with_borrow_mut(|wrapped| wrapped.insert(gate, weak)));
        buffer
    }
}

fn value_of(env: sys::napi_env, reference: sys::napi_ref) -> sys::napi_value {
    let mut value = ptr::null_mut();
    // SAFETY: references of this thread are deleted only when they leave the table.
    unsafe { sys::napi_get_reference_value(env, reference, &mut value) };
    value
}

fn forget(env: sys::napi_env, reference: Option<sys::napi_ref>) {
    if let Some(reference) = reference {
        // SAFETY: it has left the table, so it is deleted once.
        unsafe { sys::napi_delete_reference(env, reference) };
    }
}

unsafe extern "C" fn collected(env: sys::napi_env, _data: *mut c_void, keep: *mut c_void) {
    // SAFETY: made by `shown`, finalized once.
    let view = unsafe { Box::from_raw(keep.cast::<View>()) };
    // The same memory may have been wrapped again meanwhile: that one stays.
    let known = WRAPPED.try_with(|wrapped| wrapped.borrow().get(&view.gate).copied()).ok().flatten();
    if known.is_some_and(|known| value_of(env, known).is_null()) {
        let _ = WRAPPED.try_with(|wrapped| forget(env, wrapped.borrow_mut().remove(&view.gate)));
    }
}
