"""The decorators: one function for each kind of policy, and `policy` for a whole one.

All options are keywords; lengths of time are seconds or `timedelta`. What an option does is in the
configuration reference, where it has the same name.
"""

from __future__ import annotations

from . import _options
from ._breaker import Bulkhead, CircuitBreaker, Retry
from ._plan import NOTHING
from ._policy import HOST, Policy, config_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta
    from typing import Any

    from ._blocks import _Attempts

    Duration = float | timedelta
    Errors = type[BaseException] | Iterable[type[BaseException]] | Callable[[BaseException], bool]
    Classifier = Callable[[BaseException], Any]
    Part = Mapping[str, Any] | bool

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
    preset: str | None = None,
    breaker: Part | None = None,
    retry: Part | int | None = None,
    bulkhead: Part | int | None = None,
    timeout: Part | Duration | None = None,
    fallback: Part | None = None,
    cache: Part | Duration | None = None,
    cost: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
    enabled: bool | None = None,
    max_keys: int | None = None,
    stream: str | None = None,
    on: Errors | None = None,
    ignore: Errors | None = None,
    classify: Classifier | None = None,
    bad_result: Callable[[Any], Any] | None = None,
    key: Callable[..., Any] | None = None,
    cache_key: Callable[..., Any] | None = None,
    estimate: Mapping[str, int] | Callable[..., Mapping[str, int]] | None = None,
    actual: Callable[[Any], Mapping[str, int]] | None = None,
    on_retry: Callable[[int, BaseException | None, float], object] | None = None,
    on_timeout: Callable[[BaseException], object] | None = None,
    on_fallback: Callable[[BaseException], object] | None = None,
    on_slow: Callable[[float], object] | None = None,
) -> Policy:
    """A whole policy. With a name alone it is the one that the file or the environment declares.

    The order of the parts is fixed: fallback and cache, deadline, cost budget, retry, and for each
    attempt bulkhead, breaker and attempt timeout. Stack decorators to nest them otherwise.
    """
    host: dict[str, Any] = {
        "on": on, "ignore": ignore, "classify": classify, "bad_result": bad_result, "key": key, "cache_key": cache_key,
        "estimate": estimate, "actual": actual, "on_retry": on_retry, "on_timeout": on_timeout,
        "on_fallback": on_fallback, "on_slow": on_slow,
    }  # fmt: skip
    parts: dict[str, Any] = {
        "breaker": breaker, "retry": retry, "bulkhead": bulkhead, "timeout": timeout, "cache": cache,
    }  # fmt: skip
    options: dict[str, Any] = {part: _options.part(part, value) for part, value in parts.items()}
    options["fallback"] = None if fallback is None else _fallback_part(fallback, host)
    options |= {"preset": preset, "cost": cost, "enabled": enabled, "max_keys": max_keys, "stream": stream}
    if name is not None and all(value is None for value in options.values()):
        return Policy._build(None, name, host)
    return Policy._build(config_of(name, options), None, host)


def _fallback_part(given: Any, host: dict[str, Any]) -> Any:
    """Values and functions stay here; the core gets the order of the chain."""
    if not isinstance(given, dict):
        return given
    options = dict(given)
    chain = []
    if "function" in options:
        host["function"] = _callable(options.pop("function"))
        chain.append("function")
    if "value" in options:
        host["value"] = options.pop("value")
        chain.append("value")
    for name in ("empty", "fail_open", "fail_closed"):
        if name in options:
            host[name] = options.pop(name)
            chain.append(name)
    options.setdefault("chain", chain)
    return options


def _callable(function: Any) -> Any:
    """A function of (error, *arguments), or a strategy object with a method `compute` of them."""
    function = getattr(function, "compute", function)
    if not callable(function):
        from .errors import config_error

        raise config_error("wrong_type", "/fallback/function", f"a function is needed, not {function!r}", source="code")
    return function


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {key: value for key, value in options.items() if key not in HOST},
        {key: value for key, value in options.items() if key in HOST},
    )


def circuit_breaker(*, name: str | None = None, failures: int | None = None, fallback: Any = NOTHING, **options: Any) -> CircuitBreaker:
    """A breaker. `failures` in a row open it; or give `window`, `failure_rate`, `slow_call`, … and `open_for`.

    Breakers of one name are one breaker. `fallback` is a value, or a function of (error, *arguments),
    used while the circuit is open.
    """
    own, host = _split(options)
    if failures is not None:
        if own.get("window") is not None:
            from .errors import config_error

            raise config_error(
                "conflict", "/breaker/window", "give `failures` (in a row) or a `window`, not both", source="code"
            )
        own["window"] = {"kind": "consecutive", "failures": failures}
    config: dict[str, Any] = {"breaker": own}
    if fallback is not NOTHING:
        kind = "function" if callable(fallback) or hasattr(fallback, "compute") else "value"
        config["fallback"] = _fallback_part({kind: fallback, "on": ["refused"]}, host)
    return CircuitBreaker._build(config_of(name, config), None, host)


def retry(
    *,
    name: str | None = None,
    attempts: int | None = None,
    backoff: str | Mapping[str, Any] | None = None,
    base: Duration | None = None,
    factor: float | None = None,
    cap: Duration | None = None,
    deadline: Duration | None = None,
    **options: Any,
) -> Retry:
    """Tries again: `attempts` counts the first. The last error of the function passes through unchanged.

    `on` says which errors are worth it; without it the built-in tables decide. `backoff` is
    `exponential`, `linear`, `fixed` or `uniform`, or a mapping of the schema.
    """
    return Retry._build(*_retry_config(name, attempts, backoff, base, factor, cap, deadline, options))


