//! A coroutine's call after a first attempt that did not simply succeed.

use super::begin::Held;
use super::entry::Entry;
use super::failed::{Under, is_ordinary, tell};
use super::handover;
use super::port::Spot;
use crate::call::{Call, tuple_of};
use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use seawall::Admission;
use seawall::call::Step;

/// What the driver in Python is to go on from.
enum From {
    /// It is to judge the error, under the pass of `words`.
    Pass,
    /// The same, as the first attempt of this call.
    Call(Box<seawall::call::Call>),
    /// The call stands at a step; after a success, if the error is a `Judged`.
    Stands(Box<seawall::call::Call>, Step),
}

/// `entry.failed(args, kwargs, key)`: the coroutine that goes on with a call whose first attempt raised what is handled
/// now. `None`: the error is to be raised again.
pub unsafe extern "C" fn failed(
    this: *mut PyObject,
    given: *mut *mut PyObject,
    count: ffi::Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: the interpreter is attached and passes an entry and `count` live objects.
    Python::attach(|py| unsafe {
        handover::give(py, || {
            let error = Bound::from_owned_ptr_or_opt(py, ffi::PyErr_GetHandledException());
            let (3, Some(error)) = (count, error) else {
                return Err(PyTypeError::new_err("failed(args, kwargs, key), while an error is handled"));
            };
            let borrowed = |object: *mut PyObject| Bound::from_borrowed_ptr(py, object);
            let (entry, args) = (borrowed(this), borrowed(*given));
            let (kwargs, key) = (borrowed(*given.add(1)), borrowed(*given.add(2)));
            if error.get_type().is(handover::driver!(py, "Asks")?) {
                return handover::driver!(py, "ask_in_task")?.call1((entry, args, kwargs));
            }
            let goes_on = handover::driver!(py, "failed")?;
            match from(py, &*this.cast::<Entry>(), &error)? {
                None => Ok(py.None().into_bound(py)),
                Some(From::Pass) => goes_on.call1((entry, args, kwargs, key)),
                Some(From::Call(call)) => goes_on.call1((entry, args, kwargs, key, Call::new(*call))),
                Some(From::Stands(call, step)) => {
                    goes_on.call1((entry, args, kwargs, key, Call::new(*call), tuple_of(py, step)?))
                }
            }
        })
    })
}

fn from(py: Python<'_>, entry: &Entry, error: &Bound<'_, PyAny>) -> PyResult<Option<From>> {
    let (plan, port) = (entry.plan(py), entry.port());
    let spot = Spot::of(port);
    let told = |policy: &seawall::Policy| is_ordinary(error) && port.asks_alone(policy);
    let tell = |under: Under<'_>| Ok(tell(&plan, port, under, error)?.map(|(call, step)| From::Stands(call, step)));
    match (entry.take(), entry.pass()) {
        (Held::Refused, _) => Ok(None),
        (Held::Stands(call, step), _) => Ok(Some(From::Stands(call, step))),
        (Held::Admitted(held), _) if told(&held.policy) => tell(Under::Admission(&held.policy, held.admission)),
        (Held::Call(call), _) if told(call.policy()) => tell(Under::Call(call)),
        (Held::Nothing, Some(pass)) if told(spot.policy()) => {
            tell(Under::Admission(spot.policy(), Admission::of(pass)))
        }
        (Held::Admitted(held), _) => Ok(Some(From::Call(held.into_call()))),
        (Held::Call(call), _) => Ok(Some(From::Call(call))),
        (Held::Nothing | Held::Driver, _) => Ok(Some(From::Pass)),
    }
}
