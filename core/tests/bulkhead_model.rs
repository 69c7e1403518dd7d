//! The bulkhead against a plain list of callers, under every order of coming, looking, giving up,
//! leaving, resizing and time.
#![cfg(not(loom))]

use proptest::prelude::*;
use seawall::bulkhead::{Bulkhead, Entry, Poll, Wakes};
use seawall::config::BulkheadConfig;
use seawall::cx::Cx;
use seawall::error::Code;
use seawall::permit::Permit;
use seawall::rng::Rng;
use seawall::time::{Span, Tick};

/// One thing that happens. Numbers choose among all callers so far, modulo their count.
#[derive(Clone, Debug)]
enum Act {
    Enter(Option<Option<u64>>),
    Poll(usize),
    Cancel(usize),
    Leave(usize),
    Resize(u32),
    Pass(u64),
    Fork,
}

fn acts() -> impl Strategy<Value = Act> {
    let wait = prop_oneof![
        6 => Just(None),
        1 => Just(Some(None)),
        1 => Just(Some(Some(0))),
        4 => (1..60u64).prop_map(|ms| Some(Some(ms))),
    ];
    prop_oneof![
        12 => wait.prop_map(Act::Enter),
        8 => any::<usize>().prop_map(Act::Poll),
        3 => any::<usize>().prop_map(Act::Cancel),
        8 => any::<usize>().prop_map(Act::Leave),
        2 => (0..6u32).prop_map(Act::Resize),
        6 => prop_oneof![1..10u64, 10..80u64].prop_map(Act::Pass),
        1 => prop_oneof![9 => Just(Act::Pass(1)), 1 => Just(Act::Fork)],
    ]
}

#[derive(Copy, Clone, PartialEq, Debug)]
enum Stand {
    /// Since when, and until when.
    Queued(u64, Option<u64>),
    TimedOut,
    /// Let in, and has not noticed.
    Handed,
    Inside,
    Gone,
}

/// A bulkhead as one would tell it to somebody: who stands where.
struct Naive {
    limit: usize,
    queue: usize,
    max_wait: Option<u64>,
    now: u64,
    callers: Vec<Stand>,
    line: Vec<usize>,
    admitted: u64,
    full: u64,
    timed_out: u64,
    cancelled: u64,
    stale: u64,
}

impl Naive {
    fn in_use(&self) -> usize {
        self.callers.iter().filter(|stand| matches!(stand, Stand::Handed | Stand::Inside)).count()
    }

    /// Whose time is over leaves at once.
    fn send_away(&mut self) {
        for (id, stand) in self.callers.iter_mut().enumerate() {
            if let Stand::Queued(_, Some(until)) = *stand
                && self.now >= until
            {
                *stand = Stand::TimedOut;
                self.line.retain(|waiting| *waiting != id);
            }
        }
    }

    fn let_in(&mut self) -> Vec<usize> {
        let mut woken = Vec::new();
        while self.in_use() < self.limit && !self.line.is_empty() {
            let first = self.line.remove(0);
            self.callers[first] = Stand::Handed;
            self.admitted += 1;
            woken.push(first);
        }
        woken
    }

    fn enter(&mut self, wait: Option<Option<u64>>) -> Stand {
        self.send_away();
        let own_queue = if wait.is_some() && self.queue == 0 { usize::MAX } else { self.queue };
        let wait = wait.unwrap_or(self.max_wait);
        let stand = if self.line.is_empty() && self.in_use() < self.limit {
            self.admitted += 1;
            Stand::Inside
        } else if wait == Some(0) || self.line.len() >= own_queue {
            self.full += 1;
            Stand::Gone
        } else {
            self.line.push(self.callers.len());
            Stand::Queued(self.now, wait.map(|ms| self.now + ms))
        };
        self.callers.push(stand);
        stand
    }

