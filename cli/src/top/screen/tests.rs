use super::*;
use crate::rows;
use crate::top::rates::Rates;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use seawall::Registry;
use seawall::breaker::Control;
use seawall::time::Span;
use std::time::{Duration, Instant};

/// Real policies in real states, as one segment would hold them.
struct Host {
    registry: Registry,
    policies: Vec<seawall::Policy>,
}

impl Host {
    fn new(names: &[&str]) -> Host {
        let registry = Registry::manual(1);
        let policy = |name: &&str| {
            let json = format!(
                r#"{{"name":"{name}","breaker":{{"window":{{"kind":"count","size":100}},"minimum_calls":10}},"bulkhead":{{"limit":4}}}}"#
            );
            registry.policy(&json).unwrap()
        };
        let policies = names.iter().map(policy).collect();
        Host { registry, policies }
    }

    fn fail(&self, index: usize, calls: u32) {
        let breaker = self.policies[index].breaker().unwrap().clone();
        for _ in 0..calls {
            self.policies[index].with(|cx| {
                if let Ok(permit) = breaker.acquire(cx) {
                    breaker.record(permit, seawall::outcome::Outcome::Failure, Span::ZERO, None, cx);
                }
            });
        }
    }

    fn rows(&self) -> Vec<rows::Row> {
        let now = self.registry.clock().now();
        let row = |policy: &seawall::Policy| rows::Row {
            name: policy.name().unwrap_or_default().to_string(),
            breaker: policy.breaker().map(|breaker| breaker.peek(now)),
            bulkhead: policy.bulkhead().map(|bulkhead| bulkhead.look()),
            processes: vec![0, 1],
            ..rows::Row::default()
        };
        self.policies.iter().map(row).collect()
    }

    fn reading(&self) -> Reading {
        let process = |slot: u32, name: &str| ProcessInfo {
            slot,
            pid: 4_811 + slot,
            started: 0,
            since: 0,
            name: name.to_owned(),
        };
        let processes = vec![process(0, "gunicorn"), process(1, "node"), process(2, "gateway")];
        Reading { now: self.registry.clock().now(), processes, cells: Vec::new() }
    }
}

fn screen(host: &Host, before: impl Fn()) -> Screen {
    let (mut rates, begun) = (Rates::default(), Instant::now());
    let mut look = |at: Instant| -> Vec<(String, Reading, Vec<Rated>)> {
        let rows = host.rows().into_iter().map(|row| rates.rated("payments", row, at)).collect();
        vec![("payments".to_owned(), host.reading(), rows)]
    };
    look(begun);
    before();
    let mut screen = Screen::default();
    screen.update(look(begun + Duration::from_secs(1)));
    screen
}

fn drawn(screen: &mut Screen, width: u16, height: u16) -> (Vec<String>, Buffer) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.draw(frame)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    ((0..height).map(line).collect(), buffer)
}

fn outage() -> (Host, Screen) {
    let host = Host::new(&["billing", "identity", "search"]);
    host.registry.clock().advance(Span::secs(60));
    let screen = screen(&host, || {
        host.fail(1, 20);
        host.policies[2].with(|cx| host.policies[2].breaker().unwrap().control(Control::HalfOpen, cx));
        host.registry.clock().advance(Span::millis(1_500));
    });
    (host, screen)
}

#[test]
fn the_narrow_screen_says_what_is_wrong_and_for_how_long() {
    let (_host, mut screen) = outage();
    let (lines, buffer) = drawn(&mut screen, 80, 24);
    println!("{}", lines.join("\n"));
    let of = |name: &str| lines.iter().position(|line| line.starts_with(name)).unwrap();
    assert!(lines[1].contains("3 policies") && lines[1].contains("○ 1 open") && lines[1].contains("◐ 1 half-open"));
    assert!(lines.iter().any(|line| line.contains("CALLS/S") && line.contains("REFUSED/S")));
    // What is open comes first.
    assert!(of(" identity") < of(" search") && of(" search") < of(" billing"));
    let row = &lines[of(" identity")];
    assert!(row.contains("○ open") && row.contains("100%") && row.contains("28.5s") && row.contains("1.5s"), "{row}");
    assert!(lines.iter().any(|line| line.contains("closed → open, failure rate")));
    assert!(lines.iter().any(|line| line.contains("4811 gunicorn")));
    let x = row.chars().position(|letter| letter == '○').unwrap() as u16;
    assert_eq!(buffer[(x, of(" identity") as u16)].fg, Color::Red);
}

#[test]
fn the_wide_screen_says_why_and_who() {
    let (_host, mut screen) = outage();
    let (lines, _) = drawn(&mut screen, 200, 50);
    println!("{}", lines.join("\n"));
    let row = lines.iter().find(|line| line.starts_with(" identity")).unwrap();
    assert!(row.contains("failure rate") && row.contains("10.0/10.0") || row.contains("10/10"), "{row}");
    assert!(lines.iter().any(|line| line.contains("PROCESS") && line.contains("PROGRAM")));
    assert!(lines.iter().any(|line| line.contains("4813") && line.contains("gateway")));
}

#[test]
fn a_thousand_policies_scroll_and_the_filter_finds_one() {
    let names: Vec<String> = (0..1_000).map(|n| format!("policy-{n:04}")).collect();
    let host = Host::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut screen = screen(&host, || {});
    screen.move_by(isize::MAX / 2);
    let (lines, _) = drawn(&mut screen, 80, 24);
    assert!(lines.iter().any(|line| line.starts_with(" policy-0999")));
    assert!(lines[23].contains("(1000 of 1000)"), "{}", lines[23]);
    screen.filter_begin();
    "0417".chars().for_each(|letter| screen.filter_push(letter));
    let (lines, _) = drawn(&mut screen, 80, 24);
    assert!(lines.iter().any(|line| line.starts_with(" policy-0417")), "{}", lines.join("\n"));
    assert!(!lines.iter().any(|line| line.starts_with(" policy-0418")));
    screen.filter_push('x');
    assert!(drawn(&mut screen, 80, 24).0.iter().any(|line| line.contains("no policy matches")));
}

#[test]
fn the_smallest_screen_is_no_fault() {
    let (_host, mut screen) = outage();
    for (width, height) in [(1, 1), (10, 3), (40, 10)] {
        drawn(&mut screen, width, height);
    }
}
