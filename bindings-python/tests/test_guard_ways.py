"""The ways that a call takes through a guard: in by the gate or by asking, and out with what is told of it."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import seawall
from seawall.testing import Sandbox

from test_guard import NEVER, made, module_coroutine


def test_the_circuit_opens_and_closes_under_a_guard(box: Sandbox) -> None:
    fails = False
    ran = 0

    @seawall.circuit_breaker(name="gate", failures=3, open_for=30)
    def call() -> str:
        nonlocal ran
        ran += 1
        if fails:
            raise ConnectionError
        return "yes"

    for _ in range(100):
        call()
    fails = True
    for _ in range(3):
        with pytest.raises(ConnectionError):
            call()
    with pytest.raises(seawall.CircuitOpenError, match="gate: circuit is open; retry in 30") as refused:
        call()
    error = refused.value
    assert (error.policy, error.state, error.retry_after, error.attempts) == ("gate", "open", 30.0, 0)
    told = seawall.report(error)
    assert told is not None and (told.attempts, told.reason, told.policy) == (0, "refused", "gate")
    assert pickle.loads(pickle.dumps(error)).retry_after == 30.0
    fails = False
    box.advance(30)
    before = ran
    assert [call() for _ in range(10)] == ["yes"] * 10 and ran == before + 10


def test_a_rejection_without_a_test_around_is_the_same() -> None:
    """The real clock: here the guard raises by itself."""

    @seawall.circuit_breaker(failures=1, open_for=60)
    def call() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        call()
    rejections = []
    for _ in range(3):
        with pytest.raises(seawall.CircuitOpenError) as refused:
            call()
        rejections.append(refused.value)
    assert len({id(error) for error in rejections}) == 3
    for error in rejections:
        assert error.state == "open" and error.policy is None and 59 < (error.retry_after or 0) < 60.1
        assert str(error).startswith("circuit is open; retry in ")
        told = seawall.report(error)
        assert told is not None and (told.attempts, told.elapsed, told.reason) == (0, 0.0, "refused")


def test_a_rejection_makes_its_words_when_they_are_read() -> None:
    breaker = seawall.circuit_breaker(name="lazy", failures=1, open_for=60)

    @breaker
    def call() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        call()
    with pytest.raises(seawall.CircuitOpenError) as refused:
        try:
            raise KeyError("around")
        except KeyError:
            call()
    error = refused.value
    assert isinstance(error.__context__, KeyError), "raised as any other error"
    assert vars(error) == {} and error.time_until_retry == error.retry_after and 59 < (error.retry_after or 0) < 60.1
    words = f"lazy: circuit is open; retry in {error.retry_after:.3f}s"
    assert str(error) == words and repr(error) == f"CircuitOpenError({words!r})"
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (str(twin), twin.policy, twin.state, twin.retry_after) == (words, "lazy", "open", error.retry_after)
    error.retry_after, error.state = 5.0, "half_open"
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.retry_after, twin.state, twin.policy, str(twin)) == (5.0, "half_open", "lazy", words)


def test_a_rejection_made_by_hand_says_what_it_is_given() -> None:
    error = seawall.CircuitOpenError("closed for the night")
    assert (str(error), error.state, error.retry_after, error.policy) == ("closed for the night", "open", None, None)
    assert (seawall.CircuitOpenError.state, seawall.CircuitOpenError().retry_after) == ("open", None)
    error.retry_after = 2.5
    assert error.time_until_retry == 2.5


def told(policy: seawall.Policy, fn: Callable[[], Any], calls: int) -> tuple[list[Any], Any]:
    """How each call ended, with what is told of it, and what was counted."""
    guard = policy(fn)
    ends: list[Any] = []
    for _ in range(calls):
        try:
            ends.append(guard())
        except Exception as error:
            report = seawall.report(error)
            assert report is not None
            ends.append((type(error).__name__, str(error)[:16], report.attempts, report.reason, error.__context__))
    shown = policy.snapshot()
    return ends, shown["breaker"]["totals"]


FAST = {"attempts": 2, "backoff": {"kind": "fixed", "base": 0.001}}
#: Each ends its calls in another way.
STORIES: dict[str, dict[str, Any]] = {
    "passes": {"breaker": {"window": {"kind": "consecutive", "failures": 3}}},
    "asks": {"breaker": {"window": "count", "minimum_calls": 5, "slow_call": 60, "failure_rate": 0.5}},
    "inside": {"breaker": {"window": {"kind": "consecutive", "failures": 3}}, "bulkhead": 5},
    "again": {"breaker": {"window": {"kind": "consecutive", "failures": 7}}, "retry": FAST},
    "instead": {"breaker": {"window": {"kind": "consecutive", "failures": 3}}, "fallback": {"value": "else"}},
    "ignored": {"breaker": {"window": {"kind": "consecutive", "failures": 3}}, "on": OSError},
    "keyed": {"breaker": {"window": {"kind": "consecutive", "failures": 3}}, "key": lambda: "k"},
    "judged": {"breaker": {"window": {"kind": "consecutive", "failures": 3}}, "bad_result": lambda result: result == 1},
}


@pytest.mark.parametrize("story", STORIES)
def test_the_short_way_and_the_long_way_come_to_the_same(story: str) -> None:
    """While somebody listens to events every call that asks goes through the drivers in Python."""
    errors: list[type[Exception] | None] = [None, ConnectionError, None, ValueError, TimeoutError, ConnectionError, KeyError]

    def target() -> Callable[[], int]:
        at = iter(errors * 4)

        def call() -> int:
            error = next(at)
            if error is not None:
                raise error("words")
            return 1

        return call

    short = told(seawall.policy(**STORIES[story]), target(), 14)
    with seawall.listen(lambda _: None):
        long = told(seawall.policy(**STORIES[story]), target(), 14)
    assert short == long

    async def later(policy: seawall.Policy) -> list[Any]:
        plain = target()

        @policy
        async def call() -> int:
            return plain()

        ends: list[Any] = []
        for _ in range(14):
            try:
                ends.append(await call())
            except Exception as error:
                report = seawall.report(error)
                assert report is not None
                ends.append((type(error).__name__, str(error)[:16], report.attempts, report.reason, error.__context__))
        return ends

    assert asyncio.run(later(seawall.policy(**STORIES[story]))) == short[0]


@pytest.mark.filterwarnings("ignore:coroutine")
def test_a_coroutine_that_waited_for_its_await_meets_the_gate_of_that_moment() -> None:
    fails = False
    ran = 0

    breaker = seawall.circuit_breaker(failures=1, open_for=60)

    @breaker
    async def call() -> None:
        nonlocal ran
        ran += 1
        if fails:
            raise ConnectionError

    async def story() -> None:
        nonlocal fails
        await call()
        early = call()
        fails = True
        with pytest.raises(ConnectionError):
            await call()
        with pytest.raises(seawall.CircuitOpenError) as refused:
            await early
        assert ran == 2 and refused.value.__context__ is None
        breaker.reset()
        fails = False
        await call()

    asyncio.run(story())
    assert ran == 3


def test_a_coroutine_that_nobody_awaits_says_whose_it_is() -> None:
    breaker, guard = made(module_coroutine.__wrapped__)  # type: ignore[attr-defined]
    with pytest.warns(RuntimeWarning, match="'module_coroutine' was never awaited"):
        guard()
        gc.collect()
    assert breaker.total_successes == 0

    async def name_of_task() -> str:
        task = asyncio.create_task(guard())
        await task
        return task.get_coro().__qualname__  # type: ignore[union-attr]

    assert asyncio.run(name_of_task()) == "module_coroutine"


def test_a_late_await_does_not_use_up_the_time_for_retries(box: Sandbox) -> None:
    tries = 0

    @seawall.retry(attempts=3, max_elapsed=5, base=0.1)
    async def call() -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionError
        return "yes"

    early = call()
    box.advance(60)
    assert asyncio.run(early) == "yes" and tries == 2


def test_settings_that_change_reach_the_next_call(tmp_path: Any) -> None:
    file = tmp_path / "seawall.toml"
    file.write_text("[policy.changing.breaker]\nwindow = { kind = 'consecutive', failures = 3 }\n")
    with seawall.testing.sandbox(seed=1):
        seawall.configure(file)
        limits: list[Any] = []
        fails = False

        @seawall.policy("changing")
        def call() -> None:
            limits.append(seawall.remaining())
            if fails:
                raise ConnectionError

        for _ in range(10):
            call()
        assert limits == [None] * 10
        file.write_text(
            "[policy.changing]\ntimeout = { deadline = '7s' }\n"
            "[policy.changing.breaker]\nwindow = { kind = 'consecutive', failures = 1 }\n"
        )
        seawall.reload()
        call()
        assert limits[-1] == 7.0
        fails = True
        with pytest.raises(ConnectionError):
            call()
        with pytest.raises(seawall.CircuitOpenError):
            call()
        seawall.set_enabled(False)
        with pytest.raises(ConnectionError):
            call()
        seawall.set_enabled(True)
        with pytest.raises(seawall.CircuitOpenError):
            call()


def test_a_deadline_around_reaches_a_guard_inside(box: Sandbox) -> None:
    seen: list[float | None] = []
    inner = seawall.circuit_breaker(failures=3)(lambda: seen.append(seawall.remaining()))
    inner()

    async def inner_later() -> None:
        inner()

    waits = seawall.circuit_breaker(failures=3)(inner_later)

    @seawall.timeout(deadline=4)
    async def outer() -> None:
        inner()
        await waits()
        await asyncio.create_task(waits())

    asyncio.run(outer())
    inner()
    assert seen == [None, 4.0, 4.0, 4.0, None]


def test_results_that_carry_a_status_are_judged_on_every_way(box: Sandbox) -> None:
    class Response:
        def __init__(self, status_code: int) -> None:
            self.status_code = status_code

    Response.__module__ = "httpx"

    class Plain:
        status_code = 500

    breaker = seawall.circuit_breaker(failures=NEVER)
    call = breaker(lambda answer: answer)

    @breaker
    async def later(answer: Any) -> Any:
        return answer

    good, bad, plain = Response(200), Response(503), Plain()
    for answer in (plain, good, bad, plain, bad):
        assert call(answer) is answer
        assert asyncio.run(later(answer)) is answer
    assert (breaker.total_successes, breaker.total_failures) == (6, 4)


@pytest.mark.parametrize("story", STORIES)
def test_no_way_of_a_call_keeps_anything(story: str) -> None:
    """Neither references nor cycles: nothing stays although the collector is off."""
    policy = seawall.policy(**STORIES[story])
    fails = False

    def target() -> object:
        if fails:
            raise ConnectionError(bytearray(10))
        return Answer()

    async def later() -> object:
        return target()

    class Answer:
        pass

    def once(guard: Callable[[], object]) -> None:
        try:
            guard()
        except (ConnectionError, seawall.CircuitOpenError):
            pass

    async def awaited(guard: Callable[[], Any], calls: int) -> None:
        for _ in range(calls):
            try:
                await guard()
            except (ConnectionError, seawall.CircuitOpenError):
                pass

    blocking, coroutine = policy(target), policy(later)

    def round_(calls: int) -> None:
        nonlocal fails
        for fails in (False, True, False):
            for _ in range(calls):
                once(blocking)
            asyncio.run(awaited(coroutine, calls))
            policy.reset()

    round_(5)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        round_(100)
        grown = len(gc.get_objects()) - before
    finally:
        gc.enable()
    # An event loop leaves some cycles of its own.
    assert grown < 250, f"{grown} objects stay after 600 calls"
