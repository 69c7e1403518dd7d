//! What a driver holds for the core: values, and the judgement of results.

use super::judge::Judged;
use crate::config::FallbackStep;
use crate::error::Refusal;

/// Judges what an attempt gave.
pub(super) type Judge<'a, T, E> = &'a dyn Fn(&Result<T, E>) -> Judged;

/// Values that the core knows nothing of.
pub(super) trait Host<T, E> {
    /// The call has a key, and there is a cache.
    fn has_key(&self) -> bool;
    /// The last good result of the key, past its time where `stale` allows it.
    fn look_up(&mut self, stale: bool) -> Option<T>;
    /// Link `index` of the chain; `last` is what the last attempt gave, `ours` our own reason to end.
    fn fall_back(
        &mut self,
        index: u32,
        step: FallbackStep,
        last: Option<&Result<T, E>>,
        ours: Option<&Refusal>,
    ) -> Option<T>;
    fn store(&mut self, value: &T);
    fn forget(&mut self);
}

/// Neither cache nor fallback.
pub(super) struct Plain;

impl<T, E> Host<T, E> for Plain {
    fn has_key(&self) -> bool {
        false
    }
    fn look_up(&mut self, _: bool) -> Option<T> {
        None
    }
    fn fall_back(&mut self, _: u32, _: FallbackStep, _: Option<&Result<T, E>>, _: Option<&Refusal>) -> Option<T> {
        None
    }
    fn store(&mut self, _: &T) {}
    fn forget(&mut self) {}
}
