"""What a user would pick instead, each through its public interface and as its documents say."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from targets import LONG, TRIP_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable

    Fn = Callable[[], Any]
    Wrap = Callable[[Any], Any]

_serial = count()


@dataclass
class Peer:
    """How a library protects a function, for each pattern that it has."""

    rule: str = ""
    #: A breaker that opens after so many failures in a row, or their like in a window.
    breaker: Callable[[Any, int], Any] | None = None
    async_breaker: Callable[[Any, int], Any] | None = None
    retry: Wrap | None = None
    async_retry: Wrap | None = None
    both: Wrap | None = None
    async_both: Wrap | None = None
    bulkhead: Wrap | None = None
    all_three: Wrap | None = None
    slow_calls: Wrap | None = None
    #: A breaker of its own for each first argument.
    keyed: Wrap | None = None
    #: A breaker with a count window of this size that never opens.
    window: Callable[[Any, int], Any] | None = None


def all_peers() -> dict[str, Peer]:
    singles = {
        "circuitbreaker": _circuitbreaker(),
        "pybreaker": _pybreaker(),
        "nopanic": _nopanic(),
        "interlock-cb": _interlock(),
        "grit-toolkit": _grit(),
        "tenacity": _tenacity(),
        "stamina": _stamina(),
    }
    pairs = {
        f"{outer} + {inner}": _pair(singles[outer], singles[inner])
        for outer, inner in (("stamina", "circuitbreaker"), ("tenacity", "pybreaker"))
    }
    return singles | pairs


def _pair(outer: Peer, inner: Peer) -> Peer:
    """Two libraries stacked the usual way: retry outside, breaker inside."""
    pair = Peer(rule=inner.rule)
    pair.both = lambda fn: outer.retry(inner.breaker(fn, TRIP_AFTER))  # type: ignore[misc]
    if inner.async_breaker is not None:
        pair.async_both = lambda fn: outer.async_retry(inner.async_breaker(fn, TRIP_AFTER))  # type: ignore[misc]
    return pair


def _circuitbreaker() -> Peer:
    from circuitbreaker import CircuitBreaker

    def breaker(fn: Fn, failures: int) -> Fn:
        return CircuitBreaker(failure_threshold=failures, recovery_timeout=LONG)(fn)

    return Peer(rule="consecutive", breaker=breaker, async_breaker=breaker)


def _pybreaker() -> Peer:
    import pybreaker

    def breaker(fn: Fn, failures: int) -> Fn:
        return pybreaker.CircuitBreaker(fail_max=failures, reset_timeout=LONG)(fn)

    return Peer(rule="consecutive", breaker=breaker)


def _tenacity() -> Peer:
    from tenacity import retry, stop_after_attempt, wait_exponential_jitter

    def again(fn: Fn) -> Fn:
        return retry(stop=stop_after_attempt(3), wait=wait_exponential_jitter(), reraise=True)(fn)

    return Peer(retry=again, async_retry=again)


def _stamina() -> Peer:
    import stamina

    def again(fn: Fn) -> Fn:
        return stamina.retry(on=Exception, attempts=3)(fn)

    return Peer(retry=again, async_retry=again)


def _nopanic() -> Peer:
    import nopanic

    def circuit(calls: int = TRIP_AFTER) -> Any:
        return nopanic.circuit_breaker(min_calls=calls, reset_timeout=LONG)

    def again() -> Any:
        return nopanic.retry(attempts=3)

    def both(fn: Fn) -> Fn:
        return nopanic.compose(again(), circuit())(fn)

    return Peer(
        rule="failure rate, time window",
        breaker=lambda fn, failures: circuit(failures)(fn),
        async_breaker=lambda fn, failures: circuit(failures)(fn),
        retry=lambda fn: again()(fn),
        async_retry=lambda fn: again()(fn),
        both=both,
        async_both=both,
        bulkhead=lambda fn: nopanic.bulkhead(64)(fn),
        all_three=lambda fn: nopanic.compose(again(), circuit(), nopanic.bulkhead(64))(fn),
        slow_calls=lambda fn: nopanic.circuit_breaker(slow_call_duration=60.0, reset_timeout=LONG)(fn),
        keyed=lambda fn: nopanic.keyed(lambda key: circuit(), key=lambda tenant: tenant)(fn),
    )


def _interlock() -> Peer:
    from interlock import CircuitBreaker, Config, Pipeline

    def circuit(calls: int = TRIP_AFTER, **options: Any) -> Any:
        config = Config(minimum_number_of_calls=calls, wait_duration_in_open=LONG, **options)
        return CircuitBreaker(name=f"breaker-{next(_serial)}", config=config)

    def breaker(fn: Fn, failures: int) -> Fn:
        return circuit(failures)(fn)

    def again(fn: Fn) -> Fn:
        return Pipeline.builder().retry(attempts=3).build()(fn)

    def both(fn: Fn) -> Fn:
        return Pipeline.builder().retry(attempts=3).circuit_breaker(circuit()).build()(fn)

    return Peer(
        rule="failure rate, count window",
        breaker=breaker,
        async_breaker=breaker,
        retry=again,
        async_retry=again,
        both=both,
        async_both=both,
        bulkhead=lambda fn: Pipeline.builder().bulkhead(64).build()(fn),
        all_three=lambda fn: Pipeline.builder().retry(attempts=3).bulkhead(64).circuit_breaker(circuit()).build()(fn),
        slow_calls=lambda fn: circuit(slow_call_duration_threshold=60.0, slow_call_rate_threshold=1.0)(fn),
        window=lambda fn, size: circuit(size, window_size=size, failure_rate_threshold=1.0)(fn),
    )


def _grit() -> Peer:
    import grit

    def circuit(failures: int = TRIP_AFTER) -> Any:
        return grit.breaker(fails=failures, reset_after=LONG)

    def both(fn: Fn) -> Fn:
        return grit.policy(grit.retry(tries=3), circuit())(fn)

    return Peer(
        rule="consecutive",
        breaker=lambda fn, failures: circuit(failures)(fn),
        async_breaker=lambda fn, failures: circuit(failures)(fn),
        retry=lambda fn: grit.retry(tries=3)(fn),
        async_retry=lambda fn: grit.retry(tries=3)(fn),
        both=both,
        async_both=both,
        bulkhead=lambda fn: grit.bulkhead(64)(fn),
        all_three=lambda fn: grit.policy(grit.retry(tries=3), circuit(), grit.bulkhead(64))(fn),
    )
