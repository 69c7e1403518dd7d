"""For tests: a clock that only the test moves, no waiting, chosen random numbers, recorded events.

::

    with seawall.testing.sandbox() as box:
        box.random(0.5)          # the next uniform numbers that jitter draws
        client.fetch()           # waits of a retry move the clock instead of sleeping
        box.advance(30)
        assert [event["kind"] for event in box.events()] == ["retrying", ...]
"""

from __future__ import annotations

import heapq
import itertools
import threading

from . import _native, _options, _registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._registry import Registry
    from ._wait import ThreadWaiter

__all__ = ["ManualTime", "Sandbox", "sandbox"]


class ManualTime:
    """The time of a sandbox. `auto`: whoever would wait moves it; else they wait until the test does."""

    def __init__(self, native: _native.Registry, auto: bool) -> None:
        self._native = native
        self._lock = threading.RLock()
        self._timers: list[tuple[int, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self.auto = auto

    def at(self, nanos: int, fire: Callable[[], object]) -> int:
        """Calls `fire` when the clock is `nanos` further; gives a number to drop it by."""
        with self._lock:
            number = next(self._numbers)
            heapq.heappush(self._timers, (self._native.now() + nanos, number, fire))
            return number

    def drop(self, number: int) -> None:
        with self._lock:
            self._timers = [timer for timer in self._timers if timer[1] != number]
            heapq.heapify(self._timers)

    def advance(self, nanos: int) -> None:
        """Moves the clock, stopping at each timer on the way to fire it."""
        target = self._native.now() + nanos
        while True:
            with self._lock:
                due = heapq.heappop(self._timers) if self._timers and self._timers[0][0] <= target else None
                self._native.advance(max(0, (due[0] if due else target) - self._native.now()))
            if due is None:
                return
            due[2]()

    # -- what drivers call instead of sleeping -------------------------------------------------

    def pass_by(self, nanos: int) -> None:
        if self.auto:
            self.advance(nanos)
        else:
            from ._wait import ThreadWaiter

            waiter = ThreadWaiter()
            self.at(nanos, waiter.wake)
            waiter.wait(None)

    async def apass_by(self, nanos: int, library: Any) -> None:
        if self.auto:
            self.advance(nanos)
            await library.sleep(0)
        else:
            waiter = library.Waiter()
            number = self.at(nanos, waiter.wake)
            try:
                await waiter.wait(None)
            finally:
                self.drop(number)

    def wait(self, waiter: ThreadWaiter, nanos: int | None) -> None:
        """For a ticket: a lone thread would wait for ever, so it moves the clock; others wait."""
        if nanos is None:
            waiter.wait(None)
        elif self.auto and threading.active_count() == 1:
            self.advance(nanos)
        else:
            number = self.at(nanos, waiter.wake)
            try:
                waiter.wait(None)
            finally:
                self.drop(number)

    async def await_(self, waiter: Any, nanos: int | None) -> None:
        number = None if nanos is None else self.at(nanos, waiter.wake)
        try:
            await waiter.wait(None)
        finally:
            if number is not None:
                self.drop(number)


class Sandbox:
    """A registry of its own for the length of a `with` block. Every policy moves into it, and back."""

    def __init__(self, *, seed: int = 0, auto: bool = True, config: str | None = None) -> None:
        self._native = _native.Registry.manual(seed)
        self._registry: Registry = _registry.Registry(self._native)
        self._registry.time = ManualTime(self._native, auto)
        self._config = config
        self._before: Registry | None = None
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Sandbox:
        for text, source in _registry.current().loaded:
            self._native.load(text, source)
        if self._config is not None:
            self._native.load(self._config, "sandbox")
        self._registry.hub.add(self._events.append, None)
        self._before = _registry.use(self._registry)
        return self

    def __exit__(self, *_: object) -> None:
        _registry.use(self._before)

    @property
    def now(self) -> float:
        """Seconds on the clock of the sandbox."""
        return self._native.now() / 1e9

    def advance(self, seconds: Any) -> None:
        """Moves the clock; whoever's time is over goes on."""
        assert self._registry.time is not None
        self._registry.time.advance(_options.nanos(seconds))

    async def sleep(self, seconds: Any) -> None:
        """What a simulated dependency awaits: time passes on the clock of the sandbox only."""
        from ._async import library

        assert self._registry.time is not None
        await self._registry.time.apass_by(_options.nanos(seconds), library())
        await library().sleep(0)

    def seed(self, seed: int) -> None:
        self._native.reseed(seed)

    def random(self, *numbers: float) -> None:
        """The next uniform numbers that jitter draws."""
        for number in numbers:
            self._native.script(number)

    def events(self) -> list[dict[str, Any]]:
        """Everything that happened since the last look."""
        self._native.tick()
        self._registry.deliver()
        events, self._events[:] = list(self._events), []
        return events

    def metrics(self) -> str:
        return self._native.metrics()


def sandbox(*, seed: int = 0, auto: bool = True, config: str | None = None) -> Sandbox:
    """A sandbox for `with`. `config` is TOML; `auto=False` lets only the test move the clock."""
    return Sandbox(seed=seed, auto=auto, config=config)
