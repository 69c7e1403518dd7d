//! The rules of a retry's options that concern more than one of them.

use super::Scene;
use super::breaker::both_named;
use crate::config::node::Layer;
use crate::config::schema::decode::{Fault, Given};
use crate::config::schema::retry as options;
use crate::config::schema::shared::Name;
use crate::config::{Backoff, BudgetConfig, BudgetRule, Delay, Jitter, RetryConfig};
use crate::error::ConfigCode;
use crate::time::Span;

const CAP: Span = Span::secs(20);

pub(super) fn retry(o: &options::Retry, scene: &Scene<'_>) -> Result<RetryConfig, Fault> {
    let backoff = backoff(&o.backoff, "/retry/backoff", scene)?;
    let main = delay(backoff, o.jitter.as_ref(), o.jitter.layer, "/retry/jitter", scene)?;
    let own = |name: &str, own: &Given<Option<options::OwnDelay>>| match &own.value {
        Some(own) => own_delay(own, o, &main, &format!("/retry/by_outcome/{name}"), scene).map(Some),
        None => Ok(None),
    };
    Ok(RetryConfig {
        attempts: *o.attempts,
        on_failure: own("failure", &o.by_outcome.failure)?,
        on_timeout: own("timeout", &o.by_outcome.timeout)?,
        on_throttled: own("throttled", &o.by_outcome.throttled)?,
        delay: main,
        max_elapsed: *o.max_elapsed,
        server_hint: *o.server_hint,
        hint_cap: *o.hint_cap,
        retry_refused: *o.retry_refused,
        budget: o.budget.value.as_ref().map(|budget| self::budget(budget, scene)).transpose()?,
    })
}

fn own_delay(
    own: &options::OwnDelay,
    retry: &options::Retry,
    main: &Delay,
    path: &str,
    scene: &Scene<'_>,
) -> Result<Delay, Fault> {
    let backoff = match &own.backoff.value {
        Some(o) => backoff(o, &format!("{path}/backoff"), scene)?,
        None => main.backoff.clone(),
    };
    match &own.jitter.value {
        Some(jitter) => delay(backoff, Some(jitter), own.jitter.layer, &format!("{path}/jitter"), scene),
        // The retry's jitter holds here too, unless it has no meaning for this backoff.
        None => Ok(match retry.jitter.value.as_ref().map(jitter) {
            Some(jitter) if objection(&backoff, jitter).is_none() => Delay { backoff, jitter },
            _ => Delay { jitter: default_jitter(&backoff), backoff },
        }),
    }
}

fn delay(
    backoff: Backoff,
    given: Option<&options::Jitter>,
    layer: Option<Layer>,
    path: &str,
    scene: &Scene<'_>,
) -> Result<Delay, Fault> {
    let Some(jitter) = given.map(jitter) else {
        return Ok(Delay { jitter: default_jitter(&backoff), backoff });
    };
    match objection(&backoff, jitter) {
        Some(reason) => Err(scene.fault(ConfigCode::Conflict, path, layer, reason)),
        None => Ok(Delay { backoff, jitter }),
    }
}

fn default_jitter(backoff: &Backoff) -> Jitter {
    if matches!(backoff, Backoff::Uniform { .. }) { Jitter::None } else { Jitter::Full }
}

fn objection(backoff: &Backoff, jitter: Jitter) -> Option<&'static str> {
    match (backoff, jitter) {
        (Backoff::Uniform { .. }, Jitter::None) => None,
        (Backoff::Uniform { .. }, _) => Some("a `uniform` backoff is chance already and takes no jitter on top"),
        (Backoff::List { .. }, Jitter::Decorrelated | Jitter::DecorrelatedV2) => {
            Some("a decorrelated jitter needs the base of an exponential, linear or fixed backoff")
        }
        _ => None,
    }
}

