"""The decorators: one function for each kind of policy, and `policy` for a whole one.

All options are keywords. Lengths of time are seconds, a `timedelta`, or text with a unit. `None` is
an option that was not given. A wrong one raises `ConfigError`, which says where and what to write.
What is made here may be used by any number of threads and tasks at once.
"""

from __future__ import annotations

from . import _options, _parts
from ._breaker import Bulkhead, CircuitBreaker, Retry
from ._plan import NOTHING
from ._policy import HOST, Policy, config_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Unpack

    from . import _config as to
    from ._blocks import _Attempts
    from ._config import Duration
    from ._given import Errors, FallbackPart, Host, HostOn

__all__ = [
    "bulkhead",
    "cached_fallback",
    "circuit_breaker",
    "cost_budget",
    "empty_on_error",
    "fail_closed",
    "fail_open",
    "fallback",
    "policy",
    "retry",
    "retry_context",
    "stale_fallback",
    "timeout",
]


def policy(
    name: str | None = None,
    *,
    preset: to.PresetWord | None = None,
    breaker: to.BreakerOptions | bool | None = None,
    retry: to.RetryOptions | int | bool | None = None,
    bulkhead: to.BulkheadOptions | int | bool | None = None,
    timeout: to.TimeoutOptions | Duration | bool | None = None,
    fallback: FallbackPart | Sequence[to.FallbackStepWord] | bool | None = None,
    cache: to.CacheOptions | Duration | bool | None = None,
    cost: Sequence[to.CostLimitsOptions | str] | to.CostLimitsOptions | str | None = None,
    enabled: bool | None = None,
    scope: to.ScopeWord | None = None,
    host_required: bool | None = None,
    revision: int | None = None,
    max_keys: int | None = None,
    stream: to.StreamWord | None = None,
    **host: Unpack[HostOn],
) -> Policy:
    """A whole policy. With a name alone it is the one that the file or the environment declares.

    The order of the parts is fixed: fallback and cache, deadline, cost budget, retry, and for each
    attempt bulkhead, breaker and attempt timeout. Stack decorators to nest them otherwise.
    """
    _parts.refuse_bare("policy", name)
    own: dict[str, Any] = {key: value for key, value in host.items() if key in HOST}
    parts: dict[str, Any] = {
        "breaker": breaker, "retry": retry, "bulkhead": bulkhead, "timeout": timeout, "cache": cache,
    }  # fmt: skip
    options: dict[str, Any] = {part: _options.part(part, value) for part, value in parts.items()}
    options["fallback"] = None if fallback is None else _parts.fallback(fallback, own)
    options |= {
        "preset": preset, "cost": cost, "enabled": enabled, "scope": scope, "host_required": host_required,
        "revision": revision, "max_keys": max_keys, "stream": stream,
    }  # fmt: skip
    # What nobody knows is the core's to refuse, with its place.
    options |= {key: value for key, value in host.items() if key not in HOST}
    if name is not None and all(value is None for value in options.values()):
        return Policy._build(None, name, own)
    return Policy._build(config_of(name, options), None, own)


def circuit_breaker(
    *,
    name: str | None = None,
    failures: int | None = None,
    window: to.WindowOptions | None = None,
    failure_rate: float | None = None,
    failure_count: int | None = None,
    slow_call: to.SlowCallOptions | Duration | None = None,
    minimum_calls: int | None = None,
    open_for: to.OpenForOptions | Duration | None = None,
    half_open: to.HalfOpenOptions | int | None = None,
    initial_state: to.StateWord | None = None,
    count_throttled: bool | None = None,
    from_server_hint: bool | None = None,
    fallback: Any = NOTHING,
    **host: Unpack[HostOn],
) -> CircuitBreaker:
    """A breaker: stops calling a dependency that fails. Breakers of one name are one breaker.

    - `failures`: so many in a row open it (5); or give a `window` (`"count"`, `"time"`, a mapping) with
      `failure_rate` (0.5), `failure_count`, `slow_call`, and `minimum_calls` (20) before rates decide.
    - `open_for`: how long it stays open (30 s); `from_server_hint`: a server's `Retry-After` says so.
    - `half_open`: how many probes find out whether it may close (1).
    - `initial_state`: where it starts (closed). `count_throttled`: a throttled call is a failure (yes).
    - `fallback`: a value, or a function of (error, *arguments), used while the circuit is open.

    A call that is not let through raises `CircuitOpenError`.
    """
    if failures is not None:
        if window is not None:
            from .errors import config_error

            raise config_error(
                "conflict", "/breaker/window", "give `failures` (in a row) or a `window`, not both", source="code"
            )
        window = {"kind": "consecutive", "failures": failures}
    own: dict[str, Any] = {**host}
    others: dict[str, Any] = {}
    if fallback is not NOTHING:
        kind = "function" if callable(fallback) or hasattr(fallback, "compute") else "value"
        others["fallback"] = _parts.fallback({kind: fallback, "on": ["refused"]}, own)
    options: dict[str, Any] = {
        "window": window, "failure_rate": failure_rate, "failure_count": failure_count, "slow_call": slow_call,
        "minimum_calls": minimum_calls, "open_for": open_for, "half_open": half_open, "initial_state": initial_state,
        "count_throttled": count_throttled, "from_server_hint": from_server_hint,
    }  # fmt: skip
    return CircuitBreaker._build(*_parts.part(name, "breaker", options, own, **others))


