//! What the class of an error says of all its errors: asked for once, and kept for the classes that
//! were met last.

use crate::once::Once;
use crate::tables::outcome;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use seawall::outcome::Outcome;
use seawall::{Ending, Policy};
use std::sync::{Arc, Mutex, OnceLock};

/// The classes that one plan keeps; made with the first failure. A class has one place, which the next
/// class for that place takes over: functions that make classes as they go fill no memory. Nobody waits for them: a
/// thread that held them would be missing in a forked child.
#[derive(Default)]
pub struct Kinds(Mutex<Option<Box<[Option<Known>; PLACES]>>>);

const PLACES: usize = 8;

struct Known {
    kind: Py<PyType>,
    says: Arc<Said>,
}

pub struct Said {
    /// `None`: each error of the class is to be looked at.
    pub ended: Option<Outcome>,
    /// The name of the class.
    pub name: Box<str>,
    /// How calls of one policy end with such an error, and the number of that policy: the first that met one.
    ending: OnceLock<(u64, Ending)>,
}

impl Said {
    /// How calls of `policy` end whose error says no more than its class; `None`: not known beforehand.
    pub fn ending(&self, policy: &Policy) -> Option<&Ending> {
        let ended = self.ended?;
        let (of, ending) = self.ending.get().unwrap_or_else(|| {
            // Made first, so that nobody waits for it: see `Once`.
            let made = (policy.id(), policy.ending(ended, &self.name));
            self.ending.get_or_init(|| made)
        });
        // Who moves the policies to another registry moves the port of this one too.
        (*of == policy.id()).then_some(ending)
    }
}

impl Kinds {
    /// What `kind` says, by the rules of the plan.
    pub fn of<'py>(&self, plan: &Bound<'py, PyAny>, kind: &Bound<'py, PyType>) -> PyResult<Arc<Said>> {
        let place = place_of(kind);
        if let Ok(places) = self.0.try_lock()
            && let Some(known) = places.as_ref().and_then(|places| places[place].as_ref())
            && known.kind.is(kind)
        {
            return Ok(known.says.clone());
        }
        let number: Option<u8> = plan.getattr(intern!(plan.py(), "of_kind"))?.call1((kind,))?.extract()?;
        let name = (&*kind.name()?.to_string_lossy()).into();
        let says = Arc::new(Said { ended: number.map(outcome).transpose()?, name, ending: OnceLock::new() });
        let known = Known { kind: kind.clone().unbind(), says: says.clone() };
        let before = self.0.try_lock().map(|mut places| places.get_or_insert_default()[place].replace(known));
        // What goes may run code: the places are free again.
        drop(before);
        Ok(says)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Held by a thread that stands still while the collector runs: it sees them next time.
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
    static WORDS: Once<Py<PyTuple>> = Once::new();
    let found = WORDS
        .get_or_find(py, || Ok(py.import("seawall._classify")?.getattr("WORDS")?.cast_into::<PyTuple>()?.unbind()));
    Ok(found?.bind(py))
}
