//! What the machine itself takes.

use crate::harness::Suite;
use crate::work::ok;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicU64);

pub fn add(s: &mut Suite) {
    s.both("floor", "floor", "bare call", |n, _| {
        for i in 0..n {
            black_box(&ok(i));
        }
    });
    // The least a closed breaker can do: look, run, count where nobody else writes.
    let (state, lines) = (Line::default(), [Line::default(), Line::default()]);
    s.both("floor", "floor", "load + own-line add", move |n, id| {
        let own = &lines[id].0;
        for i in 0..n {
            if black_box(state.0.load(Ordering::Acquire)) == 0 {
                black_box(&ok(i));
                own.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let (state, lines) = (Line::default(), [Line::default(), Line::default()]);
    s.both("floor", "floor", "load + single-writer add", move |n, id| {
        let own = &lines[id].0;
        for i in 0..n {
            if black_box(state.0.load(Ordering::Acquire)) == 0 {
                black_box(&ok(i));
                own.store(own.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            }
        }
    });
    let shared = Line::default();
    s.both("floor", "floor", "shared atomic add", move |n, _| {
        for i in 0..n {
            black_box(&ok(i));
            shared.0.fetch_add(1, Ordering::Relaxed);
        }
    });
    s.one("floor", "floor", "one precise clock read", |n, _| {
        for _ in 0..n {
            black_box(Instant::now());
        }
    });
}
