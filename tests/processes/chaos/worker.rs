//! A worker of the chaos run: two threads that call the upstream without pause until stdin ends.
//!
//! Ten times a second it prints: calls that were counted, those among them that failed, refusals by
//! the breaker, refusals by the bulkhead, faults of Seawall, and the longest stay inside Seawall in
//! microseconds. `chaos-worker audit` calls nobody: it takes every permit there is, and prints how
//! many that were, how many were in use before, and what the breaker has counted.

use seawall::error::Code;
use seawall::{Error, Policy};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

static CALLS: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);
static FULL: AtomicU64 = AtomicU64::new(0);
static LONGEST: AtomicU64 = AtomicU64::new(0);
static ENDING: AtomicBool = AtomicBool::new(false);

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let policy = seawall::run::policy("upstream").map_err(|error| error.to_string())?;
    if std::env::args().nth(1).as_deref() == Some("audit") {
        return audit(&policy);
    }
    let mut events = policy.registry().events().subscribe();
    let mut faults = 0;
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let policy = policy.clone();
            std::thread::spawn(move || caller(&policy))
        })
        .collect();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ENDING.store(true, Relaxed);
    });
    while !ENDING.load(Relaxed) {
        std::thread::sleep(Duration::from_millis(100));
        policy.registry().tick();
        faults += events.drain().events.iter().filter(|event| event.note.kind.as_str() == "internal").count();
        if !ENDING.load(Relaxed) {
            report(faults);
        }
    }
    for caller in callers {
        caller.join().map_err(|_| "a caller panicked")?;
    }
    report(faults);
    Ok(())
}

fn report(faults: usize) {
    let [calls, failed, refused, full] = [&CALLS, &FAILED, &REFUSED, &FULL].map(|count| count.load(Relaxed));
    println!("{calls} {failed} {refused} {full} {faults} {}", LONGEST.swap(0, Relaxed));
}

fn caller(policy: &Policy) {
    let upstream = std::env::var("UPSTREAM").unwrap_or_default().replace("http://", "");
    let mut connection = None;
    while !ENDING.load(Relaxed) {
        let (begun, mut outside) = (Instant::now(), Duration::ZERO);
        let result = policy.run(|| {
            let before = Instant::now();
            let answer = get(&upstream, &mut connection);
            outside = before.elapsed();
            answer
        });
        let count = |counter: &AtomicU64| counter.fetch_add(1, Relaxed);
        match result {
            Ok(()) => count(&CALLS),
            Err(Error::Refused(refusal)) if refusal.code == Code::CircuitOpen => count(&REFUSED),
            Err(Error::Refused(_)) => count(&FULL),
            Err(_) => count(&CALLS) + count(&FAILED),
        };
        let inside = begun.elapsed().saturating_sub(outside).as_micros() as u64;
        LONGEST.fetch_max(inside, Relaxed);
        if outside.is_zero() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// One request on a connection that is kept.
fn get(upstream: &str, kept: &mut Option<TcpStream>) -> std::io::Result<()> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => TcpStream::connect(upstream)?,
    };
    connection.set_nodelay(true)?;
    let me = std::process::id();
    write!(connection, "GET /work HTTP/1.1\r\nHost: {upstream}\r\nX-Sender: {me}\r\n\r\n")?;
    // The answer is short, and its length is said before it.
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    loop {
        let read = connection.read(&mut part)?;
        answer.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            let failed = !head.starts_with("HTTP/1.1 200");
            *kept = Some(connection);
            return if failed { Err(std::io::Error::other("the upstream failed")) } else { Ok(()) };
        }
    }
}

fn audit(policy: &Policy) -> Outcome {
    let mut events = policy.registry().events().subscribe();
    let (Some(bulkhead), Some(breaker)) = (policy.bulkhead(), policy.breaker()) else {
        return Err("the policy has no bulkhead or no breaker".into());
    };
    let before = bulkhead.look();
    let mut held = Vec::new();
    while let Ok(permit) = policy.try_enter() {
        held.push(permit);
        if held.len() > before.limit as usize {
            break;
        }
    }
    let totals = breaker.peek(policy.registry().clock().now()).totals;
    let faults = events.drain().events.iter().filter(|event| event.note.kind.as_str() == "internal").count();
    let (limit, in_use, granted, counted) = (before.limit, before.in_use, held.len(), totals.success + totals.failure);
    println!(
        r#"{{"limit":{limit},"in_use":{in_use},"granted":{granted},"counted":{counted},"reclaimed":{},"faults":{faults}}}"#,
        totals.reclaimed
    );
    Ok(())
}
