//! Waking the holders of bulkhead tickets: the Python side knows how, and says so once.

use crate::once::Once;
use pyo3::prelude::*;

static WAKER: Once<Py<PyAny>> = Once::new();

/// Names the function that wakes the holders of a list of tickets.
#[pyfunction]
pub fn set_waker(py: Python<'_>, waker: Py<PyAny>) {
    // A second import of the package in one process brings the same function again.
    let _ = WAKER.set(py, waker);
}

/// Called after a step, with no lock of the core held.
pub fn wake(py: Python<'_>, tickets: Vec<u64>) {
    if tickets.is_empty() {
        return;
    }
    if let Some(waker) = WAKER.get(py)
        && let Err(error) = waker.call1(py, (tickets,))
    {
        error.write_unraisable(py, None);
    }
}
