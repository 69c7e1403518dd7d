//! What a guard gives to the driver of a coroutine: itself, and the pass that the call may begin
//! under. Coroutines of one guard that are made under the same gate share one: nothing in it belongs
//! to a single call. One without a pass is its coroutine's alone, and holds what its call was given.

use super::Guard;
use super::ask::SETTLE;
use super::begin::{self, Held};
use super::ffi as own;
use super::port::{Port, Spot, deadlines_exist, inside_a_deadline, ours};
use super::{goes_on, handover};
use crate::once::Once;
use crate::wake::wake;
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr::null_mut;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;
use seawall::Pass;
use seawall::outcome::Outcome;

/// What it has of its guard.
#[repr(C)]
#[derive(Copy, Clone)]
struct Half {
    port: *const Port,
    port_object: *mut ffi::PyObject,
    plan: *mut ffi::PyObject,
    function: *mut ffi::PyObject,
    /// The key of a call by its arguments, or null.
    key: *mut ffi::PyObject,
}

impl From<&mut Guard> for Half {
    fn from(guard: &mut Guard) -> Half {
        let Guard { port, port_object, plan, function, key, .. } = *guard;
        Half { port, port_object, plan, function, key }
    }
}

#[repr(C)]
pub struct Entry {
    head: ffi::PyObject,
    of: Half,
    /// `None`: the call must ask, and the entry is its own.
    pass: Option<Pass>,
    /// The gate of a pass that is nothing more; 0: it is, or there is none.
    gate: u32,
    /// See [`runs`].
    runs: bool,
    held: Cell<Held>,
}

impl Entry {
    #[inline(always)]
    pub fn port(&self) -> &Port {
        // SAFETY: set with `port_object`, which the entry holds.
        unsafe { &*self.of.port }
    }

    pub fn take(&self) -> Held {
        self.held.replace(Held::Nothing)
    }

    pub fn hold(&self, held: Held) {
        self.held.set(held);
    }

    /// What the call began under.
    pub fn pass(&self) -> Option<Pass> {
        self.pass
    }

    pub fn key(&self) -> *mut ffi::PyObject {
        self.of.key
    }

    pub fn plan<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        // SAFETY: the entry holds its plan.
        unsafe { Bound::from_borrowed_ptr(py, self.of.plan) }
    }
}

/// Whether `+entry` is likely to let the call run: it is no call that a driver in Python begins.
///
/// # Safety
/// It is one of ours, and alive.
#[inline(always)]
pub unsafe fn runs(entry: *mut ffi::PyObject) -> bool {
    // SAFETY: as promised.
    unsafe { (*entry.cast::<Entry>()).runs }
}

static KIND: Once<Py<PyType>> = Once::new();

/// What the last coroutine got, if the next may have it too.
///
/// # Safety
/// The interpreter is attached; the guard is alive.
#[inline(always)]
pub unsafe fn of_last(guard: &Guard) -> Option<*mut ffi::PyObject> {
    let last = guard.entry;
    // SAFETY: as promised; null or a reference of the guard's to one of ours.
    unsafe { (!last.is_null() && guard.port().gate_at_once() == Some((*last.cast::<Entry>()).gate)).then_some(last) }
}

/// A new reference to the entry for a coroutine that is being made; null with the error set where
/// there is no memory.
///
/// # Safety
/// As for `of_last`.
pub unsafe fn of(py: Python<'_>, guard: &mut Guard) -> *mut ffi::PyObject {
    // SAFETY: as promised.
    unsafe {
        let last = guard.entry;
        let pass = if guard.key.is_null() { Spot::of(guard.port()).pass_later() } else { None };
        if cfg!(Py_GIL_DISABLED) || pass.is_none() {
            return make(py, guard.into(), pass);
        }
        if !last.is_null() && (*last.cast::<Entry>()).pass == pass {
            return ffi::Py_NewRef(last);
        }
        guard.entry = null_mut();
        ffi::Py_XDECREF(last);
        guard.entry = make(py, guard.into(), pass);
        ffi::Py_XNewRef(guard.entry)
    }
}

