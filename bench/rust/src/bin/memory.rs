//! Bytes of an instance, as the allocator counts them; a program of its own, because counting costs.

use cap::Cap;
use failsafe::{CircuitBreaker as _, backoff, failure_policy};
use seawall_bench::ours;
use seawall_bench::work::{self, Boom, Echo, HOUR, ok};
use serde_json::json;
use std::alloc::System;
use tower::Layer;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const MANY: usize = 1000;

/// Makes many, uses each, and prints what one holds.
fn measure<T>(library: &str, variant: &str, make: impl Fn() -> T, call: impl Fn(&T)) {
    let first = make();
    call(&first);
    let mut kept = Vec::with_capacity(MANY);
    let before = HEAP.allocated();
    kept.extend((0..MANY).map(|_| make()));
    kept.iter().for_each(&call);
    let bytes = (HEAP.allocated() - before) as f64 / MANY as f64 + size_of::<T>() as f64;
    println!(
        "{}",
        json!({"row": {"case": "memory", "library": library, "variant": variant, "unit": "bytes", "samples": [bytes]}})
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime for the peers that want one");
    let _inside = runtime.enter();
    work::set_runtime(runtime.handle().clone());
    for (window, builder) in ours::windows() {
        measure(
            "seawall",
            window,
            || ours::named(builder.clone()),
            |policy| {
                for i in 0..200 {
                    let _ = policy.run(|| ok(i));
                }
            },
        );
    }
    let make = || recloser::Recloser::custom().closed_len(100).build();
    measure("recloser", "count 100", make, |b| drop(b.call(|| ok(1))));
    let make = || {
        let policy = failure_policy::consecutive_failures(5, backoff::constant(HOUR));
        failsafe::Config::new().failure_policy(policy).build()
    };
    measure("failsafe", "consecutive", make, |b| drop(b.call(|| ok(1))));
    let make = || circuitbreaker_rs::CircuitBreaker::<circuitbreaker_rs::DefaultPolicy, Boom>::builder().build();
    measure("circuitbreaker-rs", "default", make, |b| drop(b.call(|| ok(1))));
    let make = || {
        let (layer, handle) =
            tower_resilience_circuitbreaker::CircuitBreakerLayer::builder().build_with_handle().expect("its defaults");
        (layer.layer(Echo), handle)
    };
    measure("tower-resilience", "count 100", make, |_| ());
}
