//! The private module `seawall._native`: the core's words as Python objects, nothing else.
//!
//! Every number that leaves here is an integer (nanoseconds, outcome, step); the package in
//! `python/seawall` turns them into the public API.

mod call;
mod guard;
mod once;
mod parts;
mod policy;
mod raise;
mod registry;
mod report;
mod tables;
mod wake;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether an interpreter of this process has loaded the module.
static LOADED: AtomicBool = AtomicBool::new(false);

/// Refuses a second interpreter: the core, and the Python functions it wakes waiters by, belong to
/// the first one. Loading again in the same interpreter is fine.
fn claim(py: Python<'_>) -> PyResult<()> {
    let sys = py.import("sys")?;
    if LOADED.swap(true, Ordering::Relaxed) && !sys.hasattr("_seawall_loaded")? {
        return Err(PyImportError::new_err(
            "seawall is already loaded in another interpreter of this process; it works in one interpreter only",
        ));
    }
    sys.setattr("_seawall_loaded", true)
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    claim(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("OUTCOMES", tables::outcomes(module.py())?)?;
    module.add("CODES", tables::codes(module.py())?)?;
    module.add_class::<registry::Registry>()?;
    module.add_class::<registry::Cursor>()?;
    module.add_class::<policy::Policy>()?;
    module.add_class::<call::Call>()?;
    module.add_class::<parts::Budget>()?;
    module.add_class::<parts::Permit>()?;
    module.add_class::<parts::BulkheadEntry>()?;
    module.add_class::<parts::BulkheadPermit>()?;
    module.add_class::<parts::Reservation>()?;
    module.add_class::<parts::Schedule>()?;
    module.add_function(wrap_pyfunction!(tables::http_status, module)?)?;
    module.add_function(wrap_pyfunction!(tables::error_name, module)?)?;
    module.add_function(wrap_pyfunction!(tables::parse_retry_after, module)?)?;
    module.add_function(wrap_pyfunction!(wake::set_waker, module)?)?;
    module.add_class::<guard::Port>()?;
    module.add_class::<report::Report>()?;
    module.add_class::<guard::OpenCircuit>()?;
    module.add_function(wrap_pyfunction!(guard::guard, module)?)?;
    module.add_function(wrap_pyfunction!(guard::set_deadline_variable, module)?)?;
    module.add_class::<guard::Deadline>()?;
    Ok(())
}
