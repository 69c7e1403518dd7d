"""HTTP in the words of Seawall: what a status means, and what `Retry-After` says."""

from __future__ import annotations

import time

from . import _native

__all__ = ["outcome_of_status", "parse_retry_after"]


def outcome_of_status(status: int) -> str:
    """`success`, `failure`, `timeout`, `throttled` or `permanent`, as the core's table says."""
    return _native.OUTCOMES[_native.http_status(status)]


def parse_retry_after(text: str, *, now: float | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number or an HTTP date; `None` if it is neither.

    `now` is the wall clock (seconds since 1970) that a date is measured from.
    """
    nanos = _native.parse_retry_after(text, int(time.time() if now is None else now))
    return None if nanos is None else nanos / 1e9