/// # Safety
/// The interpreter is attached; whose half it is is alive.
unsafe fn make(py: Python<'_>, of: Half, pass: Option<Pass>) -> *mut ffi::PyObject {
    let kind = match KIND.get_or_find(py, || new_kind(py)) {
        Ok(kind) => kind,
        Err(error) => {
            error.restore(py);
            return null_mut();
        }
    };
    // SAFETY: the type was made for this layout, a new object is zeroed, and every field is set.
    unsafe {
        let made = ffi::PyType_GenericAlloc(kind.as_ptr().cast(), 0);
        if !made.is_null() {
            for object in [of.port_object, of.plan, of.function, of.key] {
                ffi::Py_XINCREF(object);
            }
            let entry = made.cast::<Entry>();
            (&raw mut (*entry).of).write(of);
            (&raw mut (*entry).pass).write(pass);
            (&raw mut (*entry).gate).write(pass.filter(|pass| pass.started == 0).map_or(0, |pass| pass.permit as u32));
            (&raw mut (*entry).runs).write(pass.is_some() || of.key.is_null() && (*of.port).may_run_at_once());
            (&raw mut (*entry).held).write(Cell::new(Held::Nothing));
        }
        made
    }
}

fn new_kind(py: Python<'_>) -> PyResult<Py<PyType>> {
    let entry = |name: &'static std::ffi::CStr, ml_meth, flags| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth,
        ml_flags: flags,
        ml_doc: null_mut(),
    };
    let method = |name, meth, flags| entry(name, ffi::PyMethodDefPointer { PyCFunction: meth }, flags);
    let fast = |name, meth| entry(name, ffi::PyMethodDefPointer { PyCFunctionFast: meth }, ffi::METH_FASTCALL);
    // The interpreter keeps the tables of a type for ever.
    let methods = Box::leak(Box::new([
        fast(c"begin", begin::begin),
        fast(c"failed", goes_on::failed),
        method(c"own", own_entry, ffi::METH_NOARGS),
        method(c"words", words, ffi::METH_NOARGS),
        // SAFETY: the empty entry that ends the table.
        unsafe { core::mem::zeroed() },
    ]));
    let members = Box::leak(Box::new([
        own::member(c"plan", ffi::Py_T_OBJECT_EX, offset_of!(Entry, of.plan)),
        own::member(c"function", ffi::Py_T_OBJECT_EX, offset_of!(Entry, of.function)),
        // SAFETY: as above.
        unsafe { core::mem::zeroed() },
    ]));
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
        slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
        slot(ffi::Py_mp_subscript, counted as *mut c_void),
        slot(ffi::Py_nb_positive, function as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(0, null_mut()),
    ];
    own::new_type(py, c"seawall._native.Entry", size_of::<Entry>(), ffi::Py_TPFLAGS_HAVE_GC, &mut slots)
}

/// `+entry`: the function, if it may run: the gate is still the same and no deadline is around, or the call was let
/// in. Else it raises `Asks`, or the refusal.
unsafe extern "C" fn function(this: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter is attached and passes one of ours, which holds its port and its function.
    unsafe {
        let entry = &*this.cast::<Entry>();
        // The gate of an entry of one call is none that passes.
        if !deadlines_exist() && entry.port().gate_at_once() == Some(entry.gate) {
            return ffi::Py_NewRef(entry.of.function);
        }
        function_after_a_look(entry)
    }
}

/// The same where more is to be looked at than one gate. What is rare stays out of the usual way, for whose sake it
/// would save registers.
///
/// # Safety
/// As in `function`.
#[inline(never)]
unsafe fn function_after_a_look(entry: &Entry) -> *mut ffi::PyObject {
    let port = entry.port();
    let runs = match entry.pass {
        Some(pass) => {
            !inside_a_deadline() && (port.gate_at_once() == Some(entry.gate) || Spot::of(port).passes_still(pass))
        }
        // Which cells its key leads to only its arguments say.
        None if !entry.key().is_null() => false,
        None => {
            let asked = Python::attach(|py| begin::ask(py, &Spot::of(port)));
            let held = asked.unwrap_or(Held::Refused);
            let (runs, refused) = (held.runs(), matches!(held, Held::Refused));
            entry.hold(held);
            if refused {
                return null_mut();
            }
            runs
        }
    };
    // SAFETY: as promised.
    unsafe {
        if runs {
            return ffi::Py_NewRef(entry.of.function);
        }
        Python::attach(|py| match handover::driver!(py, "Asks") {
            Ok(asks) => ffi::PyErr_SetNone(asks.as_ptr()),
            Err(error) => error.restore(py),
        });
        null_mut()
    }
}

/// `entry.own()`: the same, or where calls share it one for this call, which must ask.
unsafe extern "C" fn own_entry(this: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as in `function`.
    unsafe {
        let entry = &*this.cast::<Entry>();
        match entry.pass {
            None => ffi::Py_NewRef(this),
            Some(_) => make(Python::assume_attached(), entry.of, None),
        }
    }
}