fn jitter(o: &options::Jitter) -> Jitter {
    match o {
        options::Jitter::Full(_) => Jitter::Full,
        options::Jitter::Equal(_) => Jitter::Equal,
        options::Jitter::None(_) => Jitter::None,
        options::Jitter::Decorrelated(_) => Jitter::Decorrelated,
        options::Jitter::DecorrelatedV2(_) => Jitter::DecorrelatedV2,
        options::Jitter::Proportional(j) => Jitter::Proportional { factor: *j.factor },
        options::Jitter::Additive(j) => Jitter::Additive { factor: *j.factor },
        options::Jitter::Absolute(j) => Jitter::Absolute { span: *j.span },
    }
}

fn backoff(o: &options::Backoff, path: &str, scene: &Scene<'_>) -> Result<Backoff, Fault> {
    let growing = |base: &Given<Span>, cap: &Given<Option<Span>>| match cap.value {
        Some(cap_value) if cap_value < base.value && both_named(cap, base) => {
            let reason = format!("the cap {cap_value} is below the base {}", base.value);
            Err(scene.fault(ConfigCode::Conflict, &format!("{path}/cap"), cap.layer, reason))
        }
        Some(cap) => Ok(cap.max(base.value)),
        None => Ok(CAP.max(base.value)),
    };
    Ok(match o {
        options::Backoff::Exponential(b) => {
            Backoff::Exponential { base: *b.base, factor: *b.factor, cap: growing(&b.base, &b.cap)? }
        }
        options::Backoff::Linear(b) => Backoff::Linear { base: *b.base, cap: growing(&b.base, &b.cap)? },
        options::Backoff::Fixed(b) => Backoff::Fixed { base: *b.base, cap: b.cap.unwrap_or(Span::MAX) },
        options::Backoff::List(b) => {
            if b.delays.is_empty() {
                let reason = "a list of delays needs at least one";
                return Err(scene.fault(ConfigCode::Required, &format!("{path}/delays"), b.delays.layer, reason));
            }
            Backoff::List { delays: b.delays.value.clone(), cap: b.cap.unwrap_or(Span::MAX) }
        }
        options::Backoff::Uniform(b) => {
            if *b.min > *b.max {
                let reason = format!("the longest delay {} is below the shortest {}", *b.max, *b.min);
                return Err(scene.fault(ConfigCode::Conflict, &format!("{path}/max"), b.max.layer, reason));
            }
            Backoff::Uniform { min: *b.min, max: *b.max }
        }
    })
}

fn budget(o: &options::Budget, scene: &Scene<'_>) -> Result<BudgetConfig, Fault> {
    let owned = |name: &Given<Option<Name>>| name.value.as_ref().map(|name| name.0.clone());
    let never = |path: &str, layer| {
        Err(scene.fault(ConfigCode::Conflict, path, layer, "share and floor are both zero: no retry is ever allowed"))
    };
    Ok(match o {
        options::Budget::Tokens(b) => BudgetConfig {
            name: owned(&b.name),
            rule: BudgetRule::Tokens {
                capacity: *b.capacity,
                failure: *b.costs.failure,
                timeout: *b.costs.timeout,
                throttled: *b.costs.throttled,
                hedge: *b.costs.hedge,
                refund: *b.refund,
            },
        },
        options::Budget::Ratio(b) => {
            if *b.share == 0.0 && *b.floor_per_second == 0.0 {
                return never("/retry/budget/share", b.share.layer);
            }
            let rule = BudgetRule::Ratio { share: *b.share, floor_per_second: *b.floor_per_second, span: *b.span };
            BudgetConfig { name: owned(&b.name), rule }
        }
        options::Budget::Concurrent(b) => {
            if *b.share == 0.0 && *b.floor == 0 {
                return never("/retry/budget/share", b.share.layer);
            }
            BudgetConfig { name: owned(&b.name), rule: BudgetRule::Concurrent { share: *b.share, floor: *b.floor } }
        }
        options::Budget::Cap(b) => BudgetConfig { name: owned(&b.name), rule: BudgetRule::Cap { retries: *b.retries } },
    })
}
