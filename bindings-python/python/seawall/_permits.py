"""Parts of a policy by hand: permits, reservations and the retry schedule."""

from __future__ import annotations

from . import _classify, _options, _wait
from .errors import BulkheadFullError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
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


class BulkheadPlace:
    """A caller at the door of a bulkhead, for loops of one's own: inside, or in the queue.

    `poll()` says whether it is inside by now; `when_woken` names a function that is called, from any
    thread, when polling is worth it. Leave with `release()` or the end of a `with` block.
    """

    __slots__ = ("_entry", "_permit", "_waiter")

    def __init__(self, entry: _native.BulkheadEntry) -> None:
        self._entry = entry
        self._waiter: tuple[int, _Call] | None = None
        self._permit = entry.take() if entry.ticket is None else None

    @property
    def inside(self) -> bool:
        return self._permit is not None

    @property
    def ticket(self) -> int | None:
        """The number of its place in the queue."""
        return self._entry.ticket

    def poll(self) -> bool:
        """Whether it is inside; raises `BulkheadTimeoutError` when the wait was too long."""
        if self._permit is None and self.left() is None:
            self._permit = self._entry.take()
            self._quiet()
        return self._permit is not None

    def left(self) -> int | None:
        """Nanoseconds it may still wait (negative: for ever), or `None` when it is inside."""
        try:
            return self._entry.poll()
        except BulkheadFullError:
            self._quiet()
            raise

    def when_woken(self, fn: Callable[[], object]) -> None:
        ticket = self._entry.ticket
        if ticket is not None:
            self._waiter = ticket, _Call(fn)
            _wait.register(*self._waiter)

    def _quiet(self) -> None:
        if self._waiter is not None:
            _wait.unregister(*self._waiter)
            self._waiter = None

    def release(self) -> None:
        """Leaves the bulkhead, or its queue; once more does nothing."""
        self._quiet()
        permit, self._permit = self._permit, None
        if permit is not None:
            permit.release()
        else:
            self._entry.abandon()

    def __enter__(self) -> BulkheadPlace:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class _Call:
    """A function as a waiter."""

    __slots__ = ("_fn",)

    def __init__(self, fn: Callable[[], object]) -> None:
        self._fn = fn

    def wake(self) -> None:
        self._fn()


def enter(plan: Plan, max_wait: Any) -> BulkheadPlace:
    """Inside, after waiting in this thread if need be."""
    place = BulkheadPlace(plan.core.enter(*wait_of(max_wait)))
    if place.inside:
        return place
    waiter = _wait.ThreadWaiter()
    place.when_woken(waiter.wake)
    try:
        while not place.poll():
            nanos = _bounded(place.left())
            if plan.registry.time is not None:
                plan.registry.time.wait(waiter, nanos)
            else:
                waiter.wait(None if nanos is None else nanos / 1e9)
        return place
    except BaseException:
        place.release()
        raise


async def aenter(plan: Plan, max_wait: Any) -> BulkheadPlace:
    """Inside, after waiting in the event loop if need be."""
    from ._async import library

    place = BulkheadPlace(plan.core.enter(*wait_of(max_wait)))
    if place.inside:
        return place
    waiter = library().Waiter()
    place.when_woken(waiter.wake)
    try:
        while not place.poll():
            nanos = _bounded(place.left())
            if plan.registry.time is not None:
                await plan.registry.time.await_(waiter, nanos)
            else:
                await waiter.wait(None if nanos is None else nanos / 1e9)
        return place
    except BaseException:
        place.release()
        raise


def _bounded(nanos: int | None) -> int | None:
    if nanos is None:
        return 0  # handed over since it was asked: look again at once
    return None if nanos < 0 else nanos


class RetryBudget:
    """The retry budget alone, for callers with a loop of their own."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.Budget) -> None:
        self._native = native

    def begin(self) -> None:
        """A call starts its first attempt."""
        self._native.begin()

    def end(self) -> None:
        """That call is over."""
        self._native.end()

    def withdraw(self, outcome: str = "failure") -> int | None:
        """What a retry after `outcome` costs, now paid; `None` if the budget does not allow it."""
        number = _classify.outcome_number(outcome)
        assert number is not None
        return self._native.withdraw(number)

    def retry_end(self, cost: int) -> None:
        """The retry that was paid with `cost` is over."""
        self._native.retry_end(cost)

    def succeed(self, last: int | None = None) -> None:
        """A call succeeded; `last` is what its last retry cost, if it had one."""
        self._native.success(last)

    @property
    def balance(self) -> float:
        return self._native.balance()


def wait_of(max_wait: Any) -> tuple[bool, int | None]:
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
        self._native.settle(_options.amounts(amounts))

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


__all__ = ["BulkheadPlace", "CostReservation", "Permit", "RetryBudget", "RetrySchedule", "aenter", "enter"]
