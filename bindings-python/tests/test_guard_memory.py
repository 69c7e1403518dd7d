"""Guards and the collector: what keeps what alive, and what runs while it is let go."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import seawall
from seawall.testing import Sandbox

from test_guard import made


@pytest.mark.parametrize("kind", ["blocking", "coroutine", "keyed"])
def test_a_guard_in_a_cycle_is_collected(kind: str) -> None:
    class Big:
        pass

    big = Big()

    def cycle() -> weakref.ref[Any]:
        kept = big

        def plain(*_: Any) -> Any:
            return guard, kept

        async def later() -> Any:
            return guard, kept

        key = (lambda *_: str(id(guard))[:3]) if kind == "keyed" else None
        policy = seawall.policy(breaker={}, key=key)
        guard: Any = policy(later if kind == "coroutine" else plain)
        guard.myself = guard
        if kind == "coroutine":
            asyncio.run(guard())
        else:
            guard()
        return weakref.ref(guard)

    found = cycle()
    gc.collect()
    assert found() is None
    gone = weakref.ref(big)
    del big
    gc.collect()
    assert gone() is None


def test_a_guard_works_in_a_finalizer_of_its_own_cycle() -> None:
    told: list[int] = []

    class Closes:
        def __init__(self) -> None:
            self.close = seawall.circuit_breaker(failures=3)(lambda: told.append(len(told)))
            self.close.owner = self

        def __del__(self) -> None:
            self.close()

    for _ in range(3):
        Closes()
    gc.collect()
    assert told == [0, 1, 2]


def test_what_a_destructor_raises_is_no_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    unraised: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda info: unraised.append(info.exc_type))

    class Bad:
        def __del__(self) -> None:
            raise ConnectionError

    breaker, guard = made(lambda bad=None: Bad() and None)
    for _ in range(50):
        guard(Bad())
    assert unraised == [ConnectionError] * 100
    assert breaker.total_successes == 50 and breaker.total_failures == 0


def test_a_policy_that_goes_while_its_calls_are_under_way() -> None:
    inside, go_on = threading.Event(), threading.Event()
    results: list[str] = []

    def work() -> str:
        inside.set()
        go_on.wait(30)
        return "done"

    holder = {"guard": seawall.policy(breaker={}, key=lambda: "k")(work)}
    for held in (holder, {"guard": seawall.circuit_breaker(failures=3)(work)}):
        inside.clear()
        go_on.clear()
        caller = threading.Thread(target=lambda held=held: results.append(held.pop("guard")()))
        caller.start()
        assert inside.wait(30)
        gc.collect()
        go_on.set()
        caller.join(30)
    assert results == ["done", "done"]


def test_a_key_that_is_let_go_while_its_call_is_under_way(box: Sandbox) -> None:
    policy = seawall.policy(
        breaker={"window": {"kind": "consecutive", "failures": 2}}, max_keys=1, key=lambda key, *_: key
    )

    @policy
    def call(key: str, then: Callable[[], object] | None = None) -> str:
        if then is not None:
            then()
        return key

    def others() -> None:
        for number in range(10):
            assert call(f"other-{number}") == f"other-{number}"

    # The one cell is held by the call around: the others pass without one.
    assert call("held", others) == "held"

    def fails() -> None:
        others()
        raise ConnectionError

    for _ in range(2):
        with pytest.raises(ConnectionError):
            call("held", fails)
    with pytest.raises(seawall.CircuitOpenError):
        call("held")


def test_more_keys_than_cells_take_turns_and_the_busy_ones_stay(box: Sandbox) -> None:
    """Eight functions of one policy, forty keys, eight cells: no call goes without protection."""
    options: Any = {"breaker": {"window": {"kind": "consecutive", "failures": 1}}, "max_keys": 8}
    functions = [
        seawall.policy("crowded", **options, key=lambda key, *_: key)(lambda key, error=None: key if error is None else fail(error))
        for _ in range(8)
    ]

    def fail(error: BaseException) -> None:
        raise error

    # An open circuit is never given away, however many other keys come after it.
    with pytest.raises(ConnectionError):
        functions[0]("down", ConnectionError())
    for round_ in range(3):
        for number in range(40):
            assert functions[number % 8](f"key-{number}") == f"key-{number}"
        for function in functions:
            with pytest.raises(seawall.CircuitOpenError):
                function("down")
    assert not [event for event in box.events() if event["kind"] == "internal"]
