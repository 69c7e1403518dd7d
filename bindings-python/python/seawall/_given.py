"""Types of what is given in code besides the options of the core; only type checkers load this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from ._config import Duration, FallbackOnWord, FallbackStepWord

#: Exception types, or a function that says whether an error is one of them.
Errors = type[BaseException] | Iterable[type[BaseException]] | Callable[[BaseException], bool]


class Host(TypedDict, total=False):
    """What every policy takes besides its parts."""

    ignore: Errors | None
    """Errors that say nothing about the dependency: neither success nor failure."""

    classify: Callable[[BaseException], Any] | None
    """An error's outcome by name, or (outcome, seconds that the server asks to wait), or `None` for the tables."""

    bad_result: Callable[[Any], Any] | None
    """Whether a result is a failure: `True`, or an outcome as for `classify`."""

    key: Callable[..., Any] | None
    """The key of a call by its arguments: each key (a tenant, a host) has a circuit and a bulkhead of its own."""

    cache_key: Callable[..., Any] | None
    """What a call's value is kept under, by its arguments; `None` keeps it out. Default: the arguments."""

    estimate: Mapping[str, int] | Callable[..., Mapping[str, int]] | None
    """Amounts that a call will probably cost, or a function of its arguments that says so."""

    actual: Callable[[Any], Mapping[str, int]] | None
    """The amounts that a call did cost, by its result."""

    on_retry: Callable[[int, BaseException | None, float], object] | None
    """Called before each wait, with the attempt that ended, its error, and the seconds of the wait."""

    on_timeout: Callable[[BaseException], object] | None
    """Called when an attempt or the call ran out of time."""

    on_fallback: Callable[[BaseException], object] | None
    """Called when something else answered, with the error that it stands in for."""

    on_slow: Callable[[float], object] | None
    """Called when a call took longer than `slow_after`, with its seconds."""


class HostOn(Host, total=False):
    """The same where `on` names errors."""

    on: Errors | None
    """Errors that count as failures; all others are ignored. Without it the built-in tables decide."""


class FallbackPart(TypedDict, total=False):
    """Other answers, and their order."""

    function: Callable[..., Any]
    """A function of (error, *arguments), or a strategy object with a method `compute` of them."""

    value: Any
    """The answer of the step `value`."""

    empty: Any
    """The answer of the step `empty`."""

    fail_open: Any
    """The answer of the step `fail_open`."""

    fail_closed: Any
    """The answer of the step `fail_closed`."""

    chain: Sequence[FallbackStepWord]
    """The answers that are tried, in their order. Default: as they are given here."""

    on: Sequence[FallbackOnWord]
    """Which ends of a call are answered. Default: refused, timeout, failure, throttled."""

    timeout: Duration
    """The limit of the function's own time. Default: 1 s."""
