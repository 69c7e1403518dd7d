//! Bulkhead and budgets under many threads: nothing above its limit, nothing lost, nobody forgotten.
#![cfg(not(loom))]

use seawall::budget::Budget;
use seawall::bulkhead::{Bulkhead, Entry, Poll, Wakes};
use seawall::config::{BudgetRule, BulkheadConfig, CostConfig};
use seawall::cost::CostBudget;
use seawall::cx::Cx;
use seawall::outcome::Outcome;
use seawall::permit::Permit;
use seawall::rng::Rng;
use seawall::time::{Span, Tick};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

const THREADS: u64 = 6;

fn at<R>(now: Tick, decide: impl FnOnce(&mut Cx) -> R) -> R {
    decide(&mut Cx { now, rng: &Rng::seeded(1), notes: &mut Vec::new() })
}

/// Callers that park until somebody wakes them, as a driver does it.
struct Door {
    bulkhead: Bulkhead,
    begun: Instant,
    parked: Mutex<HashMap<u64, Thread>>,
    inside: AtomicU64,
    /// Tickets and the permits they came to.
    order: Mutex<Vec<(u64, u64)>>,
}

impl Door {
    fn now(&self) -> Tick {
        Tick(self.begun.elapsed().as_nanos() as u64)
    }

    fn wake(&self, wakes: Wakes) {
        let parked = self.parked.lock().unwrap();
        wakes.iter().filter_map(|ticket| parked.get(ticket)).for_each(Thread::unpark);
    }

    fn wait(&self, ticket: u64, patience: Option<Duration>) -> Option<Permit> {
        self.parked.lock().unwrap().insert(ticket, std::thread::current());
        let since = Instant::now();
        let permit = loop {
            match at(self.now(), |cx| self.bulkhead.poll(ticket, cx)) {
                Poll::Admitted(permit) => break Some(permit),
                Poll::Refused(_) => break None,
                Poll::Waiting { until } => {
                    if patience.is_some_and(|patience| since.elapsed() >= patience) {
                        self.wake(at(self.now(), |cx| self.bulkhead.cancel(ticket, cx)));
                        break None;
                    }
                    let limit = until.map(|until| self.now().until(until).to_duration()).or(patience);
                    let slept = Instant::now();
                    std::thread::park_timeout(limit.unwrap_or(Duration::from_secs(5)));
                    assert!(slept.elapsed() < Duration::from_secs(5), "nobody woke ticket {ticket}");
                }
            }
        };
        self.parked.lock().unwrap().remove(&ticket);
        if let Some(permit) = permit {
            self.order.lock().unwrap().push((ticket, permit.0));
        }
        permit
    }
}

#[test]
fn a_bulkhead_is_never_over_full_and_forgets_nobody() {
    const MOST: u32 = 4;
    let config = BulkheadConfig { name: None, limit: 2, queue: u32::MAX, max_wait: None };
    let door = Door {
        bulkhead: Bulkhead::new(&config),
        begun: Instant::now(),
        parked: Mutex::default(),
        inside: AtomicU64::new(0),
        order: Mutex::default(),
    };
    let served = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for seed in 0..THREADS {
            let (door, served) = (&door, &served);
            scope.spawn(move || {
                let rng = Rng::seeded(seed);
                for _ in 0..4_000 {
                    let (wait, patience) = match rng.next_u64() % 10 {
                        0 => (Some(Some(Span::micros(rng.next_u64() % 50))), None),
                        1 => (None, Some(Duration::from_micros(rng.next_u64() % 50))),
                        _ => (None, None),
                    };
                    let permit = match at(door.now(), |cx| door.bulkhead.enter(wait, cx)) {
                        Entry::Admitted(permit) => Some(permit),
                        Entry::Queued { ticket, .. } => door.wait(ticket, patience),
                        Entry::Refused(_) => None,
                    };
                    let Some(permit) = permit else { continue };
                    let inside = door.inside.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(inside <= u64::from(MOST), "{inside} inside");
                    served.fetch_add(1, Ordering::Relaxed);
                    if rng.next_u64().is_multiple_of(4) {
                        std::thread::yield_now();
                    }
                    door.inside.fetch_sub(1, Ordering::SeqCst);
                    door.wake(at(door.now(), |cx| door.bulkhead.leave(permit, cx)));
                    if rng.next_u64().is_multiple_of(50) {
                        let limit = 1 + (rng.next_u64() % u64::from(MOST)) as u32;
                        door.wake(at(door.now(), |cx| door.bulkhead.resize(limit, cx)));
                    }
                }
            });
        }
    });
    let shown = door.bulkhead.look();
    assert!(door.bulkhead.is_empty(), "{shown:?}");
    assert_eq!(shown.stale, 0);
    // A permit that was handed to one who gave up in that instant was admitted too.
    let served = served.into_inner();
    assert!((served..=served + shown.cancelled).contains(&shown.admitted), "{served} of {shown:?}");
    // First come, first served: permits are numbered as they are given out, tickets as they come.
    let mut order = door.order.into_inner().unwrap();
    assert!(order.len() > 1_000, "only {} callers ever queued", order.len());
    order.sort_unstable();
    assert!(order.is_sorted_by_key(|(_, permit)| *permit), "a later ticket was admitted first");
}

