//! A fork and those who are inside a lock, and a chain and those who read it, under the model checker.

use super::inside::Forks;
use super::{AtomicUsize, Chain, Ordering};
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

/// Whoever reads a link finds what was so when it was made.
#[test]
fn a_link_is_read_with_all_that_was_before_it() {
    explore(|| {
        let shared = Arc::new((Chain::new(false), AtomicUsize::new(0)));
        let making = {
            let shared = shared.clone();
            loom::thread::spawn(move || {
                // Relaxed, as what the link itself says: it is the pointer that puts them in order.
                shared.1.store(1, Ordering::Relaxed);
                shared.0.go_on(shared.0.first(), || true);
            })
        };
        if *shared.0.last() {
            assert_eq!(shared.1.load(Ordering::Relaxed), 1);
        }
        making.join().unwrap();
        assert!(*shared.0.last());
    });
}

/// Of those who go on at once one makes the link, and both come to it.
#[test]
fn those_who_go_on_at_once_come_to_one_link() {
    explore(|| {
        let chain = Arc::new(Chain::new(0));
        let other = chain.clone();
        let going = loom::thread::spawn(move || *other.go_on(other.first(), || 1));
        let mine = *chain.go_on(chain.first(), || 2);
        let theirs = going.join().unwrap();
        assert_eq!(mine, theirs);
        assert!(chain.links().copied().eq([0, mine]));
        assert_eq!(*chain.again().last(), mine);
    });
}
