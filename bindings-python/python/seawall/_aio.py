"""What the asynchronous driver needs of asyncio. Loaded only where a loop already runs."""

from __future__ import annotations

import asyncio
import heapq
import math
from contextvars import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

sleep = asyncio.sleep


class Waiter:
    """A task that waits; any thread may wake it."""

    __slots__ = ("_event", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._event.set)
        except RuntimeError:
            pass  # the loop was closed: its tasks are gone

    async def soon(self) -> bool:
        """Whether others, given a turn, wake it."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return self._event.is_set()

    async def wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()


class Limit:
    """Cancels what runs inside when its time is over; `expired` tells whether that happened.

    As `asyncio.timeout` is, but for a timer that all limits of a loop share: almost every limit is left long before
    its time, and a timer of its own would be most of what it costs.
    """

    __slots__ = ("_cancelling", "_inside", "_seconds", "_task", "_timers", "expired", "when")

    def __init__(self, seconds: float | None) -> None:
        self._timers = _timers_of(asyncio.get_running_loop())
        self._seconds = seconds
        self._inside = False
        self.expired = False

    def fire(self) -> None:
        """Ends it now: a manual clock's way."""
        self._timers.loop.call_soon_threadsafe(self.expire)

    def expire(self) -> None:
        if self._inside and not self.expired:
            self.expired = True
            self._task.cancel()

    def __enter__(self) -> Limit:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a limit is for code that runs in a task")
        self._task, self._cancelling = task, task.cancelling()
        self._inside = True
        if self._seconds is not None:
            self._timers.add(self, self._seconds)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> bool:
        self._inside = False
        if not self.expired:
            if self._seconds is not None:
                self._timers.left()
            return False
        # Somebody else's cancellation is theirs to catch.
        alone = self._task.uncancel() <= self._cancelling
        return alone and kind is asyncio.CancelledError

    @property
    def inside(self) -> bool:
        return self._inside


class _Timers:
    """The limits of one loop, by when they end. Those that were left stay until they are half of all, or their time
    comes."""

    __slots__ = ("_armed", "_heap", "_left", "_number", "_timer", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._heap: list[tuple[float, int, Limit]] = []
        self._left = self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._armed = math.inf

    def add(self, limit: Limit, seconds: float) -> None:
        when = self.loop.time() + seconds
        self._number += 1
        heapq.heappush(self._heap, (when, self._number, limit))
        if when < self._armed:
            self._arm(when)

    def left(self) -> None:
        self._left += 1
        if self._left > _FEW and self._left * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].inside]
            heapq.heapify(self._heap)
            self._left = 0

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed = when
        # A loop keeps the context of a timer: a deadline in it would make every call look for one.
        self._timer = self.loop.call_at(when, self._fire, context=Context())

    def _fire(self) -> None:
        now = max(self.loop.time(), self._armed)
        self._timer, self._armed = None, math.inf
        heap = self._heap
        while heap and (heap[0][0] <= now or not heap[0][2].inside):
            limit = heapq.heappop(heap)[2]
            if limit.inside:
                limit.expire()
            else:
                self._left -= 1
        if heap:
            self._arm(heap[0][0])


#: Limits that were left and are not worth looking for.
_FEW = 64
_timers: dict[asyncio.AbstractEventLoop, _Timers] = {}


def _timers_of(loop: asyncio.AbstractEventLoop) -> _Timers:
    found = _timers.get(loop)
    if found is None:
        for other in list(_timers):
            if other.is_closed():
                _timers.pop(other, None)
        found = _timers[loop] = _Timers(loop)
    return found
