//! Where the guards of one plan find its policy, and what of a call can be decided without Python.

use super::ffi;
use super::kinds::Kinds;
use super::lane::Lane;
use super::views::{View, Views};
use crate::once::Once;
use crate::policy::{Policy, gate_off};
use pyo3::ffi::PyObject;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};
use seawall::Pass;
use seawall::breaker::Shard;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// The policy that calls go to now.
pub struct Seat {
    pub policy: seawall::Policy,
    /// No call may pass: the caller gave a deadline, or the gate is off.
    asks: bool,
    /// The host's half has nothing to say while a call goes well: no store, estimate, hook or test.
    alone: bool,
    /// The same, and calls have no limit of time: most run as soon as they are asked for.
    runs: bool,
    lane: Lane,
    /// Made with the first key.
    views: OnceLock<Arc<Views>>,
}

/// One for each plan. A test moves it to another registry's policy and back.
#[pyclass(frozen, module = "seawall._native")]
pub struct Port {
    seat: AtomicPtr<Seat>,
    /// Seats that were left. While one thread runs at a time nobody looks at them any more; without
    /// that lock another thread may, so they stay as long as the port.
    #[allow(clippy::vec_box)] // whoever looks at a seat knows its address
    left: Mutex<Vec<Box<Seat>>>,
    /// The name of the policy, wherever it is moved.
    name: Option<Py<PyString>>,
    /// A function of the user's judges results: no type of them goes without a look.
    judged: bool,
    /// A type of results that carries no status: the first that was met.
    usual: Once<Py<PyType>>,
    pub kinds: Kinds,
}

#[pymethods]
impl Port {
    #[new]
    fn new(py: Python<'_>, policy: &Policy, asks: bool, alone: bool, judged: bool) -> Port {
        Port {
            name: policy.inner.name().map(|name| PyString::new(py, name).unbind()),
            seat: AtomicPtr::new(Seat::boxed(policy, asks, alone)),
            left: Mutex::default(),
            judged,
            usual: Once::new(),
            kinds: Kinds::default(),
        }
    }

