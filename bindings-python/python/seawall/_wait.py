"""Who waits for which bulkhead ticket: threads and event loops side by side.

The core hands out tickets and says which to wake; waking is done here, in the waiter's own way. A
waiter that is woken for nothing asks the core again, so a wake too many does no harm.
"""

from __future__ import annotations

import os
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class Waiter(Protocol):
        def wake(self) -> None: ...


_lock = threading.Lock()
_waiters: dict[int, list[Waiter]] = {}


class ThreadWaiter:
    """A blocked thread."""

    __slots__ = ("_gate",)

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._gate.acquire()

    def wake(self) -> None:
        try:
            self._gate.release()
        except RuntimeError:
            pass  # woken twice before it looked

    def wait(self, seconds: float | None) -> None:
        if seconds is None:
            self._gate.acquire()
        else:
            self._gate.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))


def register(ticket: int, waiter: Waiter) -> None:
    with _lock:
        _waiters.setdefault(ticket, []).append(waiter)


def unregister(ticket: int, waiter: Waiter) -> None:
    with _lock:
        found = _waiters.get(ticket)
        if found is not None and waiter in found:
            found.remove(waiter)
            if not found:
                del _waiters[ticket]


def wake(tickets: Iterable[int]) -> None:
    """Wakes the holders of these tickets; one that is not registered yet asks again by itself."""
    with _lock:
        woken = [waiter for ticket in tickets for waiter in _waiters.get(ticket, ())]
    for waiter in woken:
        waiter.wake()


def waiting() -> int:
    """How many callers wait at this moment."""
    with _lock:
        return sum(map(len, _waiters.values()))


def _forked() -> None:
    # The threads and loops that waited exist in the parent only.
    global _lock
    _lock = threading.Lock()
    _waiters.clear()


os.register_at_fork(after_in_child=_forked)