/// `entry[result]`: the result, counted as a success; raises `Judged` where it is none. An operator, because that is
/// the cheapest way of asking a native object anything.
unsafe extern "C" fn counted(this: *mut ffi::PyObject, result: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as in `function`; the result is alive.
    unsafe {
        let entry = &*this.cast::<Entry>();
        let is_usual = entry.port().is_usual(Python::assume_attached(), result);
        if is_usual && entry.gate != 0 && entry.port().count_at_once(entry.gate) {
            return ffi::Py_NewRef(result);
        }
        counted_after_a_look(entry, result, is_usual)
    }
}

/// The same for what is not counted at once: see `function_after_a_look`.
///
/// # Safety
/// As in `counted`.
#[inline(never)]
unsafe fn counted_after_a_look(entry: &Entry, result: *mut ffi::PyObject, is_usual: bool) -> *mut ffi::PyObject {
    // SAFETY: as promised.
    unsafe {
        if !is_usual && !is_success(entry, result) {
            return null_mut();
        }
        match entry.pass {
            Some(pass) => Spot::of(entry.port()).succeed(pass),
            None if ends(entry) => {}
            None => {
                Python::attach(|py| judged(py, result).unwrap_or_else(|error| error).restore(py));
                return null_mut();
            }
        }
        ffi::Py_NewRef(result)
    }
}

/// Reports the success of a call that has an entry of its own; false: the call is not over.
fn ends(entry: &Entry) -> bool {
    match entry.take() {
        Held::Admitted(admitted) => admitted.succeed(),
        Held::Call(mut call) => {
            let step = ours(|| call.done(1, Outcome::Success, None));
            Python::attach(|py| wake(py, call.take_wakes()));
            if let Some(step) = step.filter(|step| *step != SETTLE) {
                entry.hold(Held::Stands(call, step));
                return false;
            }
        }
        Held::Nothing | Held::Refused | Held::Driver | Held::Stands(..) => {}
    }
    true
}

/// A `Judged` of this result.
///
/// # Safety
/// The result is alive.
unsafe fn judged(py: Python<'_>, result: *mut ffi::PyObject) -> PyResult<PyErr> {
    // SAFETY: as promised.
    let result = unsafe { Bound::from_borrowed_ptr(py, result) };
    Ok(PyErr::from_value(handover::driver!(py, "Judged")?.call1((result,))?))
}

/// Whether a result is none that fails, as the plan judges it; if it is not, an error is set.
///
/// # Safety
/// As for `counted`.
#[cold]
unsafe fn is_success(entry: &Entry, result: *mut ffi::PyObject) -> bool {
    Python::attach(|py| {
        // SAFETY: as promised.
        let value = unsafe { Bound::from_borrowed_ptr(py, result) };
        let success = || match handover::judge(&entry.plan(py), entry.port(), &value)?.is_none() {
            true => Ok(()),
            // SAFETY: as above.
            false => Err(unsafe { judged(py, result) }?),
        };
        success().map_err(|error: PyErr| error.restore(py)).is_ok()
    })
}

/// `entry.words()`: the pass for `Policy.call_after_pass`.
unsafe extern "C" fn words(this: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as in `function`.
    unsafe {
        let entry = &*this.cast::<Entry>();
        match entry.pass {
            Some(pass) => crate::policy::object_of(Python::assume_attached(), pass).into_ptr(),
            None => ffi::Py_NewRef(ffi::Py_None()),
        }
    }
}

unsafe extern "C" fn traverse(this: *mut ffi::PyObject, visit: ffi::visitproc, argument: *mut c_void) -> c_int {
    // SAFETY: the collector passes a live entry; every field is null or a reference that we hold.
    unsafe {
        let of = &(*this.cast::<Entry>()).of;
        own::visit_all(visit, argument, &[ffi::Py_TYPE(this).cast(), of.port_object, of.plan, of.function, of.key])
    }
}

unsafe extern "C" fn dealloc(this: *mut ffi::PyObject) {
    // SAFETY: the last reference is gone; each field is released once, the memory as it was allocated.
    unsafe {
        let kind = ffi::Py_TYPE(this);
        ffi::PyObject_GC_UnTrack(this.cast());
        let entry = &*this.cast::<Entry>();
        match entry.take() {
            Held::Nothing | Held::Refused | Held::Driver => {}
            held => Python::attach(|py| {
                // Whoever is woken finds no error of somebody else's.
                let error = PyErr::take(py);
                held.give_back(py);
                error.into_iter().for_each(|error| error.restore(py));
            }),
        }
        for field in [entry.of.port_object, entry.of.plan, entry.of.function, entry.of.key] {
            ffi::Py_XDECREF(field);
        }
        ffi::PyObject_GC_Del(this.cast());
        ffi::Py_DECREF(kind.cast());
    }
}
