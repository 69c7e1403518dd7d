//! A fork and those who are inside a lock, under the model checker.

use super::inside::Forks;
use super::{AtomicUsize, Ordering};
use crate::loom_tests::explore;
use loom::sync::Arc;

/// Nobody works behind a lock while a fork copies what is there.
#[test]
fn a_fork_copies_nothing_half_done() {
    explore(|| {
        let shared = Arc::new((Forks::new(), AtomicUsize::new(0), AtomicUsize::new(0)));
        let other = {
            let shared = shared.clone();
            loom::thread::spawn(move || {
                shared.0.sit(0);
                // Relaxed, as what a lock protects: it is the seat that puts them in order.
                shared.1.store(1, Ordering::Relaxed);
                shared.2.store(1, Ordering::Relaxed);
                shared.0.rise(0);
            })
        };
        shared.0.begin();
        assert_eq!(shared.1.load(Ordering::Relaxed), shared.2.load(Ordering::Relaxed));
        shared.0.end();
        other.join().unwrap();
    });
}
