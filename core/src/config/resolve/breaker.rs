//! The rules of a breaker's options that concern more than one of them.

use super::Scene;
use crate::config::node::Layer;
use crate::config::schema::breaker as options;
use crate::config::schema::decode::{Fault, Given};
use crate::config::{BreakerConfig, HalfOpen, OpenFor, Rate, SlowCall, Window};
use crate::error::ConfigCode;
use crate::time::Span;

const LEASE: Span = Span::secs(30);

pub(super) fn breaker(o: &options::Breaker, attempt: Option<Span>, scene: &Scene<'_>) -> Result<BreakerConfig, Fault> {
    let window = window(&o.window);
    let rates = Rates::of(o, window, scene)?;
    Ok(BreakerConfig {
        name: o.name.value.as_ref().map(|name| name.0.clone()),
        window,
        failure_rate: rates.failure_rate,
        failure_count: rates.failure_count,
        slow_call: rates.slow_call,
        minimum_calls: rates.minimum_calls,
        open_for: open_for(&o.open_for, scene)?,
        half_open: half_open(&o.half_open, rates.slow_call, attempt, scene)?,
        initial_state: *o.initial_state,
        count_throttled: *o.count_throttled,
        from_server_hint: *o.from_server_hint,
    })
}

fn window(o: &options::Window) -> Window {
    match o {
        options::Window::Consecutive(w) => Window::Consecutive { failures: *w.failures },
        options::Window::Count(w) => Window::Count { size: *w.size },
        options::Window::Time(w) => Window::Time { span: *w.span, slices: *w.slices, aligned: *w.aligned },
    }
}

/// The rules that need a window of many calls.
struct Rates {
    failure_rate: Option<Rate>,
    failure_count: Option<u32>,
    slow_call: Option<SlowCall>,
    minimum_calls: u32,
}

impl Rates {
    fn of(o: &options::Breaker, window: Window, scene: &Scene<'_>) -> Result<Rates, Fault> {
        let slow_call = o.slow_call.value.as_ref().map(|s| SlowCall { longer_than: *s.longer_than, rate: *s.rate });
        if let Window::Consecutive { .. } = window {
            Rates::none_is_named(o, scene)?;
            return Ok(Rates { failure_rate: None, failure_count: None, slow_call: None, minimum_calls: 20 });
        }
        let (count, mut minimum_calls) = (*o.failure_count, *o.minimum_calls);
        if let Window::Count { size } = window {
            minimum_calls = minimum_calls.min(size);
            if let Some(count) = count.filter(|count| *count > size) {
                let reason = format!("a window of {size} calls never holds {count} failures");
                return Err(scene.fault(ConfigCode::Conflict, "/breaker/failure_count", o.failure_count.layer, reason));
            }
        }
        let other_rule = count.is_some() || slow_call.is_some();
        let default = (!other_rule).then(|| Rate::from_f64(0.5));
        Ok(Rates { failure_rate: o.failure_rate.or(default), failure_count: count, slow_call, minimum_calls })
    }

    /// What a preset says about rates goes with the window that replaced its own.
    fn none_is_named(o: &options::Breaker, scene: &Scene<'_>) -> Result<(), Fault> {
        let named = |layer: Option<Layer>| layer.filter(|layer| *layer > Layer::PRESET);
        let rules = [
            ("failure_rate", o.failure_rate.value.and(named(o.failure_rate.layer))),
            ("failure_count", o.failure_count.value.and(named(o.failure_count.layer))),
            ("slow_call", o.slow_call.value.as_ref().and(named(o.slow_call.layer))),
            ("minimum_calls", named(o.minimum_calls.layer)),
        ];
        for (rule, layer) in rules {
            if layer.is_some() {
                let reason = format!(
                    "a `consecutive` window has no `{rule}`: name a window of kind `count` or `time`, or set `window.failures`"
                );
                return Err(scene.fault(ConfigCode::Conflict, &format!("/breaker/{rule}"), layer, reason));
            }
        }
        Ok(())
    }
}

fn open_for(o: &options::OpenFor, scene: &Scene<'_>) -> Result<OpenFor, Fault> {
    let mut cap = *o.cap;
    if cap < *o.base {
        if both_named(&o.cap, &o.base) {
            let reason = format!("the cap {cap} is below the base {}", *o.base);
            return Err(scene.fault(ConfigCode::Conflict, "/breaker/open_for/cap", o.cap.layer, reason));
        }
        cap = *o.base;
    }
    Ok(OpenFor { base: *o.base, factor: *o.factor, cap, jitter: *o.jitter })
}

/// Whether two options that contradict each other were both meant, by whoever wrote the later one too.
pub(super) fn both_named<T, U>(limit: &Given<T>, value: &Given<U>) -> bool {
    match (limit.layer, value.layer) {
        (Some(limit), Some(_)) => limit > Layer::PRESET,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

fn half_open(
    o: &options::HalfOpen,
    slow_call: Option<SlowCall>,
    attempt: Option<Span>,
    scene: &Scene<'_>,
) -> Result<HalfOpen, Fault> {
    let fault = |code, rest: &str, layer, reason: String| {
        Err(scene.fault(code, &format!("/breaker/half_open/{rest}"), layer, reason))
    };
    let (successes, of) = match (*o.successes, *o.of) {
        (None, Some(of)) => {
            return fault(
                ConfigCode::Required,
                "successes",
                o.of.layer,
                format!("how many of {of} close the circuit?"),
            );
        }
        (Some(successes), None) => (Some(successes), Some(o.permits.unwrap_or(successes).max(successes))),
        given => given,
    };
    if let (Some(successes), Some(of)) = (successes, of)
        && successes > of
    {
        let reason = format!("{successes} successes of {of} results are never reached");
        return fault(ConfigCode::Conflict, "successes", o.successes.layer, reason);
    }
    let mut permits = o.permits.or(of).unwrap_or(1);
    if let Some(of) = of.filter(|of| *of > permits && *o.mode == crate::config::ProbeMode::Total) {
        if o.permits.layer > Some(Layer::PRESET) {
            let reason =
                format!("{permits} probes never give {of} results: use at least {of}, or `mode = \"concurrent\"`");
            return fault(ConfigCode::Conflict, "permits", o.permits.layer, reason);
        }
        permits = of;
    }
    if o.on_max_wait.is_given() && o.max_wait.is_none() {
        let reason = "`on_max_wait` needs `max_wait` beside it".to_owned();
        return fault(ConfigCode::Required, "max_wait", o.on_max_wait.layer, reason);
    }
    let slow = slow_call.map_or(Span::ZERO, |slow| slow.longer_than);
    let lease = o.lease.unwrap_or(LEASE.max(slow).max(attempt.unwrap_or(Span::ZERO)));
    let (mode, max_wait, on_max_wait) = (*o.mode, *o.max_wait, *o.on_max_wait);
    Ok(HalfOpen { permits, mode, successes, of, max_wait, on_max_wait, lease })
}
