"""Seawall as it installs."""

from __future__ import annotations

import contextlib
from typing import Any

import seawall

from harness import Row
from targets import LONG, NEVER, Boom, aok, failing, ok, opened

NAME = "seawall"
COUNT: dict[str, Any] = {"window": {"kind": "count", "size": 100}, "failure_rate": 0.5, "minimum_calls": 20}
WINDOWS: dict[str, dict[str, Any]] = {
    "consecutive": {"window": {"kind": "consecutive", "failures": 5}},
    "count 100": COUNT,
    "time 30 s": {"window": {"kind": "time", "span": "30s"}, "failure_rate": 0.5, "minimum_calls": 20},
}
FAILING: dict[str, dict[str, Any]] = {
    "consecutive": {"window": {"kind": "consecutive", "failures": NEVER}},
    "count 100": COUNT | {"failure_rate": 1.0},
    "time 30 s": WINDOWS["time 30 s"] | {"failure_rate": 1.0},
}
KEYS = [f"tenant-{number}" for number in range(512)]


def rows() -> list[Row]:
    made = [row for window, options in WINDOWS.items() for row in _breaker(window, options)]
    retry: dict[str, Any] = {"attempts": 3}
    both: dict[str, Any] = {"breaker": COUNT, "retry": retry}
    all_three = both | {"bulkhead": {"limit": 64}}
    timed = both | {"timeout": {"attempt": 60}}
    again = seawall.policy(retry=retry)
    made += [
        Row("retry", NAME, "", _warm(again(ok))),
        _awaited("retry", "", again(aok)),
        Row("bulkhead", NAME, "", _warm(seawall.bulkhead(limit=64)(ok))),
        _awaited("bulkhead", "", seawall.bulkhead(limit=64)(aok)),
        Row("retry + breaker", NAME, "count 100", _warm(seawall.policy(**both)(ok))),
        _awaited("retry + breaker", "count 100", seawall.policy(**both)(aok)),
        Row("retry + breaker + bulkhead", NAME, "count 100", _warm(seawall.policy(**all_three)(ok))),
        _awaited("retry + breaker + bulkhead", "count 100", seawall.policy(**all_three)(aok)),
        _awaited("retry + breaker + timeout", "count 100", seawall.policy(**timed)(aok)),
    ]
    return made + _keyed() + _sweep()


def _warm(protected: Any) -> Any:
    for _ in range(1000):
        protected()
    return protected


def _awaited(case: str, variant: str, protected: Any) -> Row:
    return Row(f"{case}, awaited", NAME, variant, protected, floor="bare await")


def _breaker(window: str, options: dict[str, Any]) -> list[Row]:
    closed = _warm(seawall.circuit_breaker(**options)(ok))
    made = [
        Row("closed", NAME, window, closed),
        Row("closed", NAME, window, closed, threads=2),
        _awaited("closed", window, seawall.circuit_breaker(**options)(aok)),
        _open(window, options),
        _failing("failing", window, FAILING[window]),
    ]
    if window != "consecutive":
        slow = {"longer_than": 60, "rate": 1.0}
        made.append(Row("slow-call rule", NAME, window, _warm(seawall.circuit_breaker(**options, slow_call=slow)(ok))))
    return made


def _open(window: str, options: dict[str, Any]) -> Row:
    protected, error = opened(seawall.circuit_breaker(**options, open_for=LONG))
    assert issubclass(error, seawall.CircuitOpenError), error
    return Row("open", NAME, window, protected, raises=error, floor="a plain raise")


def _failing(case: str, variant: str, options: dict[str, Any], but: int = 64) -> Row:
    """A breaker that opens when every call of its window failed, which never happens."""
    protected = seawall.circuit_breaker(**options)(failing(but))
    return Row(case, NAME, variant, protected, raises=Boom, floor="a plain raise")


def _all_of(size: int) -> dict[str, Any]:
    return {"window": {"kind": "count", "size": size}, "failure_rate": 1.0, "minimum_calls": size}


def _keyed() -> list[Row]:
    keyed = seawall.policy(breaker=COUNT, key=lambda tenant: tenant)(for_tenant)
    alone = seawall.policy(breaker=COUNT)(for_tenant)
    for _ in range(100):
        for key in KEYS:
            keyed(key)
            alone(key)
    return [
        Row("keyed", NAME, "512 keys", keyed, keys=KEYS),
        Row("keyed", NAME, "without keys", alone, keys=KEYS),
    ]


def for_tenant(tenant: str) -> None:
    """The trivial function of a tenant."""


def fill(row: Row, size: int) -> None:
    for _ in range(size):
        with contextlib.suppress(Boom):
            row.call()


def _sweep() -> list[Row]:
    made = []
    for size in (10, 100, 1_000, 10_000, 100_000):
        row = _failing("window sweep", f"count of {size}", _all_of(size), but=min(64, size - 2))
        fill(row, size)
        made.append(row)
    breaker = seawall.circuit_breaker(**_all_of(100_000))
    empty = Row("window sweep", NAME, "count of 100000, empty", breaker(failing()), raises=Boom, floor="a plain raise")
    empty.most, empty.before = 10_000, breaker.reset
    return [*made, empty]
