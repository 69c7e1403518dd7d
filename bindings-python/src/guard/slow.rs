//! A call that must ask, or that did not simply succeed. What goes well is finished here; the rest
//! goes to the drivers in Python with the call as it stands.

use super::port::{Port, ours};
use super::{Arguments, Guard, ffi as own};
use crate::call::Call;
use crate::raise;
use crate::wake::wake;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyTuple, PyType};
use seawall::Pass;
use seawall::call::{Step, Verdict};
use seawall::error::Refusal;
use seawall::outcome::Outcome;

/// A function of `seawall._drive`, looked up once.
macro_rules! driver {
    ($py:expr, $name:literal) => {{
        static FOUND: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        FOUND.get_or_try_init($py, || Ok::<_, PyErr>($py.import("seawall._drive")?.getattr($name)?.unbind())).map(|found| found.bind($py))
    }};
}

/// How a call that was asked for began.
pub enum Begun {
    /// The function is to run, without a limit.
    Run(Box<seawall::call::Call>),
    /// Rejected by an open circuit.
    Refused(Refusal),
    /// Something else comes first.
    Other(Box<seawall::call::Call>, Step),
}

/// Asks for a call that Python has nothing to add to; `None` after a fault of ours.
pub fn begin(py: Python<'_>, port: &Port) -> Option<Begun> {
    let policy = &port.seat().policy;
    let begun = ours(|| {
        if let Some(refusal) = policy.refusal() {
            return Begun::Refused(refusal);
        }
        let mut call = Box::new(policy.call());
        match call.start() {
            Step::Run { limit: None, .. } => Begun::Run(call),
            step => Begun::Other(call, step),
        }
    });
    if begun.is_none() {
        let _ = ours(|| policy.registry().internal(policy.name(), "a call could not be begun; it runs unprotected"));
    }
    if let Some(Begun::Run(call) | Begun::Other(call, _)) = &mut { begun } {
        let wakes = call.take_wakes();
        return wake_and(py, wakes, begun_of(call));
    }
    None
}
