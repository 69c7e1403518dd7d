"""Values of the host language, kept by key: the memory behind cached and stale fallbacks."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

    from ._wait import Waiter

MISSING: Any = object()


class Flight:
    """A call that fetches the value of a key; others who want it wait for its landing."""

    __slots__ = ("_lock", "_waiters", "landed", "process")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: list[Waiter] = []
        self.landed = False
        #: In a forked child the caller that flies does not exist.
        self.process = os.getpid()

    def join(self, waiter: Waiter) -> bool:
        """Whether there is something to wait for."""
        with self._lock:
            if not self.landed:
                self._waiters.append(waiter)
            return not self.landed

    def land(self) -> None:
        with self._lock:
            self.landed = True
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.wake()


class Store:
    """Bounded, least recently used first out; ages are measured by the clock of the registry."""

    __slots__ = ("_entries", "_flights", "_lock", "_now", "size", "stale_for", "ttl")

    def __init__(self, now: Callable[[], int], ttl: int, stale_for: int | None, size: int) -> None:
        self._now = now
        self._entries: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()
        self._flights: dict[Hashable, Flight] = {}
        self._lock = threading.Lock()
        self.ttl, self.stale_for, self.size = ttl, stale_for, size

    def look_up(self, key: Hashable, stale: bool) -> Any:
        """The value, or `MISSING` if there is none or it is too old for what was asked."""
        limit = self.ttl + (self.stale_for or 0 if stale else 0)
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or self._now() - entry[0] > limit:
                return MISSING
            self._entries.move_to_end(key)
            return entry[1]

    def board(self, key: Hashable) -> tuple[Flight, bool]:
        """The flight for a key, and whether the caller is the one that flies."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None and flight.process == os.getpid():
                return flight, False
            flight = self._flights[key] = Flight()
            return flight, True

    def land(self, key: Hashable, flight: Flight) -> None:
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        flight.land()

    def put(self, key: Hashable, value: Any, age: int = 0) -> None:
        with self._lock:
            self._entries[key] = (self._now() - age, value)
            self._entries.move_to_end(key)
            dropped = self._entries.popitem(last=False) if len(self._entries) > self.size else None
        del dropped  # outside the lock: a destructor may run anything

    def forget(self, key: Hashable) -> None:
        with self._lock:
            dropped = self._entries.pop(key, None)
        del dropped

    def clear(self) -> None:
        with self._lock:
            dropped, self._entries = self._entries, OrderedDict()
        del dropped

    def __len__(self) -> int:
        return len(self._entries)


def key_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Hashable:
    """The key of a call where none is given: its arguments, which must then be hashable."""
    return (args, tuple(sorted(kwargs.items()))) if kwargs else args
