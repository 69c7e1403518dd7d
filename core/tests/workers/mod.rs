//! Threads that take turns: each counts on a line of its own, and what happens is the same every time.

use std::sync::mpsc::{Sender, channel};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

pub struct Workers {
    desks: Vec<Sender<Job>>,
}

impl Workers {
    pub fn new(count: usize) -> Workers {
        let desk = || {
            let (desk, jobs) = channel::<Job>();
            thread::spawn(move || jobs.iter().for_each(|job| job()));
            desk
        };
        Workers { desks: (0..count).map(|_| desk()).collect() }
    }

    /// Runs `work` on that thread and waits for it.
    pub fn run<R: Send + 'static>(&self, which: usize, work: impl FnOnce() -> R + Send + 'static) -> R {
        let (done, answer) = channel();
        let job = Box::new(move || drop(done.send(work())));
        self.desks[which % self.desks.len()].send(job).expect("the thread waits for work");
        answer.recv().expect("the work ends")
    }
}
