//! A process that does as its standard input says, for tests of what processes share. One command a
//! line, one line of answer.

#![allow(unsafe_code)]

use seawall::breaker::Control;
use seawall::bulkhead::{Entry, Poll};
use seawall::error::{ConfigError, Refusal};
use seawall::events::Cursor;
use seawall::outcome::Outcome;
use seawall::permit::Permit;
use seawall::time::Span;
use seawall::{Policy, Registry};
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
struct Worker {
    policy: Option<Policy>,
    permits: HashMap<String, Permit>,
    cursor: Option<Cursor>,
}

fn main() {
    let mut worker = Worker::default();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        say(&worker.answer(&line));
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn ok() -> String {
    "ok".to_owned()
}

fn done(result: Result<(), ConfigError>) -> String {
    result.map_or_else(|error| format!("error {error}"), |()| ok())
}

fn refused(refusal: &Refusal) -> String {
    format!("refused {}", refusal.code.as_str())
}

impl Worker {
    fn answer(&mut self, line: &str) -> String {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "policy" => done(Registry::global().policy(rest).map(|policy| self.policy = Some(policy))),
            "load" => done(Registry::global().load(&rest.replace(';', "\n"), "worker")),
            "key" => {
                self.policy = Some(self.policy().at(rest));
                ok()
            }
            "ok" => self.run(rest, Outcome::Success),
            "fail" => self.run(rest, Outcome::Failure),
            "acquire" => match self.policy().acquire() {
                Ok(permit) => self.keep(rest, permit),
                Err(refusal) => refused(&refusal),
            },
            "record" => self.record(rest),
            "enter" => match self.policy().enter(None) {
                Entry::Admitted(permit) => self.keep(rest, permit),
                Entry::Queued { ticket, .. } => format!("queued {ticket}"),
                Entry::Refused(refusal) => refused(&refusal),
            },
            "poll" => self.poll(rest),
            "leave" => self.give_back(rest, |policy, permit| drop(policy.leave(permit))),
            "resize" => {
                self.policy().resize(rest.parse().unwrap_or(0)).expect("a bulkhead");
                ok()
            }
            "force" => {
                self.policy().control(if rest == "open" { Control::ForceOpen } else { Control::Reset });
                ok()
            }
            "state" => self.policy().state().map_or("none", |state| state.as_str()).to_owned(),
            "snapshot" => self.policy().snapshot_json(),
            "withdraw" => self.withdraw(),
            "spend" => self.spend(rest.parse().unwrap_or(0)),
            "listen" => {
                self.cursor = Some(Registry::global().events().subscribe());
                ok()
            }
            "events" => self.events(),
            "faults" => Registry::global().internal_faults().to_string(),
            "fork" => self.fork(rest),
            "both" => both(&self.policy(), rest),
            "aside" => {
                let (policy, times) = (self.policy(), rest.to_owned());
                std::thread::spawn(move || both(&policy, &times)).join().expect("the thread ends well")
            }
            "storm" => self.storm(rest),
            other => format!("no such command: {other}"),
        }
    }

    fn policy(&self) -> Policy {
        self.policy.clone().expect("a policy before this command")
    }

    fn keep(&mut self, name: &str, permit: Permit) -> String {
        self.permits.insert(name.to_owned(), permit);
        "admitted".to_owned()
    }

    fn give_back(&mut self, name: &str, back: impl FnOnce(&Policy, Permit)) -> String {
        let Some(permit) = self.permits.remove(name) else { return "no such permit".to_owned() };
        back(&self.policy(), permit);
        ok()
    }

    fn record(&mut self, words: &str) -> String {
        let (name, outcome) = words.split_once(' ').unwrap_or((words, "ok"));
        let outcome = if outcome == "ok" { Outcome::Success } else { Outcome::Failure };
        self.give_back(name, |policy, permit| policy.record(permit, outcome, Span::ZERO, None))
    }

    fn poll(&mut self, words: &str) -> String {
        let (name, ticket) = words.split_once(' ').unwrap_or((words, "0"));
        match self.policy().poll(ticket.parse().unwrap_or(0)) {
            Poll::Admitted(permit) => self.keep(name, permit),
            Poll::Waiting { .. } => "waiting".to_owned(),
            Poll::Refused(refusal) => refused(&refusal),
        }
    }

    fn withdraw(&self) -> String {
        let policy = self.policy();
        let budget = policy.budget().cloned();
        let cost = budget.and_then(|budget| policy.with(|cx| budget.withdraw(Outcome::Failure, cx)));
        if cost.is_some() { "granted" } else { "denied" }.to_owned()
    }

    fn spend(&self, tokens: u64) -> String {
        let policy = self.policy();
        let cost = policy.costs()[0].clone();
        policy.with(|cx| cost.reserve(&[("tokens", tokens)], cx)).map_or_else(|refusal| refused(&refusal), |_| ok())
    }

    /// What has happened since the last look.
    fn events(&mut self) -> String {
        Registry::global().tick();
        let events = self.cursor.as_mut().map(|cursor| cursor.drain().events).unwrap_or_default();
        let shown = |event: &seawall::events::Event| {
            let text = if event.detail.is_empty() { event.note.reason } else { &event.detail };
            format!("{}({text})", event.note.kind.as_str())
        };
        events.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    /// `times` protected calls; how many ran.
    fn run(&self, times: &str, outcome: Outcome) -> String {
        run(&self.policy(), times, outcome)
    }

    /// A child does what is named, separated by `;`, and ends; the answers in one line.
    fn fork(&mut self, commands: &str) -> String {
        let (mut read, mut write) = std::io::pipe().expect("a pipe");
        // SAFETY: the child runs code of this process as it is, and ends without unwinding.
        match unsafe { libc::fork() } {
            0 => {
                let answers: Vec<String> = commands.split(';').map(|command| self.answer(command.trim())).collect();
                let _ = write.write_all(answers.join("; ").as_bytes());
                drop(write);
                // SAFETY: ends the process at once, without the parent's handlers.
                unsafe { libc::_exit(0) }
            }
            child => {
                drop(write);
                let mut text = String::new();
                let _ = std::io::Read::read_to_string(&mut read, &mut text);
                let mut status = 0;
                // SAFETY: waits for the child just made.
                unsafe { libc::waitpid(child, &mut status, 0) };
                text
            }
        }
    }

    /// Forks children, one after another, while other threads are in and out of every lock; how those
    /// ended that did not end well. Where a child has a bulkhead of its own, nobody is inside.
    fn storm(&self, words: &str) -> String {
        let (children, scope) = words.split_once(' ').unwrap_or((words, ""));
        let children: u32 = children.parse().expect("a number of children");
        let (policy, over) = (self.policy(), AtomicBool::new(false));
        let ended: Vec<String> = std::thread::scope(|threads| {
            for number in 0..4 {
                let (policy, over) = (&policy, &over);
                threads.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        use_everything(policy, number);
                    }
                });
            }
            let ended = (0..children).map(|_| {
                // SAFETY: the child runs code of this process as it is, and ends without unwinding.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    // SAFETY: a child that hangs is ended by the alarm.
                    unsafe { libc::alarm(10) };
                    use_everything(&policy, 5);
                    let held = scope == "process" && !policy.snapshot_json().contains("\"in_use\":0,");
                    // SAFETY: ends the process at once, without the parent's handlers.
                    unsafe { libc::_exit(i32::from(held)) };
                }
                let mut status = 0;
                // SAFETY: waits for the child just made.
                unsafe { libc::waitpid(child, &mut status, 0) };
                status
            });
            let ended = ended.filter(|status| *status != 0).map(|status| status.to_string()).collect();
            over.store(true, Ordering::Relaxed);
            ended
        });
        format!("{children} children, ended badly: [{}]", ended.join(" "))
    }
}

