"""The agent server's resilience module, on Seawall: its names and words, none of its machinery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import seawall

#: The delays that the module knew, in Seawall's words. Its RANDOM was full jitter on the exponential.
STRATEGIES: dict[str, dict[str, Any]] = {
    "exponential": {"backoff": "exponential", "jitter": "none"},
    "linear": {"backoff": "linear", "jitter": "none"},
    "fixed": {"backoff": "fixed", "jitter": "none"},
    "random": {"backoff": "exponential", "jitter": "full"},
}


def circuit_breaker(
    *, name: str, max_failures: int = 5, open_seconds: float = 60, fallback: Any = None
) -> seawall.CircuitBreaker:
    more = {} if fallback is None else {"fallback": fallback}
    return seawall.circuit_breaker(name=name, failures=max_failures, open_for=open_seconds, **more)


def get_circuit_breaker(name: str) -> seawall.Policy:
    found = seawall.find(name)
    if found is None:
        raise KeyError(name)
    return found


def retry_with_backoff(
    *,
    attempts: int = 3,
    base: float = 1.0,
    cap: float = 10.0,
    strategy: str = "exponential",
    exceptions: Any = None,
    by_outcome: dict[str, Any] | None = None,
    on_retry: Callable[..., object] | None = None,
) -> seawall.Retry:
    words = STRATEGIES[strategy]
    return seawall.retry(
        attempts=attempts, base=base, cap=cap, on=exceptions, by_outcome=by_outcome, on_retry=on_retry, **words
    )


def with_timeout(seconds: float | None = None, *, operation_type: str | None = None) -> seawall.Policy:
    """For coroutines; a blocking function uses `remaining()`."""
    return seawall.timeout(seconds, operation=operation_type, mode="cooperative")


def with_bulkhead(*, resource_type: str, limit: int | None = None, wait: float | None = None) -> seawall.Bulkhead:
    return seawall.bulkhead(limit, name=resource_type, resource=resource_type, max_wait=wait)


with_fallback = seawall.fallback
fail_open = seawall.fail_open
fail_closed = seawall.fail_closed
return_empty_on_error = seawall.empty_on_error
cached_fallback = seawall.cached_fallback
stale_fallback = seawall.stale_fallback