def _retry_config(
    name: str | None, attempts: int | None, backoff: Any, base: Any, factor: Any, cap: Any, deadline: Any, options: dict[str, Any]
) -> tuple[dict[str, Any], None, dict[str, Any]]:
    own, host = _split(options)
    own["attempts"] = attempts
    if isinstance(backoff, str) or (backoff is None and (base, factor, cap) != (None, None, None)):
        own["backoff"] = {"kind": backoff or "exponential", "base": base, "factor": factor, "cap": cap}
    else:
        own["backoff"] = backoff
    config: dict[str, Any] = {"retry": own}
    if deadline is not None:
        config["timeout"] = {"deadline": deadline}
    return config_of(name, config), None, host


def retry_context(
    *,
    name: str | None = None,
    attempts: int | None = None,
    backoff: str | Mapping[str, Any] | None = None,
    base: Duration | None = None,
    factor: float | None = None,
    cap: Duration | None = None,
    deadline: Duration | None = None,
    **options: Any,
) -> _Attempts:
    """A retried block: `for attempt in retry_context(...): with attempt: ...`; also with `async for`."""
    return Retry._build(*_retry_config(name, attempts, backoff, base, factor, cap, deadline, options)).attempts()


def timeout(
    seconds: Duration | None = None,
    *,
    name: str | None = None,
    deadline: Duration | None = None,
    operation: str | None = None,
    mode: str | None = None,
    **options: Any,
) -> Policy:
    """A limit for each attempt: `seconds`, or that of an operation type (`llm`, `auth`, `db`, `http`, …).

    Blocking functions need `mode="cooperative"` or `mode="abandon"`. `deadline` limits the whole
    call and needs neither. Also an async context manager.
    """
    own, host = _split(options)
    own |= {"attempt": seconds, "deadline": deadline, "operation": operation, "mode": mode}
    return Policy._build(config_of(name, {"timeout": own}), None, host)


def bulkhead(
    limit: int | None = None,
    *,
    name: str | None = None,
    resource: str | None = None,
    queue: int | None = None,
    max_wait: Duration | None = None,
    **options: Any,
) -> Bulkhead:
    """At most `limit` calls at once, over all threads and event loops; or the limit of a `resource`.

    With `max_wait` surplus callers wait in order, without it they are rejected.
    """
    own, host = _split(options)
    own |= {"limit": limit, "resource": resource, "queue": queue, "max_wait": max_wait}
    return Bulkhead._build(config_of(name, {"bulkhead": own}), None, host)


def fallback(
    value: Any = NOTHING, *, function: Any = None, name: str | None = None, cache: Mapping[str, Any] | None = None,
    **options: Any,
) -> Policy:  # fmt: skip
    """Another answer where the call gives none: a value, or a function of (error, *arguments).

    `function` may be a strategy object with a method `compute`. `chain` gives an order of several
    (`cached`, `stale`, `function`, `value`, …); `on` names outcomes (`refused`, `timeout`, `failure`,
    `throttled`, `any`), not exceptions.
    """
    own = {key: value for key, value in options.items() if key not in HOST or key == "on"}
    host = {key: value for key, value in options.items() if key in HOST and key != "on"}
    if function is not None:
        own["function"] = function
    if value is not NOTHING:
        own["value"] = value
    return Policy._build(config_of(name, {"fallback": _fallback_part(own, host), "cache": cache}), None, host)


def cached_fallback(*, ttl: Duration, size: int | None = None, name: str | None = None, **options: Any) -> Policy:
    """The last good result for the same arguments, while it is not older than `ttl`."""
    return fallback(name=name, cache={"ttl": ttl, "size": size}, chain=["cached"], **options)


def stale_fallback(
    *, ttl: Duration, stale_for: Duration, size: int | None = None, name: str | None = None, **options: Any
) -> Policy:
    """The last good result, also past its `ttl`, with a warning in the log."""
    cache = {"ttl": ttl, "stale_for": stale_for, "size": size}
    return fallback(name=name, cache=cache, chain=["cached", "stale"], **options)


def fail_open(value: Any = True, *, name: str | None = None, **options: Any) -> Policy:
    """Answers yes where the call gives no answer."""
    return fallback(name=name, fail_open=value, **options)


def fail_closed(value: Any = False, *, name: str | None = None, **options: Any) -> Policy:
    """Answers no where the call gives no answer."""
    return fallback(name=name, fail_closed=value, **options)


def empty_on_error(value: Any = None, *, name: str | None = None, **options: Any) -> Policy:
    """Answers with an empty value (`None`, or the one given) where the call gives no answer."""
    return fallback(name=name, empty=value, **options)


def cost_budget(*, name: str, limits: Mapping[str, int], per: Duration | None = None, **options: Any) -> Policy:
    """A cap on named amounts (tokens, cents, rounds): checked before the call, settled after it.

    `estimate` reserves before each attempt, `actual` reads the real amounts from the result.
    """
    own, host = _split(options)
    own |= {"name": name, "limits": dict(limits), "per": per}
    return Policy._build(config_of(name, {"cost": own}), None, host)