def retry(
    *,
    on: Errors | None = None,
    attempts: int | None = None,
    name: str | None = None,
    backoff: to.BackoffOptions | None = None,
    base: Duration | None = None,
    factor: float | None = None,
    cap: Duration | None = None,
    jitter: to.JitterOptions | bool | None = None,
    deadline: Duration | None = None,
    max_elapsed: Duration | None = None,
    server_hint: to.ServerHintWord | None = None,
    hint_cap: Duration | None = None,
    retry_refused: bool | None = None,
    by_outcome: to.ByOutcomeOptions | None = None,
    budget: to.BudgetOptions | bool | None = None,
    **host: Unpack[Host],
) -> Retry:
    """Tries again. The last error of the function passes through unchanged; `report(error)` says the rest.

    - `on`: the errors that are worth it; without it the built-in tables decide.
    - `attempts`: how often the function is called at most, the first call included (3).
    - `backoff` (`"exponential"`, `"linear"`, `"fixed"`, a list of delays, a mapping) with `base` (0.1 s),
      `factor` (2) and `cap` (20 s); `jitter`: what chance does to a delay (`"full"`).
    - `deadline` ends the whole call; `max_elapsed` begins no retry later than this.
    - `server_hint`: what a `Retry-After` does (`"exact"`); `hint_cap`: one that is longer ends the call (60 s).
    - `retry_refused`: also after the refusal of a nested policy (no).
    - `by_outcome`: delays of their own after failure, timeout or throttling.
    - `budget`: a limit on retries (none), by its name or its options.
    """
    return Retry._build(*_retry({**locals()}))


def retry_context(
    *,
    on: Errors | None = None,
    attempts: int | None = None,
    name: str | None = None,
    backoff: to.BackoffOptions | None = None,
    base: Duration | None = None,
    factor: float | None = None,
    cap: Duration | None = None,
    jitter: to.JitterOptions | bool | None = None,
    deadline: Duration | None = None,
    max_elapsed: Duration | None = None,
    server_hint: to.ServerHintWord | None = None,
    hint_cap: Duration | None = None,
    retry_refused: bool | None = None,
    by_outcome: to.ByOutcomeOptions | None = None,
    budget: to.BudgetOptions | bool | None = None,
    **host: Unpack[Host],
) -> _Attempts:
    """A retried block: `for attempt in retry_context(...): with attempt: ...`; also with `async for`.

    The options are those of `retry`.
    """
    return Retry._build(*_retry({**locals()})).attempts()


def _retry(given: dict[str, Any]) -> _parts.Given:
    host = given.pop("host") | {"on": given.pop("on")}
    name, deadline = given.pop("name"), given.pop("deadline")
    given["backoff"] = _parts.backoff(given["backoff"], given.pop("base"), given.pop("factor"), given.pop("cap"))
    others = {} if deadline is None else {"timeout": {"deadline": deadline}}
    return _parts.part(name, "retry", given, host, **others)


def timeout(
    seconds: Duration | None = None,
    *,
    name: str | None = None,
    deadline: Duration | None = None,
    operation: str | None = None,
    mode: to.TimeoutModeWord | None = None,
    slow_after: Duration | None = None,
    idle: Duration | None = None,
    adaptive: to.AdaptiveOptions | bool | None = None,
    caller_deadline_after: Duration | None = None,
    **host: Unpack[HostOn],
) -> Policy:
    """Limits on time. Also an async context manager.

    - `seconds`: for each attempt; or `operation`: that of its kind (`llm`, `auth`, `db`, `http`, …).
    - `deadline`: for the whole call, waits and retries included.
    - `mode`: how a blocking attempt ends: `"cooperative"` (it looks at `remaining()`) or `"abandon"` (it is
      left behind in a thread). Needed with `seconds` on a blocking function; coroutines are cancelled.
    - `slow_after`: a call that is longer is told to `on_slow`; nothing is cancelled.
    - `idle`: for each gap between the items of a stream.
    - `adaptive`: the limit follows the durations of past attempts.
    - `caller_deadline_after`: a caller's own deadline that passes counts as a timeout if the attempt had
      run this long (1 s).

    An attempt that ran out of time raises `AttemptTimeoutError`, a call `DeadlineExceededError`.
    """
    options = {
        "attempt": seconds, "deadline": deadline, "operation": operation, "mode": mode, "slow_after": slow_after,
        "idle": idle, "adaptive": adaptive, "caller_deadline_after": caller_deadline_after,
    }  # fmt: skip
    _parts.refuse_bare("timeout", seconds)
    return Policy._build(*_parts.part(name, "timeout", options, host))


