//! Blocking work in threads of its own, which a call may leave behind at its limit.
//!
//! Work that was left behind goes on until it ends by itself; until then it is an orphan and counts
//! against the bound, so that a dependency that hangs cannot make threads without end.

use super::attempt::Attempt;
use super::drive::Work;
use super::scope::{self, Scope};
use crate::policy::Policy;
use crate::sync::around_work::{Condvar, Mutex};
use crate::sync::{self, Arc, OnceLock};
use crate::time::Span;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::{self, Thread};
use std::time::Instant;

/// Threads of work at most, orphans included.
const MOST: usize = 64;

/// Threads that work, and those of them that nobody waits for any more.
#[derive(Default)]
struct Threads {
    forks: usize,
    working: usize,
    orphans: usize,
    /// Who looks again when one ends.
    waiting: Vec<Thread>,
}

impl Threads {
    fn with<R>(act: impl FnOnce(&mut Threads) -> R) -> R {
        static THREADS: OnceLock<sync::Mutex<Threads>> = OnceLock::new();
        let mut threads = THREADS.get_or_init(sync::Mutex::default).lock();
        let forks = crate::fork::count();
        if threads.forks != forks {
            // A forked child has none of its parent's.
            *threads = Threads { forks, ..Threads::default() };
        }
        act(&mut threads)
    }
}

/// How many attempts of [`Policy::run_apart`] were left behind at their limit and still run in this process;
/// together with those that are waited for, at most 64.
pub fn orphans() -> usize {
    Threads::with(|threads| threads.orphans)
}

/// Counted among the threads until it is dropped.
struct Seat;

impl Seat {
    /// `None` if none came free in time.
    fn take(until: Instant) -> Option<Seat> {
        loop {
            let free = Threads::with(|threads| {
                let free = threads.working < MOST;
                if free {
                    threads.working += 1
                } else {
                    threads.waiting.push(thread::current())
                }
                free
            });
            if free {
                return Some(Seat);
            }
            let left = until.checked_duration_since(Instant::now())?;
            thread::park_timeout(left);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let waiting = Threads::with(|threads| {
            threads.working -= 1;
            std::mem::take(&mut threads.waiting)
        });
        waiting.iter().for_each(Thread::unpark);
    }
}

/// What passes between an attempt's thread and its caller.
struct Handover<R> {
    state: Mutex<State<R>>,
    over: Condvar,
}

enum State<R> {
    Running,
    Ended(thread::Result<R>),
    Abandoned,
}

/// Work that attempts may leave behind.
pub(super) struct Apart<W> {
    pub policy: Policy,
    pub work: Arc<W>,
}

impl<T, E, W> Work<T, E> for Apart<W>
where
    T: Send + 'static,
    E: Send + 'static,
    W: Fn(Attempt) -> Result<T, E> + Send + Sync + 'static,
{
    const ABANDONS: bool = true;

    fn run(&mut self, attempt: Attempt, limit: Option<Span>) -> Option<Result<T, E>> {
        // A clock that stands still cuts nothing: what comes back late is told by the core.
        let limit = limit.filter(|_| !self.policy.registry().clock().is_manual());
        let Some(limit) = limit else { return Some((self.work)(attempt)) };
        let until = Instant::now() + limit.to_duration();
        let seat = Seat::take(until)?;
        let handover = Arc::new(Handover { state: Mutex::new(State::Running), over: Condvar::new() });
        let (work, theirs, ends) = (self.work.clone(), handover.clone(), scope::innermost());
        let run = move || {
            let _seat = seat;
            let mut left = false;
            let inside = Scope::enter(ends, &mut left);
            let result = catch_unwind(AssertUnwindSafe(|| work(attempt)));
            inside.leave();
            theirs.end(result);
        };
        if let Err(error) = thread::Builder::new().name("seawall-attempt".into()).spawn(run) {
            let policy = &self.policy;
            policy.registry().internal(policy.name(), &format!("no thread for an attempt: {error}"));
            return Some((self.work)(attempt));
        }
        handover.wait(until).map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl<R> Handover<R> {
    fn end(&self, result: thread::Result<R>) {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Ended(result)) {
            State::Abandoned => Threads::with(|threads| threads.orphans -= 1),
            _ => drop(self.over.notify_one()),
        }
    }

    /// What the work gave; `None` at the limit, and then the work is an orphan.
    fn wait(&self, until: Instant) -> Option<thread::Result<R>> {
        let mut state = self.state.lock();
        while matches!(*state, State::Running) && !self.over.wait_until(&mut state, until).timed_out() {}
        match std::mem::replace(&mut *state, State::Abandoned) {
            State::Ended(result) => Some(result),
            _ => {
                Threads::with(|threads| threads.orphans += 1);
                None
            }
        }
    }
}
