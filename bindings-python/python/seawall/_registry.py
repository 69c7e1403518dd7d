"""The registry in use: the process's own, or the one of a test."""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._listen import Hub
    from ._plan import Plan
    from ._store import Store
    from .testing import ManualTime


class Registry:
    """A native registry with what belongs to it on this side: its listeners and, in a test, its time."""

    def __init__(self, native: _native.Registry) -> None:
        self.native = native
        self.now = native.now
        #: Only on a manual clock: moves it instead of sleeping.
        self.time: ManualTime | None = None
        self._hub: Hub | None = None
        #: The cached values of the policies that are used here.
        self.stores: weakref.WeakKeyDictionary[Plan, Store] = weakref.WeakKeyDictionary()
        #: The configuration that was loaded, so that a test's registry can know the same policies.
        self.loaded: tuple[str | None, str] | None = None

    @property
    def hub(self) -> Hub:
        if self._hub is None:
            from ._listen import Hub

            with _lock:
                # Of those who listen first at once, all are in the same.
                self._hub = self._hub or Hub(self)
        return self._hub

    def deliver(self) -> None:
        """Hands the events of the caller's own call to the listeners, if there are any."""
        if self._hub is not None:
            self._hub.deliver()

    def sleep(self, nanos: int) -> None:
        if self.time is not None:
            self.time.pass_by(nanos)
        else:
            time.sleep(nanos / 1e9)


_process: Registry | None = None
_current: Registry | None = None
_lock = threading.Lock()
#: Every live policy, so that a test can move them all to its own registry and back. The table of a
#: dictionary is smaller than that of a set.
plans: weakref.WeakKeyDictionary[Plan, None] = weakref.WeakKeyDictionary()


def current() -> Registry:
    """The registry that new policies are made in."""
    global _process, _current
    if _current is None:
        with _lock:
            if _process is None:
                _process = Registry(_native.Registry.process())
            if _current is None:
                _current = _process
    return _current


def use(registry: Registry | None) -> Registry | None:
    """Makes `registry` (`None`: the process's own) the current one and moves every policy to it."""
    global _current
    before, _current = _current, registry
    from .errors import ConfigError

    for plan in list(plans):
        if plan.home is not _process and plan.home is not registry:
            continue
        try:
            plan.move_to(current())
        except ConfigError:
            # Declared in the other registry's file only: it stays where it is.
            continue
    return before


def configure(source: str | os.PathLike[str], *, name: str | None = None) -> None:
    """Loads policies from a TOML file (a path) or from TOML text.

    Text is told from a path by a line break, or by the bracket that it begins with. Loading again
    replaces the file layer and keeps the state of every policy whose shape allows it.
    """
    registry = current()
    text = os.fspath(source)
    if isinstance(source, str) and ("\n" in text or text.lstrip().startswith("[")):
        registry.native.load(text, name or "text")
        registry.loaded = text, name or "text"
    else:
        registry.native.load_path(text)
        registry.loaded = None, text
    _waker(registry.native.take_wakes())


def reload() -> None:
    """Reads the configuration file again and applies it, keeping state where its shape allows."""
    native = current().native
    native.reload()
    _waker(native.take_wakes())


def set_enabled(enabled: bool) -> None:
    """The off switch: with `False` every policy of the process is a plain call."""
    current().native.set_enabled(bool(enabled))


def is_enabled() -> bool:
    return current().native.enabled()


def metrics() -> str:
    """All metrics in the text format of Prometheus, for an endpoint to return."""
    return current().native.metrics()


def operation_timeout(operation: str) -> float:
    """The timeout of the configuration's table for an operation type (`llm`, `auth`, `db`, `http`), in seconds."""
    return current().native.operation_timeout(operation) / 1e9


def resource_limit(resource: str) -> int:
    """The bulkhead limit of the configuration's table for a resource (`llm`, `openfga`, `redis`, `db`)."""
    return current().native.resource_limit(resource)


def _forked() -> None:
    global _lock
    _lock = threading.Lock()
    for registry in {_process, _current}:
        if registry is not None:
            registry.native.forked()
            if registry._hub is not None:
                registry._hub.forked()


def _waker(tickets: Any) -> None:
    from . import _wait  # who holds a ticket has loaded it

    _wait.wake(tickets)


_native.set_waker(_waker)
os.register_at_fork(after_in_child=_forked)


def log_failure(message: str, *args: Any) -> None:
    """Something of the user's (a hook, a listener, a classifier) threw: say so and go on."""
    import logging

    logging.getLogger("seawall").warning(message, *args, exc_info=sys.exc_info())
