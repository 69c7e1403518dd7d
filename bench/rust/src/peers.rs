//! What a user would pick instead, each through its own public interface and as its documents say.

use crate::harness::Suite;
use crate::work::{Boom, Down, Echo, HOUR, drive, fail, inside, ok, through};
use backon::{BlockingRetryable, ExponentialBuilder, Retryable};
use failsafe::{CircuitBreaker as _, backoff, failure_policy};
use std::future::IntoFuture;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;
use tower::{Layer, ServiceBuilder};
use tower_resilience_bulkhead::BulkheadLayer;
use tower_resilience_circuitbreaker::{CircuitBreakerLayer, SlidingWindowType};

const RECLOSER: &str = "recloser";
const FAILSAFE: &str = "failsafe";
const RS: &str = "circuitbreaker-rs";
const TOWER: &str = "tower-resilience";
const MINUTE: Duration = Duration::from_secs(60);

pub fn add(s: &mut Suite) {
    recloser(s);
    failsafe(s);
    circuitbreaker_rs(s);
    tower_resilience(s);
    backon(s);
    governor(s);
}

fn recloser(s: &mut Suite) {
    let breaker = || recloser::Recloser::custom().closed_len(100).open_wait(HOUR);
    let b = breaker().build();
    s.both("closed", RECLOSER, "count 100", move |n, _| {
        for i in 0..n {
            black_box(&b.call(|| ok(i)));
        }
    });
    let b = breaker().closed_len(1).build();
    for _ in 0..3 {
        let _ = b.call(|| fail(1));
    }
    assert!(matches!(b.call(|| ok(1)), Err(recloser::Error::Rejected)), "open");
    s.both("open", RECLOSER, "count", move |n, _| {
        for i in 0..n {
            black_box(&b.call(|| ok(i)));
        }
    });
    // A rate above one is never reached: the breaker stays closed.
    let b = breaker().error_rate(2.0).build();
    s.one("failing", RECLOSER, "count 100", move |n, _| {
        for i in 0..n {
            black_box(&b.call(|| fail(i)));
        }
    });
    for size in [10usize, 100, 1_000, 10_000, 100_000] {
        let b = breaker().closed_len(size).error_rate(2.0).build();
        for i in 0..size as u64 {
            let _ = b.call(|| ok(i));
        }
        s.one("window sweep", RECLOSER, format!("count of {size}"), move |n, _| {
            for i in 0..n {
                black_box(&b.call(|| fail(i)));
            }
        });
    }
}

fn failsafe(s: &mut Suite) {
    let consecutive = |failures| {
        let policy = failure_policy::consecutive_failures(failures, backoff::constant(HOUR));
        failsafe::Config::new().failure_policy(policy).build()
    };
    let b = consecutive(5);
    s.both("closed", FAILSAFE, "consecutive", move |n, _| {
        for i in 0..n {
            black_box(&b.call(|| ok(i)));
        }
    });
    let rate = failure_policy::success_rate_over_time_window(0.5, 20, Duration::from_secs(30), backoff::constant(HOUR));
    let b = failsafe::Config::new().failure_policy(rate).build();
    s.both("closed", FAILSAFE, "rate over 30 s", move |n, _| {
        for i in 0..n {
            black_box(&b.call(|| ok(i)));
        }
    });
    let b = consecutive(1);
    let _ = b.call(|| fail(1));
    assert!(!b.is_call_permitted(), "open");
    s.both("open", FAILSAFE, "consecutive", move |n, _| {
        for i in 0..n {
            black_box(&b.call(|| ok(i)));
        }
    });
    let b = consecutive(u32::MAX);
    s.one("failing", FAILSAFE, "consecutive", move |n, _| {
        for i in 0..n {
            black_box(&b.call(|| fail(i)));
        }
    });
    let (b, again) = (consecutive(5), ExponentialBuilder::default());
    s.both("retry + breaker", "backon + failsafe", "consecutive", move |n, _| {
        for i in 0..n {
            black_box(&(|| b.call(|| ok(i))).retry(again).call());
        }
    });
    let (b, again, room) = (consecutive(5), ExponentialBuilder::default(), tokio::sync::Semaphore::new(64));
    s.both("retry + breaker + bulkhead", "backon + failsafe + tokio", "consecutive", move |n, _| {
        for i in 0..n {
            let call = || match room.try_acquire() {
                Ok(_permit) => b.call(|| ok(i)),
                Err(_) => Err(failsafe::Error::Rejected),
            };
            black_box(&call.retry(again).call());
        }
    });
}

fn circuitbreaker_rs(s: &mut Suite) {
    use circuitbreaker_rs::{CircuitBreaker, DefaultPolicy};
    let b = CircuitBreaker::<DefaultPolicy, Boom>::builder().build();
    s.both("closed", RS, "default", move |n, _| {
        for i in 0..n {
            black_box(&b.call(|| ok(i)));
        }
    });
    let b = CircuitBreaker::<DefaultPolicy, Boom>::builder().cooldown(HOUR).build();
    assert!(b.force_open() && b.call(|| ok(1)).is_err(), "open");
    s.both("open", RS, "default", move |n, _| {
        for i in 0..n {
            black_box(&b.call(|| ok(i)));
        }
    });
}