def bulkhead(
    limit: int | None = None,
    *,
    name: str | None = None,
    resource: str | None = None,
    queue: int | None = None,
    max_wait: Duration | None = None,
    **host: Unpack[HostOn],
) -> Bulkhead:
    """At most `limit` calls at once (25), over all threads and event loops.

    - `resource`: the limit of its kind instead (`llm`, `openfga`, `redis`, `db`).
    - `max_wait`: surplus callers wait in order, so long at most; without it they are rejected.
    - `queue`: how many may wait (any number where `max_wait` is given).

    A call that is not let through raises `BulkheadFullError`, or `BulkheadTimeoutError` after its wait.
    """
    _parts.refuse_bare("bulkhead", limit)
    options = {"limit": limit, "resource": resource, "queue": queue, "max_wait": max_wait}
    return Bulkhead._build(*_parts.part(name, "bulkhead", options, host))


def fallback(
    value: Any = NOTHING,
    *,
    function: Any = None,
    chain: Sequence[to.FallbackStepWord] | None = None,
    on: Sequence[to.FallbackOnWord] | None = None,
    timeout: Duration | None = None,
    cache: to.CacheOptions | Duration | None = None,
    name: str | None = None,
    **host: Unpack[Host],
) -> Policy:
    """Another answer where the call gives none.

    - `value`, or `function` of (error, *arguments), which may be a strategy object with a method `compute`.
    - `chain`: the order of several (`cached`, `stale`, `function`, `value`, …).
    - `on`: the outcomes that are answered, not exceptions (`refused`, `timeout`, `failure`, `throttled`, `any`).
    - `timeout`: the limit of the function's own time (1 s).
    - `cache`: how long good results are kept for `cached` and `stale`.
    """
    _parts.refuse_bare("fallback", value)
    given: dict[str, Any] = {"chain": chain, "on": on, "timeout": timeout}
    if function is not None:
        given["function"] = function
    if value is not NOTHING:
        given["value"] = value
    return _fallback(name, given, cache, {**host})


def _fallback(name: str | None, given: dict[str, Any], cache: Any, host: dict[str, Any]) -> Policy:
    chain = _parts.fallback(given, host)
    return Policy._build(*_parts.part(name, "fallback", chain, host, cache=_options.part("cache", cache)))


def cached_fallback(
    *,
    ttl: Duration,
    size: int | None = None,
    on: Sequence[to.FallbackOnWord] | None = None,
    name: str | None = None,
    **host: Unpack[Host],
) -> Policy:
    """The last good result for the same arguments, while it is not older than `ttl`; `size` are kept (1024)."""
    return _fallback(name, {"chain": ["cached"], "on": on}, {"ttl": ttl, "size": size}, {**host})


def stale_fallback(
    *,
    ttl: Duration,
    stale_for: Duration,
    size: int | None = None,
    on: Sequence[to.FallbackOnWord] | None = None,
    name: str | None = None,
    **host: Unpack[Host],
) -> Policy:
    """The last good result, also `stale_for` past its `ttl`, with a warning in the log; `size` are kept (1024)."""
    cache = {"ttl": ttl, "stale_for": stale_for, "size": size}
    return _fallback(name, {"chain": ["cached", "stale"], "on": on}, cache, {**host})


def fail_open(
    value: Any = True, *, on: Sequence[to.FallbackOnWord] | None = None, name: str | None = None, **host: Unpack[Host]
) -> Policy:
    """Answers yes (or `value`) where the call gives no answer."""
    _parts.refuse_bare("fail_open", value)
    return _fallback(name, {"fail_open": value, "on": on}, None, {**host})


def fail_closed(
    value: Any = False, *, on: Sequence[to.FallbackOnWord] | None = None, name: str | None = None, **host: Unpack[Host]
) -> Policy:
    """Answers no (or `value`) where the call gives no answer."""
    _parts.refuse_bare("fail_closed", value)
    return _fallback(name, {"fail_closed": value, "on": on}, None, {**host})


def empty_on_error(
    value: Any = None, *, on: Sequence[to.FallbackOnWord] | None = None, name: str | None = None, **host: Unpack[Host]
) -> Policy:
    """Answers with an empty value (`None`, or `value`) where the call gives no answer."""
    _parts.refuse_bare("empty_on_error", value)
    return _fallback(name, {"empty": value, "on": on}, None, {**host})


def cost_budget(
    *, name: str, limits: Mapping[str, int], per: Duration | None = None, **host: Unpack[HostOn]
) -> Policy:
    """A cap on named amounts (tokens, cents, rounds): checked before the call, settled after it.

    - `limits`: the amounts, at most eight; `per`: they are full again at the start of each period (never).
    - `estimate` reserves before each attempt, `actual` reads the real amounts from the result.

    A call that would go over raises `CostExceededError`.
    """
    return Policy._build(*_parts.part(name, "cost", {"name": name, "limits": dict(limits), "per": per}, host))
