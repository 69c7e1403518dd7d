"""What the asynchronous driver needs of asyncio. Loaded only where a loop already runs."""

from __future__ import annotations

import asyncio

from . import _context

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
    """Cancels what runs inside when its time is over; `expired` tells whether that happened."""

    __slots__ = ("_left", "_loop", "_scope", "expired")

    def __init__(self, seconds: float | None) -> None:
        self._left = False
        self._loop = asyncio.get_running_loop()
        self._scope = asyncio.timeout(seconds)
        self.expired = False

    def fire(self) -> None:
        """Ends it now: a manual clock's way."""
        self._loop.call_soon_threadsafe(self._expire)

    def _expire(self) -> None:
        if not self._left and not self._scope.expired():
            self._scope.reschedule(self._loop.time())

    async def __aenter__(self) -> Limit:
        # The loop keeps the context of a timer although that was cancelled: a deadline that lived on there would make
        # every call look for one.
        token = _context.deadline.set(None)
        try:
            await self._scope.__aenter__()
        finally:
            _context.deadline.reset(token)
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, traceback: Any) -> bool:
        self._left = True
        try:
            await self._scope.__aexit__(kind, error, traceback)
        except TimeoutError:
            self.expired = True
            return True
        self.expired = self._scope.expired()
        return False
