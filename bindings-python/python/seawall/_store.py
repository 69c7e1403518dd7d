"""Values of the host language, kept by key: the memory behind cached and stale fallbacks."""

from __future__ import annotations

import threading
from collections import OrderedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

MISSING: Any = object()


class Store:
    """Bounded, least recently used first out; ages are measured by the clock of the registry."""

    __slots__ = ("_entries", "_lock", "_now", "size", "stale_for", "ttl")

    def __init__(self, now: Callable[[], int], ttl: int, stale_for: int | None, size: int) -> None:
        self._now = now
        self._entries: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()
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