    /// Sends the calls that follow to another policy.
    fn move_to(&self, policy: &Policy, asks: bool, alone: bool) {
        // AcqRel: who finds the new seat finds what it holds.
        let before = self.seat.swap(Seat::boxed(policy, asks, alone), Ordering::AcqRel);
        // SAFETY: the pointer came from `Box::into_raw`, and the swap made it ours alone to keep.
        let before = unsafe { Box::from_raw(before) };
        if cfg!(Py_GIL_DISABLED)
            && let Ok(mut left) = self.left.lock()
        {
            left.push(before);
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs with the interpreter attached.
        let py = unsafe { Python::assume_attached() };
        self.usual.get(py).map_or(Ok(()), |kind| visit.call(kind))?;
        self.kinds.traverse(&visit)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw`, and nobody else can reach the port any more.
        drop(unsafe { Box::from_raw(*self.seat.get_mut()) });
    }
}

impl Seat {
    fn boxed(policy: &Policy, asks: bool, alone: bool) -> *mut Seat {
        Box::into_raw(Box::new(Seat {
            policy: policy.inner.clone(),
            asks: asks || gate_off(),
            alone,
            runs: alone && policy.inner.config().timeout.is_none() && policy.inner.keeps_nothing(),
            lane: Lane::new(),
            views: OnceLock::new(),
        }))
    }
}

impl Port {
    /// The seat of this moment: not to be kept over anything that runs Python code.
    #[inline(always)]
    fn seat(&self) -> &Seat {
        // SAFETY: a seat is freed with its port, or in `move_to` while this thread cannot run; see `left`.
        unsafe { &*self.seat.load(Ordering::Acquire) }
    }

    /// `Spot::pass` of a port that no deadline is around, as far as that takes no call: the gate that it found open.
    #[inline(always)]
    pub fn gate_at_once(&self) -> Option<u32> {
        // SAFETY: the interpreter is attached; a lane is known of its own seat's policy. Where every call asks, nobody
        // looks one up.
        unsafe { self.seat().lane.pass() }
    }

    #[inline(always)]
    pub fn count_at_once(&self, gate: u32) -> bool {
        // SAFETY: as in `gate_at_once`.
        unsafe { self.seat().lane.count(gate) }
    }

    /// Whether a call can be asked for here, and judged where it fails, without a driver in Python.
    pub fn asks_alone(&self, policy: &seawall::Policy) -> bool {
        self.seat().alone && !inside_a_deadline() && !policy.registry().events().wanted() && policy.keeps_nothing()
    }

    /// Whether a call that may not pass is likely to run all the same as soon as it is asked for, without a limit.
    pub fn may_run_at_once(&self) -> bool {
        self.seat().runs
    }

    pub fn name(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.name.as_ref().map(|name| name.clone_ref(py))
    }

    /// Whether a function of the user's judges results.
    pub fn is_judged(&self) -> bool {
        self.judged
    }

    /// Whether a result needs no look: its type cannot say that the call failed.
    #[inline(always)]
    pub fn is_usual(&self, py: Python<'_>, result: *mut PyObject) -> bool {
        !self.judged && self.is_usual_unjudged(py, result)
    }

    /// The same where no function judges.
    #[inline(always)]
    pub fn is_usual_unjudged(&self, py: Python<'_>, result: *mut PyObject) -> bool {
        // SAFETY: a live object of the caller's.
        let (kind, is_none) = unsafe { (pyo3::ffi::Py_TYPE(result), result == pyo3::ffi::Py_None()) };
        is_none || is_bare(kind) || self.usual.get(py).is_some_and(|usual| usual.as_ptr() == kind.cast())
    }

    pub fn remember_usual(&self, py: Python<'_>, kind: &Bound<'_, PyType>) {
        // A second type is looked at each time.
        let _ = self.usual.set(py, kind.clone().unbind());
    }
}

/// The policy of one call: the port's, or its view of the call's key.
pub struct Spot<'a> {
    pub port: &'a Port,
    view: Option<Arc<View>>,
}

impl<'a> Spot<'a> {
    #[inline(always)]
    pub fn of(port: &'a Port) -> Spot<'a> {
        Spot { port, view: None }
    }

    /// `hash` is Python's of the key.
    pub fn at(port: &'a Port, key: &str, hash: isize) -> Spot<'a> {
        let seat = port.seat();
        Spot { port, view: Some(seat.views.get_or_init(|| Views::of(&seat.policy)).at(&seat.policy, key, hash)) }
    }

    /// As short-lived as a seat.
    #[inline(always)]
    fn place(&self) -> (&seawall::Policy, &Lane) {
        match &self.view {
            Some(view) => (&view.policy, &view.lane),
            None => (&self.port.seat().policy, &self.port.seat().lane),
        }
    }

    #[inline(always)]
    pub fn policy(&self) -> &seawall::Policy {
        self.place().0
    }

    /// Leave to run without asking. Inside another call's deadline every call asks.
    #[inline(always)]
    pub fn pass(&self) -> Option<Pass> {
        if inside_a_deadline() { None } else { self.pass_later() }
    }

    /// `pass` for a call that begins later, in a task of its own: see `passes_still`.
    #[inline(always)]
    pub fn pass_later(&self) -> Option<Pass> {
        if self.port.seat().asks {
            return None;
        }
        let (policy, lane) = self.place();
        // SAFETY: the interpreter is attached; a lane is known of the policy beside it.
        if let Some(gate) = unsafe { lane.pass() } {
            return Some(Pass { permit: u64::from(gate), started: 0 });
        }
        let pass = ours(|| policy.pass()).flatten();
        if pass.is_some() && !lane.is_known() {
            ours(|| lane.look(policy));
        }
        pass
    }

    /// Whether the gate is still that of a pass that was taken before.
    #[inline(always)]
    pub fn passes_still(&self, pass: Pass) -> bool {
        ours(|| self.policy().passes_still(pass)) == Some(true)
    }

    #[inline(always)]
    pub fn succeed(&self, pass: Pass) {
        let (policy, lane) = self.place();
        // SAFETY: as in `pass_later`.
        if unsafe { lane.count(pass.permit as u32) } {
            return;
        }
        if !lane.leads_somewhere() {
            ours(|| policy.succeed(pass));
            return;
        }
        ours(|| policy.succeed_on(Shard::OWN, pass));
        // The core grants credit to the line of the thread that tells it. SAFETY: as above.
        if !unsafe { lane.has_credit() } {
            ours(|| lane.look(policy));
        }
    }

    /// Leave to run where only the gate wants to be asked; to be reported with `succeed_asked`.
    pub fn ask(&self) -> Option<Pass> {
        ours(|| self.policy().ask()).flatten()
    }

    pub fn succeed_asked(&self, pass: Pass) {
        ours(|| self.policy().succeed(pass));
    }

    pub fn asks_alone(&self) -> bool {
        self.port.asks_alone(self.policy())
    }
}

/// A fault of ours lets the call through: `None`.
#[inline(always)]
pub fn ours<R>(work: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Built-in types that carry no status and hand out no work.
#[inline(always)]
fn is_bare(kind: *mut pyo3::ffi::PyTypeObject) -> bool {
    use pyo3::ffi;
    kind == &raw mut ffi::PyUnicode_Type
        || kind == &raw mut ffi::PyDict_Type
        || kind == &raw mut ffi::PyLong_Type
        || kind == &raw mut ffi::PyBool_Type
        || kind == &raw mut ffi::PyList_Type
        || kind == &raw mut ffi::PyTuple_Type
        || kind == &raw mut ffi::PyBytes_Type
        || kind == &raw mut ffi::PyFloat_Type
        || kind == &raw mut ffi::PySet_Type
        || kind == &raw mut ffi::PyFrozenSet_Type
}

/// The context variable that holds the deadline of the call around.
static DEADLINE: AtomicPtr<PyObject> = AtomicPtr::new(std::ptr::null_mut());
/// Deadlines that some context still holds: while there are none nobody needs to look for one.
static DEADLINES: AtomicUsize = AtomicUsize::new(0);

/// A deadline as the variable holds it: the registry whose clock it is measured on, and the instant.
#[pyclass(frozen, module = "seawall._native")]
pub struct Deadline {
    #[pyo3(get)]
    registry: Py<PyAny>,
    #[pyo3(get)]
    at: u64,
}

#[pymethods]
impl Deadline {
    #[new]
    fn new(registry: Py<PyAny>, at: u64) -> Deadline {
        // Relaxed: a thread or task can hold a deadline only through what orders it after this.
        DEADLINES.fetch_add(1, Ordering::Relaxed);
        Deadline { registry, at }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.registry)
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        DEADLINES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Names the context variable of the deadline; the package does so when it is imported.
#[pyfunction]
pub fn set_deadline_variable(variable: Py<PyAny>) {
    // The one before, if there is any, stays referred to: a call of another thread may be reading it.
    DEADLINE.store(variable.into_ptr(), Ordering::Release);
}

/// Whether some context holds a deadline.
#[inline(always)]
pub fn deadlines_exist() -> bool {
    DEADLINES.load(Ordering::Relaxed) != 0
}

/// Whether the context around holds one.
#[inline(always)]
pub fn inside_a_deadline() -> bool {
    deadlines_exist() && a_deadline_is_set()
}

pub fn a_deadline_is_set() -> bool {
    let variable = DEADLINE.load(Ordering::Acquire);
    if variable.is_null() {
        return false;
    }
    let mut value = std::ptr::null_mut();
    // SAFETY: the interpreter is attached in every caller; the variable is never freed.
    unsafe {
        if ffi::PyContextVar_Get(variable, std::ptr::null_mut(), &raw mut value) < 0 {
            pyo3::ffi::PyErr_Clear();
            return true;
        }
        if value.is_null() {
            return false;
        }
        let inside = value != pyo3::ffi::Py_None();
        pyo3::ffi::Py_DECREF(value);
        inside
    }
}
