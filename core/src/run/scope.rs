//! What runs inside a call knows how much time the call has left, and so do nested calls.

use crate::call::Call;
use crate::clock::Clock;
use crate::policy::Policy;
use crate::time::{Span, Tick};
use std::cell::Cell;

thread_local! {
    /// The end of the innermost call of this thread that has one, on the clock it was read from.
    static UNTIL: Cell<Option<(usize, Tick)>> = const { Cell::new(None) };
}

/// Instants of two clocks do not compare; a clock stays where it is while a call of it runs.
fn name_of(clock: &Clock) -> usize {
    std::ptr::from_ref(clock) as usize
}

/// The end of the innermost call of this thread that has one, for work that it does in another.
pub(super) fn innermost() -> Option<(usize, Tick)> {
    UNTIL.get()
}

/// Whether no enclosing call on this thread has an end.
#[inline(always)]
pub(super) fn is_unlimited() -> bool {
    UNTIL.get().is_none()
}

/// What the enclosing calls on this thread leave to a call of `policy`.
#[inline(always)]
pub(super) fn left(policy: &Policy) -> Option<Span> {
    UNTIL.get().and_then(|until| left_until(policy, until))
}

#[inline(never)]
fn left_until(policy: &Policy, (name, until): (usize, Tick)) -> Option<Span> {
    let clock = policy.registry().clock();
    (name == name_of(clock)).then(|| clock.now().until(until))
}

/// Where the work of a call must be done, if it must.
pub(super) fn end_of(policy: &Policy, call: &Call) -> Option<(usize, Tick)> {
    call.ends().map(|end| at(policy, end))
}

/// What runs in a call of `policy` must be done then.
pub(super) fn at(policy: &Policy, end: Tick) -> (usize, Tick) {
    (name_of(policy.registry().clock()), end)
}

/// Where what begins now and may take `span` must be done.
pub(super) fn end_in(policy: &Policy, span: Span) -> (usize, Tick) {
    at(policy, policy.registry().clock().now().after(span))
}

/// In force until it is dropped; tells whether a panic of the work itself ended it.
pub(super) struct Scope<'a> {
    before: Option<(usize, Tick)>,
    panicked: &'a mut bool,
}

impl Scope<'_> {
    pub(super) fn enter(until: Option<(usize, Tick)>, panicked: &mut bool) -> Scope<'_> {
        let before = UNTIL.get();
        UNTIL.set(until.or(before));
        // Taken back by `leave`: whoever is dropped without it was left by unwinding.
        *panicked = true;
        Scope { before, panicked }
    }

    pub(super) fn leave(self) {
        *self.panicked = false;
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        UNTIL.set(self.before);
    }
}
