"""From keywords of Python to the one schema of the core: seconds become durations with a unit.

Nothing is judged here. What is wrong goes to the core as it is, which says so with its path.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Options that are lengths of time, wherever they stand.
_DURATIONS = frozenset(
    {
        "attempt", "backoff", "base", "caller_deadline_after", "cap", "deadline", "delays", "hint_cap", "idle", "lease",
        "longer_than", "max", "max_elapsed", "max_wait", "min", "open_for", "per", "slow_after", "slow_call", "span",
        "stale_for", "ttl",
    }
)  # fmt: skip
#: Tables whose keys are names, not options.
_NAMED_AMOUNTS = frozenset({"costs", "limits", "value"})
#: Parts whose short form is a length of time.
_TIMED = frozenset({"timeout", "cache"})


def duration(value: Any) -> Any:
    """Seconds or a `timedelta` as text with a unit; anything else unchanged, for the core to refuse."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return f"{value}s"
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return f"{value}s"
        if abs(value) >= 1e9:
            return f"{int(value)}s"
        return f"{round(value * 1e9)}ns"
    seconds = getattr(value, "total_seconds", None)
    if seconds is not None:
        micros = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
        return f"{micros}us"
    return value


def nanos(value: Any) -> int:
    """A length of time given to a call (not a configuration) in whole nanoseconds."""
    seconds = getattr(value, "total_seconds", None)
    number = seconds() if seconds is not None else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not number >= 0:
        raise ValueError(f"a length of time is a number of seconds from 0 or a timedelta, not {value!r}")
    return min(round(number * 1e9), 2**63 - 1) if number < 9e9 else 2**63 - 1


def amounts(given: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Named amounts of a cost budget."""
    import operator

    taken = []
    for name, value in given.items():
        try:
            number = operator.index(value)
        except TypeError:
            number = -1
        if not 0 <= number < 2**64:
            raise ValueError(f"an amount is a whole number from 0, not {name}={value!r}")
        taken.append((name, number))
    return taken


def plain(options: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    """The options that were given, as plain data of the schema."""
    return {key: _value(key, value, within) for key, value in options.items() if value is not None}


def _value(key: str, value: Any, within: str) -> Any:
    if isinstance(value, dict):
        return dict(value) if key in _NAMED_AMOUNTS else plain(value, key)
    if isinstance(value, (list, tuple)):
        return [_value(key, item, within) for item in value]
    if key in _DURATIONS or (key == "timeout" and within == "fallback"):
        return duration(value)
    return value


def part(name: str, value: Any) -> Any:
    """A part: a mapping, `True` for its defaults, `False` for none, or the short form of the schema."""
    return duration(value) if name in _TIMED and not isinstance(value, dict) else value
