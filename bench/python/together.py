"""One of some processes that call at the same time; `xtask/src/bench/together.rs` tells what it is asked."""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

import seawall

import harness
from ours import COUNT, FAILING
from targets import LONG, Boom, failing, ok

BATCH = 250  # calls between two looks at the clock
SETTINGS: dict[str, dict[str, Any]] = {
    "closed": {"breaker": COUNT},
    "failing": {"breaker": FAILING["count 100"]},
    "open": {"breaker": COUNT | {"open_for": LONG}},
    "bulkhead": {"bulkhead": {"limit": 64}},
}
RAISES: dict[str, type[BaseException]] = {"open": seawall.CircuitOpenError, "failing": Boom}


def made(name: str, case: str, scope: str) -> Any:
    policy = seawall.policy(name, scope=scope, **SETTINGS[case])
    if case == "open":
        policy.open()
    # One in 16 succeeds: four processes never fill a window with failures.
    protected = policy(failing(16) if case == "failing" else ok)
    gc.collect()
    gc.freeze()
    return protected


def calls(protected: Any, case: str) -> int:
    error = RAISES.get(case)
    return harness.calls(protected, BATCH) if error is None else harness.raising(protected, error, BATCH)


def check(protected: Any, case: str) -> None:
    """One call of two still ends as the case says."""
    for _ in range(2):
        try:
            protected()
        except RAISES.get(case, ()):
            return
    if case in RAISES:
        raise AssertionError(f"{case}: two calls returned")


def main() -> None:
    gc.set_threshold(harness.GARBAGE)
    policies: dict[str, Any] = {}
    for line in sys.stdin:
        case, scope, processes, start, end = line.split()
        name = f"{case}-{scope}-{processes}"
        protected = policies.get(name) or policies.setdefault(name, made(name, case, scope))
        begin, until, spent, done = int(start), int(end), 0, 0
        while time.monotonic_ns() < begin:
            pass
        while True:
            spent += calls(protected, case)
            done += BATCH
            if time.monotonic_ns() >= until:
                break
        check(protected, case)
        print(spent, done, flush=True)


if __name__ == "__main__":
    main()
