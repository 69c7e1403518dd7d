//! What the naive breaker shows of itself.

use super::{Naive, Past, Probe, Window3};
use seawall::breaker::State;
use seawall::config::Window;
use seawall::time::{Span, Tick};

impl Naive {
    pub(super) fn window(&self) -> Window3 {
        let inside: Vec<&Past> = match self.config.window {
            Window::Consecutive { .. } => self.past.iter().collect(),
            Window::Count { size } => self.past.iter().rev().take(size as usize).collect(),
            Window::Time { span, slices, aligned } => {
                let origin = if aligned { Tick::ZERO } else { self.began.unwrap_or(self.now) };
                let newest = self.newest_slice.max(self.now.since(origin).0 / (span.0 / u64::from(slices)));
                self.past.iter().filter(|past| past.slice + u64::from(slices) > newest).collect()
            }
        };
        Window3 {
            calls: inside.len() as u64,
            failures: match self.config.window {
                Window::Consecutive { .. } => self.streak,
                _ => inside.iter().filter(|past| past.failed).count() as u64,
            },
            slow: match self.config.window {
                Window::Consecutive { .. } => 0,
                _ => inside.iter().filter(|past| past.slow).count() as u64,
            },
        }
    }

    pub(super) fn probe_results(&self) -> Window3 {
        let mut all = self.results.clone();
        all.extend(self.probes.iter().filter_map(|probe| match probe {
            Probe::Done { failed, slow } => Some((*failed, *slow)),
            _ => None,
        }));
        Window3 {
            calls: all.len() as u64,
            failures: all.iter().filter(|(failed, _)| *failed).count() as u64,
            slow: all.iter().filter(|(_, slow)| *slow).count() as u64,
        }
    }

    pub fn shown(&self) -> Window3 {
        match self.state {
            State::Closed | State::MetricsOnly => self.window(),
            State::HalfOpen => self.probe_results(),
            State::Open => self.kept.0.clone(),
            State::ForcedOpen | State::Disabled => Window3::default(),
        }
    }

    pub fn consecutive_failures(&self) -> u64 {
        if self.state == State::Open { self.kept.1 } else { self.streak }
    }

    pub fn permits_left(&self) -> Option<u64> {
        let now = self.now;
        let free = |probe: &&Probe| match probe {
            Probe::Free => true,
            Probe::Held { until, .. } => now >= *until,
            Probe::Done { .. } => false,
        };
        (self.state == State::HalfOpen).then(|| self.probes.iter().filter(free).count() as u64)
    }

    pub fn open_remaining(&self) -> Option<Span> {
        (self.state == State::Open).then(|| self.deadline.map_or(Span::ZERO, |deadline| self.now.until(deadline)))
    }

    pub fn retry_after(&self) -> Option<Span> {
        match self.state {
            State::Open => self.open_remaining(),
            State::HalfOpen => {
                let now = self.now;
                let leases = self.probes.iter().filter_map(|probe| match probe {
                    Probe::Held { until, .. } if now < *until => Some(now.until(*until)),
                    _ => None,
                });
                let wait = self.deadline.map(|deadline| now.until(deadline));
                let base = self.config.open_for.base;
                Some(leases.chain(wait).min().unwrap_or(base).min(base))
            }
            _ => None,
        }
    }

    pub fn look(&mut self) {
        self.apply_what_is_due();
    }
}
