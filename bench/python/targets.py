"""What is protected."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 3600.0  # seconds: what is open stays open
TRIP_AFTER = 5  # failures in a row
NEVER = 10**6  # failures that no run reaches


class Boom(RuntimeError):
    """The failure that every breaker counts."""


def ok() -> None:
    """The trivial function."""


async def aok() -> None:
    """Its asynchronous twin."""


def failing(but: int = 64) -> Callable[[], None]:
    """Fails, but for the first call of so many: no window is ever full of failures."""
    number = itertools.count().__next__

    def fail() -> None:
        if number() % but:
            raise Boom("boom")

    return fail


def opened(protect: Callable[[Callable[[], None]], Callable[[], object]]) -> tuple[Callable[[], object], type[BaseException]]:
    """A protected function whose breaker failures have opened, and what it raises without calling."""
    calls = 0

    def down() -> None:
        nonlocal calls
        calls += 1
        raise Boom("boom")

    protected = protect(down)
    for _ in range(50):
        before = calls
        try:
            protected()
        except BaseException as error:
            if calls == before:
                return protected, type(error)
    raise AssertionError("the breaker did not open")
