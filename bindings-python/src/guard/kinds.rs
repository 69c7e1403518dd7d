//! What the class of an error says of all its errors: asked for once, and kept for the classes that
//! were met last.

use crate::tables::outcome;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};
use seawall::outcome::Outcome;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The classes that one plan keeps; made with the first failure. A class has one place, which the next
/// class for that place takes over: functions that make classes as they go fill no memory.
#[derive(Default)]
pub struct Kinds(Mutex<Option<Box<[Option<Known>; PLACES]>>>);

const PLACES: usize = 8;

struct Known {
    kind: Py<PyType>,
    says: Said,
}

#[derive(Clone)]
pub struct Said {
    /// `None`: each error of the class is to be looked at.
    pub ended: Option<Outcome>,
    /// The name of the class.
    pub name: Arc<str>,
}

impl Kinds {
    /// What `kind` says, by the rules of the plan.
    pub fn of<'py>(&self, plan: &Bound<'py, PyAny>, kind: &Bound<'py, PyType>) -> PyResult<Said> {
        let place = place_of(kind);
        if let Some(places) = &*self.places()
            && let Some(known) = &places[place]
            && known.kind.is(kind)
        {
            return Ok(known.says.clone());
        }
        let number: Option<u8> = plan.getattr(intern!(plan.py(), "of_kind"))?.call1((kind,))?.extract()?;
        let says = Said { ended: number.map(outcome).transpose()?, name: (&*kind.name()?.to_string_lossy()).into() };
        let known = Known { kind: kind.clone().unbind(), says: says.clone() };
        let before = self.places().get_or_insert_default()[place].replace(known);
        // What goes may run code: the places are free again.
        drop(before);
        Ok(says)
    }

    fn places(&self) -> MutexGuard<'_, Option<Box<[Option<Known>; PLACES]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Held by a thread that stands still while the collector runs: then it is seen next time.
        let Ok(places) = self.0.try_lock() else { return Ok(()) };
        places.iter().flat_map(|places| places.iter()).flatten().try_for_each(|known| visit.call(&known.kind))
    }
}

fn place_of(kind: &Bound<'_, PyType>) -> usize {
    let address = kind.as_ptr() as usize;
    (address >> 4 ^ address >> 9 ^ address >> 12) % PLACES
}

/// The attributes by which an error says more than its class.
pub fn words(py: Python<'_>) -> PyResult<&Bound<'_, PyTuple>> {
    static WORDS: PyOnceLock<Py<PyTuple>> = PyOnceLock::new();
    let found = WORDS.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("seawall._classify")?.getattr("WORDS")?.cast_into::<PyTuple>()?.unbind())
    });
    Ok(found?.bind(py))
}
