//! Memory of the core as an `ArrayBuffer`: of a breaker's cell the gate and the line of this thread,
//! of a loan its words and those around its leased place.

use napi::sys;
use seawall::Policy;
use seawall::breaker::{Memory, Overlay};
use seawall::bulkhead::{Desk, Loan, LoanMemory};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;

/// The words from the gate to the credit of the calling thread's own line, or those of a loan, or from
/// the pulse of a cell to its last place, or one that says whether this process is still who it was.
pub(crate) struct View {
    _memory: Keep,
    start: usize,
    bytes: usize,
}

enum Keep {
    Cell { _memory: Memory },
    Loan { _memory: LoanMemory },
}

/// Of a loan: places unused, calls that took one, whether it is recalled, and places in all.
const LOAN_WORDS: usize = 4;

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
    /// The view, and the place of the tally in it in words of 32 bits. None where this thread has no
    /// line of its own behind the gate.
    pub(crate) fn of(policy: &Policy, overlay: &Overlay) -> Option<(View, usize)> {
        let own = overlay.own?.checked_sub(overlay.gate)?;
        let breaker = policy.breaker().filter(|breaker| std::ptr::from_ref(breaker.gate()).addr() == overlay.gate)?;
        let _memory = Keep::Cell { _memory: breaker.memory() };
        let bytes = own + 2 * size_of::<u64>();
        // A line outside of the cell is no part of that memory.
        let view = (bytes <= breaker.bytes()).then_some(View { _memory, start: overlay.gate, bytes })?;
        Some((view, own / size_of::<u32>()))
    }

    pub(crate) fn of_loan(loan: &Loan) -> View {
        let _memory = Keep::Loan { _memory: loan.memory() };
        View { _memory, start: loan.address(), bytes: LOAN_WORDS * size_of::<u64>() }
    }

    pub(crate) fn of_desk(loan: &Loan) -> Option<(View, Desk)> {
        let (desk, memory) = loan.desk()?;
        let (start, words) = desk.words;
        Some((View { _memory: Keep::Loan { _memory: memory }, start, bytes: words * size_of::<u64>() }, desk))
    }

    pub(crate) fn of_standing(loan: &Loan) -> Option<View> {
        let (desk, memory) = loan.desk()?;
        Some(View { _memory: Keep::Loan { _memory: memory }, start: desk.standing.0, bytes: size_of::<u64>() })
    }

    pub(super) fn shown(self, env: sys::napi_env) -> sys::napi_value {
        if REFUSED.get() {
            return ptr::null_mut();
        }
        let wrapped =
            WRAPPED.with_borrow(|wrapped| wrapped.get(&self.start).copied()).map(|known| value_of(env, known));
        if let Some(buffer) = wrapped.filter(|buffer| !buffer.is_null()) {
            return buffer;
        }
        let (start, bytes) = (self.start, self.bytes);
        let keep = Box::into_raw(Box::new(self));
        let (mut buffer, mut weak) = (ptr::null_mut(), ptr::null_mut());
        let memory = ptr::with_exposed_provenance_mut(start);
        // SAFETY: the memory stays as long as the view, which the finalizer drops. All its words are
        // atomics; JavaScript reads any and writes only the tally of this thread's own line and the
        // calls and places of its own loan, which nobody else writes, the count of a place that it has,
        // and by `Atomics` the loan's unused places and its leased one.
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
        forget(env, WRAPPED.with_borrow_mut(|wrapped| wrapped.insert(start, weak)));
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
    let known = WRAPPED.try_with(|wrapped| wrapped.borrow().get(&view.start).copied()).ok().flatten();
    if known.is_some_and(|known| value_of(env, known).is_null()) {
        let _ = WRAPPED.try_with(|wrapped| forget(env, wrapped.borrow_mut().remove(&view.start)));
    }
}
