"""Circuit breakers, retries, bulkheads and timeouts that decide the same in every language."""

from __future__ import annotations

from ._native import Report, __version__
from .errors import (
    AttemptTimeoutError,
    BulkheadFullError,
    BulkheadTimeoutError,
    CircuitOpenError,
    ConfigError,
    CostExceededError,
    DeadlineExceededError,
    HostUnavailableError,
    InternalError,
    NoSuchPartError,
    RejectedError,
    SeawallError,
    TimedOutError,
    UnknownPolicyError,
    UsageError,
    report,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._breaker import Bulkhead, CircuitBreaker, Retry
    from ._context import remaining, spend
    from ._listen import Listener, listen, log_transitions
    from ._permits import BulkheadPlace, CostReservation, Permit, RetryBudget, RetrySchedule
    from ._policy import Policy, find, policies
    from ._pool import orphans
    from ._registry import (
        configure,
        is_enabled,
        metrics,
        operation_timeout,
        reload,
        resource_limit,
        set_enabled,
    )
    from ._decorators import (
        bulkhead,
        cached_fallback,
        circuit_breaker,
        cost_budget,
        empty_on_error,
        fail_closed,
        fail_open,
        fallback,
        policy,
        retry,
        retry_context,
        stale_fallback,
        timeout,
    )

__all__ = [
    "AttemptTimeoutError",
    "Bulkhead",
    "BulkheadFullError",
    "BulkheadPlace",
    "BulkheadTimeoutError",
    "CircuitBreaker",
    "CircuitOpenError",
    "ConfigError",
    "CostExceededError",
    "CostReservation",
    "DeadlineExceededError",
    "HostUnavailableError",
    "InternalError",
    "Listener",
    "NoSuchPartError",
    "Permit",
    "Policy",
    "RejectedError",
    "Report",
    "Retry",
    "RetryBudget",
    "RetrySchedule",
    "SeawallError",
    "TimedOutError",
    "UnknownPolicyError",
    "UsageError",
    "__version__",
    "bulkhead",
    "cached_fallback",
    "circuit_breaker",
    "configure",
    "cost_budget",
    "empty_on_error",
    "fail_closed",
    "fail_open",
    "fallback",
    "find",
    "is_enabled",
    "listen",
    "log_transitions",
    "metrics",
    "operation_timeout",
    "orphans",
    "policies",
    "policy",
    "reload",
    "remaining",
    "report",
    "resource_limit",
    "retry",
    "retry_context",
    "set_enabled",
    "spend",
    "stale_fallback",
    "timeout",
]

#: What is loaded when somebody names it, by its module: who only catches errors pays for no more than those.
_LATER = {
    "_breaker": ("Bulkhead", "CircuitBreaker", "Retry"),
    "_context": ("remaining", "spend"),
    "_listen": ("Listener", "listen", "log_transitions"),
    "_permits": ("BulkheadPlace", "CostReservation", "Permit", "RetryBudget", "RetrySchedule"),
    "_policy": ("Policy", "find", "policies"),
    "_pool": ("orphans",),
    "_registry": (
        "configure", "is_enabled", "metrics", "operation_timeout", "reload", "resource_limit", "set_enabled",
    ),
    "_decorators": (
        "bulkhead", "cached_fallback", "circuit_breaker", "cost_budget", "empty_on_error", "fail_closed", "fail_open",
        "fallback", "policy", "retry", "retry_context", "stale_fallback", "timeout",
    ),
}  # fmt: skip

if not TYPE_CHECKING:  # to a type checker it would stand for every name

    def __getattr__(name: str) -> Any:
        for module, names in _LATER.items():
            if name in names:
                from importlib import import_module

                found = globals()[name] = getattr(import_module(f".{module}", __name__), name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