fn run(policy: &Policy, times: &str, outcome: Outcome) -> String {
    let mut ran = 0;
    for _ in 0..times.parse().unwrap_or(1) {
        let result =
            policy.run(|| if outcome == Outcome::Success { Ok(()) } else { Err(std::io::Error::other("down")) });
        ran += u32::from(!matches!(result, Err(seawall::Error::Refused(_))));
    }
    ran.to_string()
}

/// A hundred calls; then a child makes so many while this process makes as many, and in a thread of its own as many
/// more.
fn both(policy: &Policy, times: &str) -> String {
    run(policy, "100", Outcome::Success);
    // SAFETY: the child runs code of this process as it is, and ends without unwinding.
    let child = unsafe { libc::fork() };
    let ran = run(policy, times, Outcome::Success);
    if child == 0 {
        let more = std::thread::scope(|threads| threads.spawn(|| run(policy, times, Outcome::Success)).join());
        // SAFETY: ends the process at once, without the parent's handlers.
        unsafe { libc::_exit(i32::from([Some(ran), more.ok()] != [(); 2].map(|()| Some(times.to_owned())))) }
    }
    let mut status = 0;
    // SAFETY: waits for the child just made.
    unsafe { libc::waitpid(child, &mut status, 0) };
    format!("{ran}, and the child ended with {status}")
}

/// Calls, waits, views, settings and figures: what takes locks.
fn use_everything(policy: &Policy, number: u32) {
    let key = policy.at(&format!("tenant {number}"));
    for _ in 0..3 {
        let _ = policy.run(|| Ok::<(), std::io::Error>(()));
        let _ = key.run(|| Err::<(), _>(std::io::Error::other("down")));
    }
    if let Entry::Admitted(permit) = policy.enter(None) {
        policy.leave(permit);
    }
    let registry = Registry::global();
    let made = registry.policy(&format!(r#"{{"name":"of thread {number}","bulkhead":{{"limit":1}}}}"#));
    assert!(made.is_ok(), "a policy by code");
    assert!(!registry.metrics().is_empty() && policy.state().is_some(), "figures");
}
