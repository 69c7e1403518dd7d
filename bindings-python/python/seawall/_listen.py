"""Listeners: events are read from the core's ring, never pushed by it.

The helper thread exists while there is a listener. It reads the ring and applies due transitions
every 100 ms; events of a caller's own call are delivered by the caller, at once.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ._registry import Registry

_PERIOD = 0.1


class Listener:
    """A subscription; `close()` or the end of its `with` block ends it."""

    __slots__ = ("_hub", "fn", "kinds")

    def __init__(self, hub: Hub, fn: Callable[[dict[str, Any]], object], kinds: frozenset[str] | None) -> None:
        self._hub, self.fn, self.kinds = hub, fn, kinds

    def close(self) -> None:
        self._hub.remove(self)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _known(kinds: Iterable[str]) -> frozenset[str]:
    """A kind that there is not would be waited for in vain."""
    from ._codes import EVENT_KINDS

    wanted = frozenset((kinds,) if isinstance(kinds, str) else kinds)
    if unknown := [kind for kind in wanted if kind not in EVENT_KINDS]:
        from .errors import UsageError

        raise UsageError(f"no event is of the kind {unknown[0]!r}; the kinds are: {', '.join(EVENT_KINDS)}")
    return wanted


class Hub:
    """The listeners of one registry and the helper that serves them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.Lock()
        self._cursor: Any = None
        self._stop: threading.Event | None = None
        self._delivering: ContextVar[bool] = ContextVar("seawall_delivering", default=False)

    def add(self, fn: Callable[[dict[str, Any]], object], kinds: Iterable[str] | None) -> Listener:
        if not callable(fn):
            from .errors import UsageError

            raise UsageError(f"a listener must be callable, not {type(fn).__name__}")
        listener = Listener(self, fn, _known(kinds) if kinds is not None else None)
        with self._lock:
            self._listeners += (listener,)
            if self._cursor is None:
                self._cursor = self._registry.native.subscribe()
            if self._stop is None and self._registry.time is None:
                self._start()
        return listener

    def remove(self, listener: Listener) -> None:
        self.deliver()
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other is not listener)
            if not self._listeners:
                self._cursor = None
                if self._stop is not None:
                    self._stop.set()
                    self._stop = None

    def deliver(self) -> None:
        """Reads the ring and calls the listeners, outside every lock."""
        listeners = self._listeners
        if not listeners or self._delivering.get():
            return
        with self._lock:
            cursor = self._cursor
            events = cursor.drain() if cursor is not None else ()
        if not events:
            return
        token = self._delivering.set(True)
        try:
            for event in events:
                for listener in listeners:
                    if listener.kinds is None or event["kind"] in listener.kinds:
                        _call(listener.fn, event)
        finally:
            self._delivering.reset(token)
        # What a listener did may have made events of its own.
        self.deliver()

    def forked(self) -> None:
        """In a forked child: the helper thread did not come along."""
        self._lock = threading.Lock()
        if self._stop is not None:
            self._start()

    def _start(self) -> None:
        self._stop = threading.Event()
        threading.Thread(target=self._serve, args=(self._stop,), name="seawall-events", daemon=True).start()

    def _serve(self, stop: threading.Event) -> None:
        while not stop.wait(_PERIOD):
            self._registry.native.tick()
            self.deliver()


def _call(fn: Callable[[dict[str, Any]], object], event: dict[str, Any]) -> None:
    try:
        fn(event)
    except Exception:
        from ._registry import log_failure

        log_failure("a listener of Seawall failed on %s", event.get("kind"))


def listen(fn: Callable[[dict[str, Any]], object], *, kinds: Iterable[str] | None = None) -> Listener:
    """Calls `fn` with every event (a dict), or with those whose `kind` is in `kinds`: one, or several.

    Raises `UsageError` for a kind that there is not.

    A listener may read and change policies. If it raises, that is logged and changes nothing.
    """
    from ._registry import current

    return current().hub.add(fn, kinds)


def log_transitions(logger: Any = None) -> Listener:
    """Logs every change of a circuit: opened as a warning, the others as information."""
    import logging

    log = logger if logger is not None else logging.getLogger("seawall")

    def write(event: dict[str, Any]) -> None:
        level = logging.WARNING if event["kind"] == "opened" else logging.INFO
        name = event.get("policy") or event.get("name") or "a circuit"
        log.log(level, "%s: %s -> %s (%s)", name, event.get("from"), event.get("to"), event.get("reason"))

    return listen(write, kinds=("opened", "half_opened", "closed", "forced"))
