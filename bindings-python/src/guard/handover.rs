//! What the drivers in Python are given: the call as it stands.

use super::admitted::Admitted;
use super::failed::{Under, is_ordinary};
use super::port::{Port, Spot};
use super::raised::Raised;
use super::{Arguments, Guard, begin};
use crate::call::{Call, tuple_of};
use crate::policy::object_of;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use seawall::call::Step;
use seawall::{Admission, Pass};

/// A function of `seawall._drive`, looked up once.
macro_rules! driver {
    ($py:expr, $name:literal) => {{
        static FOUND: crate::once::Once<Py<PyAny>> = crate::once::Once::new();
        FOUND
            .get_or_find($py, || Ok($py.import("seawall._drive")?.getattr($name)?.unbind()))
            .map(|found| found.bind($py))
    }};
}

pub(super) use driver;

/// One call of a guard, on its way to Python.
#[derive(Copy, Clone)]
pub struct Handover<'a, 'py> {
    pub py: Python<'py>,
    pub guard: &'a Guard,
    pub key: Option<&'a Bound<'py, PyAny>>,
    pub arguments: Arguments,
}

/// How a function ended that did not simply succeed.
pub enum Ended<'py> {
    Raised(Raised<'py>),
    /// A value that may say no.
    Returned(Bound<'py, PyAny>),
}

impl<'py> Ended<'py> {
    fn split(self, py: Python<'py>) -> (Bound<'py, PyAny>, Bound<'py, PyAny>) {
        match self {
            Ended::Raised(raised) => (raised.into_error(), py.None().into_bound(py)),
            Ended::Returned(value) => (py.None().into_bound(py), value),
        }
    }
}

impl<'py> Handover<'_, 'py> {
    /// The whole call.
    ///
    /// # Safety
    /// As for all functions here: the guard and the arguments are alive.
    pub unsafe fn ask(self) -> *mut PyObject {
        // SAFETY: as promised.
        unsafe { give(self.py, || driver!(self.py, "ask")?.call1(self.whole()?)) }
    }

    /// A call whose first attempt ran under a pass; `succeed` reports that it was good after all.
    pub unsafe fn after_pass<'b>(
        self,
        spot: &Spot<'b>,
        pass: Pass,
        result: *mut PyObject,
        succeed: fn(&Spot<'b>, Pass),
    ) -> *mut PyObject {
        // SAFETY: as promised; the result is null with an error set, or a reference of our own.
        unsafe {
            let ended = match self.look(spot, result) {
                Ok(result) => {
                    succeed(spot, pass);
                    return result;
                }
                Err(Ended::Raised(raised)) if is_ordinary(raised.error()) && spot.asks_alone() => {
                    return self.failed(spot.port, Under::Admission(spot.policy(), Admission::of(pass)), raised);
                }
                Err(ended) => ended,
            };
            give(self.py, || {
                let (error, value) = ended.split(self.py);
                let (plan, function, args, kwargs, key) = self.whole()?;
                let pass = object_of(self.py, pass);
                driver!(self.py, "after_pass")?.call1((plan, function, args, kwargs, key, pass, error, value))
            })
        }
    }

    /// A call whose first attempt ran under an admission, and did not simply succeed.
    pub unsafe fn after_admission(self, spot: &Spot<'_>, admitted: Admitted, result: *mut PyObject) -> *mut PyObject {
        // SAFETY: as promised; the result is null with an error set, or a reference of our own.
        unsafe {
            match self.look(spot, result) {
                Ok(result) => {
                    admitted.succeed();
                    result
                }
                Err(Ended::Raised(raised)) if is_ordinary(raised.error()) => {
                    self.failed(spot.port, Under::Admission(&admitted.policy, admitted.admission), raised)
                }
                Err(ended) => self.ran(spot.port, *admitted.into_call(), ended),
            }
        }
    }

    /// A call that stands at `step`, with the value or the error of an attempt if one ran.
    pub unsafe fn go_on(
        self,
        call: seawall::call::Call,
        step: Step,
        value: Option<Bound<'py, PyAny>>,
        error: Option<Bound<'py, PyAny>>,
    ) -> *mut PyObject {
        // SAFETY: as promised.
        unsafe {
            give(self.py, || {
                let call = Bound::new(self.py, Call::new(call))?;
                let (plan, function, args, kwargs, key) = self.whole()?;
                let step = tuple_of(self.py, step)?;
                driver!(self.py, "go_on")?.call1((plan, function, args, kwargs, key, call, step, value, error))
            })
        }
    }

    pub fn plan(&self) -> Bound<'py, PyAny> {
        // SAFETY: the guard is alive while the call lasts, and holds its plan.
        unsafe { Bound::from_borrowed_ptr(self.py, self.guard.plan) }
    }

    /// A call whose first attempt ran and is not judged yet.
    pub unsafe fn ran(self, port: &Port, call: seawall::call::Call, ended: Ended<'py>) -> *mut PyObject {
        // SAFETY: as promised.
        unsafe {
            let ended = match ended {
                Ended::Raised(raised) if is_ordinary(raised.error()) => {
                    return self.failed(port, Under::Call(Box::new(call)), raised);
                }
                ended => ended,
            };
            give(self.py, || {
                let (error, value) = ended.split(self.py);
                let call = Bound::new(self.py, Call::new(call))?;
                let (plan, function, args, kwargs, key) = self.whole()?;
                driver!(self.py, "ran")?.call1((plan, function, args, kwargs, key, call, error, value))
            })
        }
    }

    /// The result again if it is no failure, although its type is not known to be harmless.
    pub unsafe fn look(self, spot: &Spot<'_>, result: *mut PyObject) -> Result<*mut PyObject, Ended<'py>> {
        let py = self.py;
        // SAFETY: as promised; `result` is ours.
        unsafe {
            if result.is_null() {
                return Err(Ended::Raised(Raised::take(py)));
            }
            let value = Bound::from_owned_ptr(py, result);
            let plan = Bound::from_borrowed_ptr(py, self.guard.plan);
            let function = Bound::from_borrowed_ptr(py, self.guard.function);
            let said = driver!(py, "look").and_then(|look| look.call1((plan, function, &value))?.extract::<u8>());
            match said {
                Ok(0) => Err(Ended::Returned(value)),
                Ok(said) => {
                    if said == 2 {
                        spot.port.remember_usual(py, &value.get_type());
                    }
                    Ok(value.into_ptr())
                }
                Err(error) => {
                    error.restore(py);
                    Err(Ended::Raised(Raised::take(py)))
                }
            }
        }
    }

    /// What every driver gets first: plan, function, arguments, key.
    #[allow(clippy::type_complexity)]
    fn whole(
        self,
    ) -> PyResult<(
        Bound<'py, PyAny>,
        Bound<'py, PyAny>,
        Bound<'py, PyTuple>,
        Bound<'py, PyDict>,
        Option<Bound<'py, PyAny>>,
    )> {
        let py = self.py;
        // SAFETY: the guard and the arguments are alive while the call lasts.
        unsafe {
            let (args, kwargs) = self.arguments.gather(py)?;
            let plan = Bound::from_borrowed_ptr(py, self.guard.plan);
            let function = Bound::from_borrowed_ptr(py, self.guard.function);
            Ok((plan, function, args, kwargs.unwrap_or_else(|| PyDict::new(py)), self.key.cloned()))
        }
    }
}