    /// How the caller stood when it looked.
    fn poll(&mut self, id: usize) -> Stand {
        self.send_away();
        let stand = self.callers[id];
        match stand {
            Stand::Handed => self.callers[id] = Stand::Inside,
            Stand::TimedOut => {
                self.timed_out += 1;
                self.callers[id] = Stand::Gone;
            }
            _ => {}
        }
        stand
    }

    fn cancel(&mut self, id: usize) -> Vec<usize> {
        self.send_away();
        if matches!(self.callers[id], Stand::Queued(..) | Stand::TimedOut | Stand::Handed) {
            self.cancelled += 1;
            self.callers[id] = Stand::Gone;
            self.line.retain(|waiting| *waiting != id);
        }
        self.let_in()
    }

    fn leave(&mut self, id: usize) -> Vec<usize> {
        self.send_away();
        match self.callers[id] {
            Stand::Inside => self.callers[id] = Stand::Gone,
            _ => self.stale += 1,
        }
        self.let_in()
    }
}

struct Pair {
    real: Bulkhead,
    naive: Naive,
    /// What the real one gave each caller: its ticket, its permit.
    hold: Vec<(Option<u64>, Option<Permit>)>,
    most: u64,
}

impl Pair {
    fn new(limit: u32, queue: u32, max_wait: Option<u64>) -> Pair {
        let config = BulkheadConfig { name: None, limit, queue, max_wait: max_wait.map(Span::millis) };
        let naive = Naive {
            limit: limit as usize,
            queue: queue as usize,
            max_wait,
            now: 1_000,
            callers: Vec::new(),
            line: Vec::new(),
            admitted: 0,
            full: 0,
            timed_out: 0,
            cancelled: 0,
            stale: 0,
        };
        Pair { real: Bulkhead::new(&config), naive, hold: Vec::new(), most: 0 }
    }

    fn at<R>(&self, decide: impl FnOnce(&Bulkhead, &mut Cx) -> R) -> (R, Vec<&'static str>) {
        let mut notes = Vec::new();
        let now = Tick(self.naive.now * 1_000_000);
        let result = decide(&self.real, &mut Cx { now, rng: &Rng::seeded(1), notes: &mut notes });
        (result, notes.iter().map(|note| note.kind.as_str()).collect())
    }

    fn callers_of(&self, wakes: &Wakes) -> Vec<usize> {
        let of = |ticket: &u64| self.hold.iter().position(|(held, _)| *held == Some(*ticket)).unwrap();
        wakes.iter().map(of).collect()
    }

    fn act(&mut self, act: &Act) -> Result<(), TestCaseError> {
        let count = self.hold.len();
        let one_of = |which: usize| (count > 0).then(|| which % count);
        match *act {
            Act::Enter(wait) => self.enter(wait)?,
            Act::Poll(which) => {
                if let Some(id) = one_of(which) {
                    self.poll(id)?;
                }
            }
            Act::Cancel(which) => {
                if let Some(id) = one_of(which)
                    && let Some(ticket) = self.hold[id].0
                {
                    let wakes = self.at(|real, cx| real.cancel(ticket, cx)).0;
                    prop_assert_eq!(self.callers_of(&wakes), self.naive.cancel(id));
                }
            }
            Act::Leave(which) => {
                if let Some(id) = one_of(which)
                    && let Some(permit) = self.hold[id].1
                {
                    let wakes = self.at(|real, cx| real.leave(permit, cx)).0;
                    prop_assert_eq!(self.callers_of(&wakes), self.naive.leave(id));
                }
            }
            Act::Resize(limit) => {
                let wakes = self.at(|real, cx| real.resize(limit, cx)).0;
                self.naive.send_away();
                self.naive.limit = limit as usize;
                prop_assert_eq!(self.callers_of(&wakes), self.naive.let_in());
            }
            Act::Pass(ms) => self.naive.now += ms,
            Act::Fork => {
                self.real.forget_callers();
                self.naive.callers.fill(Stand::Gone);
                self.naive.line.clear();
            }
        }
        self.compare()
    }

