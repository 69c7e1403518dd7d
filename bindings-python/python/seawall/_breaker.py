"""Policies of one part, with the words of that part."""

from __future__ import annotations

from contextvars import ContextVar

from ._policy import Policy
from .errors import CircuitOpenError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, ParamSpec, TypeVar

    from ._permits import Permit

    P = ParamSpec("P")
    R = TypeVar("R")

#: Permits taken by `can_execute` in this thread or task and not reported yet, newest last.
_held: ContextVar[tuple[tuple[CircuitBreaker, Permit], ...]] = ContextVar("seawall_held", default=())


class CircuitBreaker(Policy):
    """A policy around one breaker, which can also be driven by hand."""

    __slots__ = ()

    def can_execute(self) -> bool:
        """Takes a permit if there is one; report it with `record_success` or `record_failure`.

        Half-open admits only its probes: a permit taken here is one of them. One that is never
        reported comes back with the end of its lease.
        """
        try:
            permit = self.acquire()
        except CircuitOpenError:
            return False
        _held.set((*_held.get(), (self, permit)))
        return True

    def record_success(self) -> None:
        """Reports the latest permit of this thread or task, or one call that was made without."""
        permit = self._held_permit()
        if permit is not None:
            permit.success()

    def record_failure(self, error: BaseException | None = None) -> None:
        permit = self._held_permit()
        if permit is not None:
            permit.failure(error)

    def _held_permit(self) -> Permit | None:
        held = _held.get()
        for index in range(len(held) - 1, -1, -1):
            if held[index][0] is self:
                _held.set(held[:index] + held[index + 1 :])
                return held[index][1]
        try:
            return self.acquire()
        except CircuitOpenError:
            return None  # a report of a call that the circuit never let through

    async def execute(self, fn: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Awaits `fn` under the breaker."""
        return await self.acall(fn, *args, **kwargs)

    def _breaker(self) -> dict[str, Any]:
        found: dict[str, Any] = self.snapshot()["breaker"]
        return found

    @property
    def failure_count(self) -> int:
        """Failures that count at this moment: the streak of a consecutive window, else those in the window."""
        found = self._breaker()
        return int(found["failures"])

    @property
    def total_failures(self) -> int:
        return int(self._breaker()["totals"]["failure"])

    @property
    def total_successes(self) -> int:
        return int(self._breaker()["totals"]["success"])

    @property
    def state_transitions(self) -> int:
        return int(self._breaker()["totals"]["transitions"])

    @property
    def time_until_retry(self) -> float:
        """Seconds until the circuit may let a call through; 0 while it does."""
        return (self._breaker()["retry_after_ns"] or 0) / 1e9

    def get_stats(self) -> dict[str, Any]:
        """What the properties tell, read at one moment."""
        found = self._breaker()
        return {
            "name": self.name,
            "state": found["state"],
            "failure_count": found["failures"],
            "total_failures": found["totals"]["failure"],
            "total_successes": found["totals"]["success"],
            "state_transitions": found["totals"]["transitions"],
            "time_until_retry": (found["retry_after_ns"] or 0) / 1e9,
        }


class Bulkhead(Policy):
    """A policy around one bulkhead."""

    __slots__ = ()

    def stats(self) -> dict[str, Any]:
        """In use, queued, limit, admitted and rejected by reason."""
        found: dict[str, Any] = self.snapshot()["bulkhead"]
        return found

    @property
    def in_use(self) -> int:
        return int(self.stats()["in_use"])

    @property
    def limit(self) -> int:
        return int(self.stats()["limit"])


class Retry(Policy):
    """A policy around one retry part."""

    __slots__ = ()


__all__ = ["Bulkhead", "CircuitBreaker", "Retry"]
