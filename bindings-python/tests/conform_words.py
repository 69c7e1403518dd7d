"""What the vectors say: lengths in words, and what is shown held to what is expected."""

from __future__ import annotations

from typing import Any

UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
FOUND = "a value of the cache"


class Mismatch(Exception):
    """A step did not show what was expected."""


class Ended(Exception):
    """How a scripted attempt ends, for the classifier of the runner."""

    def __init__(self, outcome: str, hint: int | None) -> None:
        self.outcome, self.hint = outcome, None if hint is None else hint / 1e9


def length(words: str) -> int:
    split = next(at for at, letter in enumerate(words) if letter.isalpha())
    return round(float(words[:split]) * UNITS[words[split:]])


def seconds(nanos: int) -> float:
    return nanos / 1e9


def given(step: dict[str, Any], key: str) -> int | None:
    return length(step[key]) if key in step else None


def hint_of(step: dict[str, Any]) -> float | None:
    hint = given(step, "hint")
    return None if hint is None else hint / 1e9


class Span(int):
    """Nanoseconds that are compared with a length in words."""


def spans(value: int | None) -> Span | None:
    return None if value is None else Span(value)


def equal(wanted: Any, shown: Any) -> bool:
    if isinstance(shown, Span):
        return isinstance(wanted, str) and abs(length(wanted) - shown) <= 1
    if isinstance(wanted, bool) or isinstance(shown, bool):
        return wanted is shown
    if isinstance(wanted, (int, float)) and isinstance(shown, (int, float)):
        return abs(wanted - shown) <= 1e-6
    if isinstance(wanted, list) and isinstance(shown, list):
        return len(wanted) == len(shown) and all(map(equal, wanted, shown))
    if isinstance(wanted, dict) and isinstance(shown, dict):
        return all(key in shown and equal(value, shown[key]) for key, value in wanted.items())
    return bool(wanted == shown)


def check(expected: dict[str, Any], shown: dict[str, Any]) -> None:
    for key, wanted in expected.items():
        if key not in shown:
            raise Mismatch(f"nothing here shows `{key}`")
        if not equal(wanted, shown[key]):
            raise Mismatch(f"{key}: expected {wanted!r}, found {shown[key]!r}")


def classify(error: BaseException) -> Any:
    return (error.outcome, error.hint) if isinstance(error, Ended) else None
