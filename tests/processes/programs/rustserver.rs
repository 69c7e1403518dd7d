//! One process behind a port: rustserver PORT
//!
//! GET /call calls the upstream once, through the policy `upstream` of the file that `SEAWALL_CONFIG`
//! names; GET /state calls nobody. Both answer who this is, how the call went, and what the policy
//! shows. A thread for each connection, which carries one request.

use seawall::event::EventKind;
use seawall::{Error, Policy};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let port: u16 = std::env::args().nth(1).ok_or("rustserver PORT")?.parse()?;
    let policy = seawall::run::policy("upstream").map_err(|error| error.to_string())?;
    let opened = Arc::new(AtomicU64::new(0));
    let heard = opened.clone();
    let _listener = policy.registry().listen(move |event| {
        if event.note.kind == EventKind::Opened {
            heard.fetch_add(1, Ordering::Relaxed);
        }
    });
    for connection in TcpListener::bind(("127.0.0.1", port))?.incoming() {
        let (connection, policy, opened) = (connection?, policy.clone(), opened.clone());
        // Whoever hangs up before the answer has no use for the error.
        std::thread::spawn(move || _ = serve(&connection, &policy, &opened));
    }
    Ok(())
}

fn serve(connection: &TcpStream, policy: &Policy, opened: &AtomicU64) -> io::Result<()> {
    let mut lines = BufReader::new(connection).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    // To the end of the head: an answer before it would reset the connection.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let answer = if request.starts_with("GET /call ") { call(policy) } else { "" };
    let shown: serde_json::Value = serde_json::from_str(&policy.snapshot_json())?;
    let body = serde_json::json!({
        "pid": std::process::id(), "answer": answer, "opened": opened.load(Ordering::Relaxed),
        "state": shown["breaker"]["state"], "in_use": shown["bulkhead"]["in_use"],
    })
    .to_string();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    (&mut &*connection).write_all((head + &body).as_bytes())
}

fn call(policy: &Policy) -> &'static str {
    match policy.run(work) {
        Ok(()) => "ok",
        Err(Error::Refused(refusal)) => refusal.code.as_str(),
        Err(_) => "failed",
    }
}

/// Calls the upstream, without Seawall.
fn work() -> io::Result<()> {
    let upstream = std::env::var("UPSTREAM").map_err(io::Error::other)?.replace("http://", "");
    let mut connection = TcpStream::connect(&upstream)?;
    let me = std::process::id();
    write!(connection, "GET /work HTTP/1.1\r\nHost: {upstream}\r\nX-Sender: {me}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let status = answer.lines().next().unwrap_or_default();
    if status.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(io::Error::other(format!("the upstream answered {status}")))
}
