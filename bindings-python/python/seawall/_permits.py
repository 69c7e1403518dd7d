"""Parts of a policy by hand: permits, reservations and the retry schedule."""

from __future__ import annotations

from . import _classify, _options, _wait
from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from . import _native
    from ._plan import Plan


class Permit:
    """Leave to make one call. Report it once; one that is dropped is given back uncounted."""

    __slots__ = ("_native", "_plan")

    def __init__(self, plan: Plan, native: _native.Permit) -> None:
        self._plan, self._native = plan, native

    def success(self, *, took: Any = None) -> None:
        self.record("success", took=took)

    def failure(self, error: BaseException | None = None, *, took: Any = None) -> None:
        """Reports an error by its class, or a plain failure without one."""
        if error is None:
            self.record("failure", took=took)
        else:
            number, hint = self._plan.classify(error)
            self._record(number, took, hint)

    def cancel(self) -> None:
        """Gives the permit back: nothing is counted."""
        self.record("cancelled")

    def record(self, outcome: str, *, took: Any = None, retry_after: float | None = None) -> None:
        """Reports any of the eight outcomes; `took` in seconds, measured since `acquire()` if not given."""
        number = _classify.outcome_number(outcome)
        if number is None:
            raise UsageError("an outcome is needed")
        self._record(number, took, None if retry_after is None else round(retry_after * 1e9))

    def _record(self, number: int, took: Any, hint: int | None) -> None:
        self._native.record(number, None if took is None else _options.nanos(took), hint)
        self._plan.registry.deliver()

    def __enter__(self) -> Permit:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is None:
            self.success()
        elif _classify.is_cancellation(error):
            self.cancel()
        else:
            self.failure(error)


class BulkheadPermit:
    """A place in a bulkhead, until `release()` or the end of its `with` block."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.BulkheadPermit) -> None:
        self._native = native

    @classmethod
    def enter(cls, plan: Plan, max_wait: Any) -> BulkheadPermit:
        entry = plan.core.enter(*_wait_of(max_wait))
        if entry.ticket is None:
            return cls(entry.take())
        waiter = _wait.ThreadWaiter()
        _wait.register(entry.ticket, waiter)
        try:
            while (wait := entry.poll()) is not None:
                nanos = None if wait < 0 else wait
                if plan.registry.time is not None:
                    plan.registry.time.wait(waiter, nanos)
                else:
                    waiter.wait(None if nanos is None else nanos / 1e9)
            return cls(entry.take())
        finally:
            _wait.unregister(entry.ticket, waiter)
            entry.abandon()

    @classmethod
    async def aenter(cls, plan: Plan, max_wait: Any) -> BulkheadPermit:
        from ._async import library

        entry = plan.core.enter(*_wait_of(max_wait))
        if entry.ticket is None:
            return cls(entry.take())
        waiter = library().Waiter()
        _wait.register(entry.ticket, waiter)
        try:
            while (wait := entry.poll()) is not None:
                nanos = None if wait < 0 else wait
                if plan.registry.time is not None:
                    await plan.registry.time.await_(waiter, nanos)
                else:
                    await waiter.wait(None if nanos is None else nanos / 1e9)
            return cls(entry.take())
        finally:
            _wait.unregister(entry.ticket, waiter)
            entry.abandon()

    def release(self) -> None:
        self._native.release()

    def __enter__(self) -> BulkheadPermit:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _wait_of(max_wait: Any) -> tuple[bool, int | None]:
    """Whether `max_wait` is given, and what it is; infinite waits for ever."""
    if max_wait is None:
        return False, None
    if max_wait == float("inf"):
        return True, None
    return True, _options.nanos(max_wait)


class CostReservation:
    """Amounts taken from a cost budget in advance; settle them with what was really used."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.Reservation) -> None:
        self._native = native

    def settle(self, **amounts: int) -> None:
        self._native.settle(list(amounts.items()))

    def give_back(self) -> None:
        """Nothing was used."""
        self._native.give_back()

    def __enter__(self) -> CostReservation:
        return self

    def __exit__(self, *_: object) -> None:
        # Settled inside the block in the usual case; then this changes nothing.
        self._native.give_back()


class RetrySchedule:
    """The retry part alone: when to try again, for callers with a loop of their own."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.Schedule) -> None:
        self._native = native

    def next_delay(
        self, outcome: str = "failure", *, retry_after: float | None = None, elapsed: Any = None, refused: bool = False
    ) -> float | str:
        """Seconds until the next attempt, or the reason to stop as text."""
        number = _classify.outcome_number("refused" if refused else outcome)
        assert number is not None
        hint = None if retry_after is None else (-1 if retry_after < 0 else round(retry_after * 1e9))
        said = self._native.next(number, hint, None if elapsed is None else _options.nanos(elapsed))
        return said if isinstance(said, str) else said / 1e9

    @property
    def attempts(self) -> int:
        return self._native.attempts()


__all__ = ["BulkheadPermit", "CostReservation", "Permit", "RetrySchedule"]
