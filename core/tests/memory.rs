//! What policies take, as the allocator counts it: a program of its own, because counting costs.

use cap::Cap;
use seawall::run::Builder;
use seawall::{Policy, Registry};
use std::alloc::System;
use std::time::Duration;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const MANY: usize = 1000;

fn taken() -> isize {
    HEAP.allocated() as isize
}

fn taken_by<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let before = taken();
    let made = make();
    (made, usize::try_from(taken() - before).expect("more is taken than given back"))
}

fn call(policy: &Policy) {
    for i in 0..200 {
        policy.run(|| Ok::<u32, std::fmt::Error>(i)).unwrap();
    }
}

/// Many policies of their own names, each used: what one takes, handle and place in the registry included.
fn of_each(registry: &Registry, builder: &dyn Fn(&str) -> Builder) -> (Vec<Policy>, usize) {
    let made = |number: usize| builder(&format!("p-{number}")).build_in(registry).unwrap();
    call(&made(0));
    let (policies, bytes) = taken_by(|| {
        let mut policies = Vec::with_capacity(MANY);
        for number in 1..=MANY {
            let policy = made(number);
            call(&policy);
            policies.push(policy);
        }
        policies
    });
    (policies, bytes / MANY)
}

fn open_for(name: &str) -> Builder {
    Policy::builder(name).open_for(Duration::from_secs(3600))
}

// One test: each thread is a writer, and what the first one takes is not what a second one does.
#[test]
fn a_policy_takes_what_the_budget_gives_and_gives_it_back() {
    const FIRST: usize = 1024;
    const WRITER: usize = 64;

    let registry = Registry::manual(1);
    let (policies, bytes) = of_each(&registry, &|name| open_for(name).consecutive_failures(5));
    println!("consecutive: {bytes}");
    assert!(bytes <= FIRST + WRITER, "a breaker with the default window takes {bytes} bytes");

    // A clone is a count, and so is the same policy again.
    let (_again, bytes) = taken_by(|| (policies[0].clone(), registry.find("p-1"), registry.find("p-2")));
    println!("two more handles: {bytes}");
    assert!(bytes <= 2 * 128, "two handles take {bytes} bytes");

    // Lines of other writers come with the second one.
    let later = |policy: &Policy| std::thread::scope(|scope| scope.spawn(|| taken_by(|| call(policy)).1).join());
    let (first, second) = (later(&policies[0]).unwrap(), later(&policies[0]).unwrap());
    println!("a second writer: {first}, a third: {second}");
    assert!(first - second <= 7 * WRITER, "a second writer takes {first} bytes");
    assert_eq!(registry.policies().len(), MANY + 1);

    let registry = Registry::manual(1);
    let (_kept, bytes) = of_each(&registry, &|name| open_for(name).failure_rate(0.5, 100, 20));
    println!("count of 100: {bytes}");
    assert!(bytes <= FIRST + WRITER + 8 * 50, "a breaker with a count window of 100 takes {bytes} bytes");

    let registry = Registry::manual(1);
    let (_kept, bytes) = of_each(&registry, &|name| open_for(name).failure_rate_over(0.5, Duration::from_secs(30), 20));
    println!("time of 30 s: {bytes}");
    assert!(bytes <= FIRST + WRITER + 10 * 32, "a breaker with a time window of 30 s takes {bytes} bytes");

    keys_are_given_back();
}

fn keys_are_given_back() {
    const KEYS: usize = 64;
    let before = taken();
    let registry = Registry::manual(1);
    let policy = open_for("keyed").max_keys(KEYS as u32).build_in(&registry).unwrap();
    let visit = |round: usize| {
        for key in 0..KEYS {
            call(&policy.at(&format!("key-{round:03}-{key:03}")));
        }
    };
    let (_, bytes) = taken_by(|| visit(0));
    println!("a key: {}", bytes / KEYS);
    assert!(bytes / KEYS <= 1024, "a key takes {} bytes", bytes / KEYS);
    // The tables that keys are found in reach their size by chance: of eight, each may grow once more.
    (1..50).for_each(visit);
    let full = taken();
    (50..200).for_each(visit);
    let grown = taken() - full;
    println!("after 150 times as many keys: {grown}");
    assert!(grown <= 4096, "9,600 evicted keys leave {grown} bytes behind");
    drop(policy);
    drop(registry);
    let left = taken() - before;
    println!("when all is gone: {left}");
    // Who watches over forks forgets a registry when the next one comes.
    assert!(left <= 1024, "a registry that is gone leaves {left} bytes behind");
}
