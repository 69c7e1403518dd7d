"""What the asynchronous driver needs of Trio. Loaded only where a Trio task already runs."""

from __future__ import annotations

import math

import trio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

sleep = trio.sleep


class Waiter:
    """A task that waits; any thread may wake it."""

    __slots__ = ("_event", "_token")

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._event = trio.Event()

    def wake(self) -> None:
        try:
            self._token.run_sync_soon(self._set)
        except trio.RunFinishedError:
            pass

    def _set(self) -> None:
        self._event.set()

    async def soon(self) -> bool:
        """Whether others, given a turn, wake it."""
        await trio.sleep(0)
        await trio.sleep(0)
        return self._event.is_set()

    async def wait(self, seconds: float | None) -> None:
        with trio.move_on_after(math.inf if seconds is None else seconds):
            await self._event.wait()
        self._event = trio.Event()


class Limit:
    """Cancels what runs inside when its time is over; `expired` tells whether that happened."""

    __slots__ = ("_scope", "_token", "expired")

    def __init__(self, seconds: float | None) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._scope = trio.move_on_after(math.inf if seconds is None else seconds)
        self.expired = False

    def fire(self) -> None:
        """Ends it now: a manual clock's way."""
        self._token.run_sync_soon(self._scope.cancel)

    def __enter__(self) -> Limit:
        self._scope.__enter__()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> bool:
        swallowed = bool(self._scope.__exit__(kind, error, traceback))
        self.expired = self._scope.cancelled_caught
        return swallowed