fn tower_resilience(s: &mut Suite) {
    let builder = || CircuitBreakerLayer::builder().wait_duration_in_open(HOUR);
    let (layer, _handle) = builder().build_with_handle().expect("its defaults");
    s.both("closed", TOWER, "count 100", move |n, _| {
        let _runtime = inside();
        let mut service = layer.layer(Echo);
        for i in 0..n {
            black_box(&through(&mut service, i));
        }
    });
    let (layer, _handle) = builder().build_with_handle().expect("its defaults");
    s.one("closed, awaited", TOWER, "count 100", move |n, _| {
        let _runtime = inside();
        let mut service = layer.layer(Echo);
        for i in 0..n {
            black_box(&through(&mut service, i));
        }
    });
    let (layer, handle) = builder().build_with_handle().expect("its defaults");
    drive(handle.force_open());
    assert!(through(&mut layer.layer(Echo), 1).is_err(), "open");
    s.both("open", TOWER, "count 100", move |n, _| {
        let _runtime = inside();
        let mut service = layer.layer(Echo);
        for i in 0..n {
            black_box(&through(&mut service, i));
        }
    });
    let slow = builder().slow_call_duration_threshold(MINUTE).slow_call_rate_threshold(1.0);
    let (layer, _handle) = slow.build_with_handle().expect("a slow-call rule");
    s.one("slow-call rule", TOWER, "count 100", move |n, _| {
        let _runtime = inside();
        let mut service = layer.layer(Echo);
        for i in 0..n {
            black_box(&through(&mut service, i));
        }
    });
    // Never so many calls that it may judge: it stays closed.
    let (layer, _handle) = builder().minimum_number_of_calls(usize::MAX).build_with_handle().expect("a minimum");
    s.one("failing", TOWER, "count 100", move |n, _| {
        let _runtime = inside();
        let mut service = layer.layer(Down);
        for i in 0..n {
            black_box(&through(&mut service, i));
        }
    });
    for calls in [10u64, 1_000, 10_000] {
        let time = builder()
            .sliding_window_type(SlidingWindowType::TimeBased)
            .sliding_window_duration(HOUR)
            .minimum_number_of_calls(usize::MAX);
        let (layer, _handle) = time.build_with_handle().expect("a time window");
        let mut service = layer.layer(Down);
        for i in 0..calls {
            let _ = through(&mut service, i);
        }
        // The window keeps a record of each call: few, so that it does not grow much.
        s.few(
            "window sweep",
            TOWER,
            format!("time, {calls} calls"),
            20,
            || {},
            move |n, _| {
                let _runtime = inside();
                let mut service = layer.layer(Down);
                for i in 0..n {
                    black_box(&through(&mut service, i));
                }
            },
        );
    }
    let (layer, _handle) =
        BulkheadLayer::builder().max_concurrent_calls(64).build_with_handle().expect("a bulkhead of 64");
    s.both("bulkhead", TOWER, "", move |n, _| {
        let _runtime = inside();
        let mut service = layer.layer(Echo);
        for i in 0..n {
            black_box(&through(&mut service, i));
        }
    });
    let room = tower::limit::GlobalConcurrencyLimitLayer::new(64);
    s.both("bulkhead", "tower", "concurrency limit", move |n, _| {
        let mut service = room.layer(Echo);
        for i in 0..n {
            black_box(&through(&mut service, i));
        }
    });
    let room = tokio::sync::Semaphore::new(64);
    s.both("bulkhead", "tokio", "semaphore by hand", move |n, _| {
        for i in 0..n {
            if let Ok(_permit) = room.try_acquire() {
                black_box(&ok(i));
            }
        }
    });
    let (breaker, _handle) = builder().build_with_handle().expect("its defaults");
    let (room, _room) =
        BulkheadLayer::builder().max_concurrent_calls(64).build_with_handle().expect("a bulkhead of 64");
    s.both("retry + breaker + bulkhead", TOWER, "tower stack, without retry", move |n, _| {
        let _runtime = inside();
        let mut service = breaker.layer(room.layer(Echo));
        for i in 0..n {
            black_box(&through(&mut service, i));
        }
    });
    let (breaker, _handle) = builder().build_with_handle().expect("its defaults");
    s.one("retry + breaker + timeout, awaited", TOWER, "tower stack, without retry", move |n, _| {
        let _runtime = inside();
        let timed = ServiceBuilder::new().timeout(MINUTE).service(Echo);
        let mut service = breaker.layer(timed);
        for i in 0..n {
            black_box(&through(&mut service, i));
        }
    });
}

fn backon(s: &mut Suite) {
    let again = ExponentialBuilder::default().with_jitter();
    s.both("retry", "backon", "exponential with jitter", move |n, _| {
        for i in 0..n {
            black_box(&(|| ok(i)).retry(again).call());
        }
    });
    s.one("retry, awaited", "backon", "exponential with jitter", move |n, _| {
        for i in 0..n {
            black_box(&drive((|| async move { ok(i) }).retry(again).into_future()));
        }
    });
}

/// A rate limiter, for want of a keyed breaker.
fn governor(s: &mut Suite) {
    use governor::{Quota, RateLimiter};
    let wide = Quota::per_second(NonZeroU32::MAX);
    let keys: Vec<String> = (0..512).map(|i| format!("tenant-{i}")).collect();
    let limiter = RateLimiter::keyed(wide);
    s.both("keyed", "governor", "rate limiter, 512 keys", move |n, id| {
        for i in 0..n {
            let key = &keys[(i as usize + id * 256) & 511];
            if limiter.check_key(key).is_ok() {
                black_box(&ok(i));
            }
        }
    });
    s.unranked("governor", "a rate limiter, which judges no outcome");
}