    fn enter(&mut self, wait: Option<Option<u64>>) -> Result<(), TestCaseError> {
        let (entry, notes) = self.at(|real, cx| real.enter(wait.map(|wait| wait.map(Span::millis)), cx));
        let stand = self.naive.enter(wait);
        let (held, kinds): (_, &[&str]) = match (entry, stand) {
            (Entry::Admitted(permit), Stand::Inside) => ((None, Some(permit)), &[]),
            (Entry::Queued { ticket, until }, Stand::Queued(_, end)) => {
                prop_assert_eq!(until, end.map(|ms| Tick(ms * 1_000_000)));
                ((Some(ticket), None), &["queued"])
            }
            (Entry::Refused(refusal), Stand::Gone) if refusal.code == Code::BulkheadFull => {
                ((None, None), &["rejected"])
            }
            (real, naive) => return Err(TestCaseError::fail(format!("{real:?} against {naive:?}"))),
        };
        prop_assert_eq!(notes, kinds);
        self.hold.push(held);
        Ok(())
    }

    fn poll(&mut self, id: usize) -> Result<(), TestCaseError> {
        let Some(ticket) = self.hold[id].0 else { return Ok(()) };
        let (poll, notes) = self.at(|real, cx| real.poll(ticket, cx));
        let stand = self.naive.poll(id);
        let kinds: &[&str] = match (poll, stand) {
            (Poll::Admitted(permit), Stand::Handed) => {
                self.hold[id].1 = Some(permit);
                &[]
            }
            (Poll::Waiting { until }, Stand::Queued(_, end)) => {
                prop_assert_eq!(until, end.map(|ms| Tick(ms * 1_000_000)));
                &[]
            }
            (Poll::Refused(refusal), Stand::TimedOut) if refusal.code == Code::BulkheadTimeout => &["rejected"],
            (Poll::Refused(refusal), Stand::Inside | Stand::Gone) if refusal.code == Code::StaleHandle => &[],
            (real, naive) => return Err(TestCaseError::fail(format!("{real:?} against {naive:?}"))),
        };
        prop_assert_eq!(notes, kinds);
        Ok(())
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        let (shown, naive) = (self.real.look(), &self.naive);
        self.most = self.most.max(shown.in_use);
        prop_assert_eq!((shown.in_use, shown.queued), (naive.in_use() as u64, naive.line.len() as u64));
        prop_assert_eq!(u64::from(shown.limit), naive.limit as u64);
        prop_assert_eq!(
            (shown.admitted, shown.rejected_full, shown.rejected_timeout, shown.cancelled, shown.stale),
            (naive.admitted, naive.full, naive.timed_out, naive.cancelled, naive.stale)
        );
        prop_assert_eq!(self.real.is_empty(), naive.in_use() == 0 && naive.line.is_empty());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_admits_as_a_plain_queue_does(
        limit in 1..5u32,
        queue in prop_oneof![Just(0), 1..6u32, Just(u32::MAX)],
        max_wait in prop::option::of(0..60u64),
        story in prop::collection::vec(acts(), 1..120),
    ) {
        let mut pair = Pair::new(limit, queue, max_wait);
        for act in &story {
            pair.act(act)?;
        }
        // Whoever is inside goes; then all permits are back and all waiters have had their turn.
        let limit = pair.naive.limit as u32;
        pair.act(&Act::Resize(limit.max(1)))?;
        for round in 0..=pair.hold.len() {
            prop_assert!(round < pair.hold.len().max(1), "somebody stays for ever");
            for id in 0..pair.hold.len() {
                pair.act(&Act::Poll(id))?;
                if pair.naive.callers[id] == Stand::Inside {
                    pair.act(&Act::Leave(id))?;
                }
            }
            if pair.real.is_empty() {
                break;
            }
        }
    }
}
