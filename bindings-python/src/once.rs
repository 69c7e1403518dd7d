//! What is looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// A value that is found when it is first asked for. Nobody waits for anybody's search, which may
/// import a module and lets other threads run meanwhile: one of them may fork, and its child would
/// wait for a thread that it does not have. Who searches at the same time does so in vain.
pub struct Once<T>(PyOnceLock<T>);

impl<T> Once<T> {
    pub const fn new() -> Once<T> {
        Once(PyOnceLock::new())
    }

    #[inline(always)]
    pub fn get(&self, py: Python<'_>) -> Option<&T> {
        self.0.get(py)
    }

    /// The first value stays: `false` if there was one.
    pub fn set(&self, py: Python<'_>, value: T) -> bool {
        self.0.set(py, value).is_ok()
    }

    #[inline(always)]
    pub fn get_or_find(&self, py: Python<'_>, find: impl FnOnce() -> PyResult<T>) -> PyResult<&T> {
        match self.0.get(py) {
            Some(found) => Ok(found),
            None => self.find(py, find),
        }
    }

    #[cold]
    fn find(&self, py: Python<'_>, find: impl FnOnce() -> PyResult<T>) -> PyResult<&T> {
        let found = find()?;
        Ok(self.0.get_or_init(py, || found))
    }
}