impl Arguments {
    #[inline(always)]
    pub fn are_none(self) -> bool {
        super::ffi::nargs(self.nargsf) == 0 && self.names.is_null()
    }

    /// The arguments as a tuple and, if there are names, a dict.
    ///
    /// # Safety
    /// The arguments are alive.
    pub unsafe fn gather(self, py: Python<'_>) -> PyResult<(Bound<'_, PyTuple>, Option<Bound<'_, PyDict>>)> {
        let count = super::ffi::nargs(self.nargsf);
        // SAFETY: `items` holds the positional arguments, then one for each name.
        let item = |index: usize| unsafe { Bound::from_borrowed_ptr(py, *self.items.add(index)) };
        let args = if count == 0 { PyTuple::empty(py) } else { PyTuple::new(py, (0..count).map(item))? };
        if self.names.is_null() {
            return Ok((args, None));
        }
        // SAFETY: a tuple of text, as the protocol says.
        let names = unsafe { Bound::from_borrowed_ptr(py, self.names).cast_into_unchecked::<PyTuple>() };
        let kwargs = PyDict::new(py);
        for (index, name) in names.iter().enumerate() {
            kwargs.set_item(name, item(count + index))?;
        }
        Ok((args, Some(kwargs)))
    }
}

/// What a coroutine's result says, as the plan judges it.
pub fn judge<'py>(plan: &Bound<'py, PyAny>, port: &Port, result: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = plan.py();
    let judged = plan.getattr("judge")?.call1((result,))?;
    let kind = result.get_type();
    if judged.is_none() && driver!(py, "is_always_good")?.call1((plan, &kind))?.is_truthy()? {
        port.remember_usual(py, &kind);
    }
    Ok(judged)
}

/// The key of a call and the cells it leads to.
///
/// # Safety
/// The guard has a key function; it and the arguments are alive.
pub unsafe fn key_of<'a, 'py>(
    py: Python<'py>,
    guard: &'a Guard,
    arguments: Arguments,
) -> PyResult<(Bound<'py, PyAny>, Spot<'a>)> {
    // SAFETY: as promised; the port lives as long as the guard.
    unsafe {
        let given = Bound::from_owned_ptr_or_err(py, arguments.call(guard.key))?;
        let (key, spot) = begin::spot_at(guard.port(), given)?;
        Ok((key.into_any(), spot))
    }
}

/// Hands a result to the interpreter: null where an error is set.
pub unsafe fn give<'py>(py: Python<'py>, work: impl FnOnce() -> PyResult<Bound<'py, PyAny>>) -> *mut PyObject {
    match work() {
        Ok(object) => object.into_ptr(),
        Err(error) => {
            error.restore(py);
            std::ptr::null_mut()
        }
    }
}