/// Runs `work` in every thread and adds up what they return.
fn together(work: impl Fn(u64) -> u64 + Sync) -> u64 {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..THREADS).map(|seed| scope.spawn(move || work(seed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

fn withdraw(budget: &Budget, now: Tick) -> bool {
    at(now, |cx| budget.withdraw(Outcome::Failure, cx)).is_some()
}

#[test]
fn tokens_are_spent_once_and_all_come_back() {
    let rule = BudgetRule::Tokens { capacity: 9_000, failure: 9, timeout: 9, throttled: 9, hedge: 9, refund: 1 };
    let budget = Budget::new(&rule);
    let granted = together(|_| (0..1_000).filter(|_| withdraw(&budget, Tick::ZERO)).count() as u64);
    assert_eq!(granted, 1_000, "9,000 tokens at 9 each, and everybody asked more often");
    // Successes pay while retries take: what is left is what was paid in and not taken.
    let taken = together(|seed| {
        (0..2_000)
            .filter(|n| {
                at(Tick::ZERO, |cx| budget.success(None, cx));
                (n + seed).is_multiple_of(3) && withdraw(&budget, Tick::ZERO)
            })
            .count() as u64
    });
    let left = at(Tick::ZERO, |cx| budget.balance(cx)) as u64;
    assert_eq!(left + 9 * taken, 2_000 * THREADS);
    assert!(taken > 0);
}

#[test]
fn retries_at_once_stay_under_their_cap() {
    let budget = Budget::new(&BudgetRule::Cap { retries: 3 });
    let running = AtomicU64::new(0);
    let granted = together(|_| {
        let mut granted = 0;
        for _ in 0..5_000 {
            let Some(cost) = at(Tick::ZERO, |cx| budget.withdraw(Outcome::Failure, cx)) else { continue };
            granted += 1;
            assert!(running.fetch_add(1, Ordering::SeqCst) < 3, "a fourth retry");
            std::hint::spin_loop();
            running.fetch_sub(1, Ordering::SeqCst);
            at(Tick::ZERO, |cx| budget.retry_end(cost, cx));
        }
        granted
    });
    assert_eq!(budget.active_retries(), 0);
    assert!(granted >= 5_000, "{granted}");
}

#[test]
fn a_ratio_is_exact_when_quiet_and_never_overdrawn() {
    let rule = || BudgetRule::Ratio { share: 0.25, floor_per_second: 0.0, span: Span::secs(10) };
    for _ in 0..20 {
        let budget = Budget::new(&rule());
        let begun = together(|_| {
            (0..1_000).for_each(|_| at(Tick::ZERO, |cx| budget.begin(cx)));
            1_000
        });
        let granted = together(|_| (0..1_000).filter(|_| withdraw(&budget, Tick::ZERO)).count() as u64);
        assert_eq!(granted, begun / 4);
    }
    // Everybody begins, retries and lets time pass, inside one span.
    let budget = Budget::new(&rule());
    let clock = AtomicU64::new(0);
    let granted = together(|_| {
        (0..3_000)
            .filter(|_| {
                let now = Tick(clock.fetch_add(500_000, Ordering::SeqCst));
                at(now, |cx| budget.begin(cx));
                withdraw(&budget, now)
            })
            .count() as u64
    });
    let (most, end) = (3_000 * THREADS / 4, Tick(clock.into_inner()));
    assert!(end < Tick(9_500_000_000) && granted <= most, "{granted} of {most}");
    let rest = (0..most).filter(|_| withdraw(&budget, end)).count() as u64;
    assert_eq!(granted + rest, most);
}

#[test]
fn costs_never_pass_their_limit_and_all_come_back() {
    let limits = vec![("cents".to_owned(), 1_000_000), ("tokens".to_owned(), 600)];
    let budget = CostBudget::new(&CostConfig { name: "llm".into(), limits, per: None });
    let used = |name: &str| {
        let all = at(Tick::ZERO, |cx| budget.snapshot(cx));
        all.iter().find(|one| one.amount == name).map(|one| one.used).unwrap()
    };
    together(|seed| {
        let estimate = [("tokens", 7 + seed), ("cents", 1)];
        for round in 0..5_000 {
            let Ok(held) = at(Tick::ZERO, |cx| budget.reserve(&estimate, cx)) else { continue };
            assert!(used("tokens") <= 600);
            if round % 2 == 0 {
                at(Tick::ZERO, |cx| budget.give_back(held, cx));
            } else {
                at(Tick::ZERO, |cx| budget.settle(held, &[("tokens", 0), ("cents", 1)], cx));
            }
        }
        0
    });
    assert_eq!(used("tokens"), 0);
    let taken = together(|_| {
        (0..300).filter(|_| at(Tick::ZERO, |cx| budget.reserve(&[("tokens", 2)], cx)).is_ok()).count() as u64
    });
    assert_eq!((taken, used("tokens")), (300, 600));
}
