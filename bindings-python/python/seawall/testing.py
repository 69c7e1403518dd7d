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
import os
import threading

from . import _native, _options, _registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ._registry import Registry
    from ._wait import ThreadWaiter

__all__ = ["CallerGone", "ManualTime", "Sandbox", "sandbox"]


class ManualTime:
    """The time of a sandbox. `auto`: whoever would wait moves it; else they wait until the test does."""

    def __init__(self, native: _native.Registry, auto: bool) -> None:
        self._native = native
        self._lock = threading.RLock()
        self._timers: list[tuple[int, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self.auto = auto
        #: Called with the nanoseconds before each wait; what it raises, the waiting caller raises.
        self.on_wait: Callable[[int | None], object] = lambda nanos: None
        self.calls: list[dict[str, Any]] = []

    def record(self) -> dict[str, Any]:
        """A new line in the list of calls; its call fills it in."""
        line: dict[str, Any] = {"slept": [], "limits": [], "queued_for": None, "link": None}
        self.calls.append(line)
        return line

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
        self.on_wait(nanos)
        if self.auto:
            self.advance(nanos)
        else:
            from ._wait import ThreadWaiter

            waiter = ThreadWaiter()
            self.at(nanos, waiter.wake)
            waiter.wait(None)

    async def apass_by(self, nanos: int, library: Any) -> None:
        self.on_wait(nanos)
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
        """For a ticket: woken by a permit, or by the clock, which a waiter moves itself if it may."""
        self.on_wait(nanos)
        if nanos is None:
            waiter.wait(None)
        elif self.auto:
            self.advance(nanos)
        else:
            number = self.at(nanos, waiter.wake)
            try:
                waiter.wait(None)
            finally:
                self.drop(number)

    async def await_(self, waiter: Any, nanos: int | None) -> None:
        self.on_wait(nanos)
        if nanos is None:
            await waiter.wait(None)
            return
        number = self.at(nanos, waiter.wake)
        if self.auto and not await waiter.soon():
            self.advance(nanos)
        try:
            await waiter.wait(None)
        finally:
            self.drop(number)


class CallerGone(BaseException):
    """Raise it in a protected function or in `on_wait` to play a caller that gives up."""

    def __init__(self, *, by_deadline: bool = False) -> None:
        super().__init__("the caller gave up")
        #: The caller's own deadline had passed.
        self.by_deadline = by_deadline


class Sandbox:
    """A registry of its own for the length of a `with` block. Every policy moves into it, and back."""

    def __init__(
        self,
        *,
        seed: int = 0,
        auto: bool = True,
        config: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._native = _native.Registry.manual(seed, list((environment or {}).items()))
        self._registry: Registry = _registry.Registry(self._native)
        self._registry.time = ManualTime(self._native, auto)
        self._config = config
        self._before: Registry | None = None
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Sandbox:
        self._load_what_the_process_loaded()
        if self._config is not None:
            self._native.load(self._config, "sandbox")
        self._registry.hub.add(self._events.append, None)
        self._before = _registry.use(self._registry)
        return self

    def _load_what_the_process_loaded(self) -> None:
        loaded = _registry.current().loaded
        if loaded is not None and loaded[0] is not None:
            self._native.load(loaded[0], loaded[1])
        elif loaded is not None or "SEAWALL_CONFIG" in os.environ:
            self._native.load_path(loaded[1] if loaded is not None else os.environ["SEAWALL_CONFIG"])

    def __exit__(self, *_: object) -> None:
        _registry.use(self._before)

    @property
    def now(self) -> float:
        """Seconds on the clock of the sandbox."""
        return self._native.now() / 1e9

    def advance(self, seconds: Any) -> None:
        """Moves the clock; whoever's time is over goes on."""
        self.advance_nanos(_options.nanos(seconds))

    def advance_nanos(self, nanos: int) -> None:
        assert self._registry.time is not None
        self._registry.time.advance(nanos)

    async def sleep(self, seconds: Any) -> None:
        """What a simulated dependency awaits: time passes on the clock of the sandbox only."""
        from ._async import library

        assert self._registry.time is not None
        time = self._registry.time
        if time.auto:
            time.advance(_options.nanos(seconds))
        else:
            await time.apass_by(_options.nanos(seconds), library())
        await library().sleep(0)

    def seed(self, seed: int) -> None:
        self._native.reseed(seed)

    def random(self, *numbers: float) -> None:
        """The next uniform numbers that jitter draws."""
        for number in numbers:
            self._native.script(number)

    def events(self) -> list[dict[str, Any]]:
        """Everything that happened since the last look, due transitions included."""
        self._native.tick()
        return self.recorded()

    def recorded(self) -> list[dict[str, Any]]:
        """Everything that happened since the last look, as it stands."""
        self._registry.deliver()
        events, self._events[:] = list(self._events), []
        return events

    def calls(self) -> list[dict[str, Any]]:
        """Every call that left the pass path since the last look: verdict, attempts, waits, limits, …"""
        assert self._registry.time is not None
        calls, self._registry.time.calls[:] = list(self._registry.time.calls), []
        return calls

    def calls_so_far(self) -> list[dict[str, Any]]:
        """The same without forgetting them."""
        assert self._registry.time is not None
        return self._registry.time.calls

    def on_wait(self, fn: Callable[[int | None], object]) -> None:
        """Calls `fn` with the nanoseconds before each wait; what it raises, the waiting caller raises."""
        assert self._registry.time is not None
        self._registry.time.on_wait = fn

    def metrics(self) -> str:
        return self._native.metrics()


def sandbox(
    *,
    seed: int = 0,
    auto: bool = True,
    config: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Sandbox:
    """A sandbox for `with`. `config` is TOML, `environment` stands for the process's own.

    `auto=False` lets only the test move the clock.
    """
    return Sandbox(seed=seed, auto=auto, config=config, environment=environment)
