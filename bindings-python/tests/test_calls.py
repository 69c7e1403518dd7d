"""Breaker, retry, timeout, bulkhead and fallback through the public API."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

import seawall
from seawall.testing import Sandbox


class Flaky:
    """Fails as often as it is told, then answers."""

    def __init__(self, failures: int, error: BaseException | None = None) -> None:
        self.left, self.calls = failures, 0
        self.error = error if error is not None else ConnectionError("down")

    def __call__(self, *args: Any) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "answer"


def test_a_breaker_opens_rejects_and_recovers(box: Sandbox) -> None:
    breaker = seawall.circuit_breaker(name="db", failures=2, open_for=timedelta(seconds=10))
    flaky = Flaky(2)
    call = breaker(flaky)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            call()
    with pytest.raises(seawall.CircuitOpenError, match="db: circuit is open") as refused:
        call()
    assert refused.value.retry_after == pytest.approx(10) and refused.value.state == "open"
    assert refused.value.code == "circuit_open" and refused.value.policy == "db"
    assert flaky.calls == 2
    box.advance(10)
    assert breaker.state == "half_open"
    assert call() == "answer"
    assert breaker.state == "closed"
    assert [event["kind"] for event in box.events()] == ["opened", "rejected", "half_opened", "closed"]


def test_retry_waits_and_tells(box: Sandbox) -> None:
    told: list[tuple[int, str, float]] = []
    flaky = Flaky(2)
    box.random(0.5, 0.25)

    @seawall.retry(attempts=3, base=0.1, factor=2, on_retry=lambda n, error, delay: told.append((n, str(error), delay)))
    def fetch() -> str:
        return flaky()

    assert fetch() == "answer"
    assert told == [(1, "down", pytest.approx(0.05)), (2, "down", pytest.approx(0.05))]
    assert box.now == pytest.approx(0.1)


def test_retry_on_names_the_errors(box: Sandbox) -> None:
    flaky = Flaky(1, KeyError("no"))
    with pytest.raises(KeyError):
        seawall.retry(attempts=3, on=(OSError,))(flaky)()
    assert flaky.calls == 1
    flaky = Flaky(2, KeyError("yes"))
    assert seawall.retry(attempts=3, on=lambda error: isinstance(error, KeyError))(flaky)() == "answer"
    flaky = Flaky(1, ConnectionError())
    with pytest.raises(ConnectionError):
        seawall.retry(attempts=3, ignore=ConnectionError)(flaky)()
    assert flaky.calls == 1


def test_programming_errors_say_nothing_about_the_dependency(box: Sandbox) -> None:
    flaky = Flaky(9, TypeError("oops"))
    breaker = seawall.circuit_breaker(failures=1)
    with pytest.raises(TypeError):
        seawall.retry(attempts=3)(breaker(flaky))()
    assert flaky.calls == 1 and breaker.state == "closed"


def test_a_classifier_decides_and_one_that_throws_is_logged(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    flaky = Flaky(1, ValueError("busy"))
    assert seawall.retry(attempts=2, classify=lambda error: ("throttled", 3.0))(flaky)() == "answer"
    assert box.now >= 3
    with caplog.at_level(logging.WARNING, "seawall"):
        broken = seawall.retry(attempts=2, classify=lambda error: error.nothing)  # type: ignore[attr-defined]
        assert broken(Flaky(1))() == "answer"
    assert "classifier failed" in caplog.text


def test_results_are_judged(box: Sandbox) -> None:
    answers = iter([None, None, "full"])
    assert seawall.retry(attempts=3, bad_result=lambda value: value is None)(lambda: next(answers))() == "full"
    answers = iter([None, None])
    assert seawall.retry(attempts=2, bad_result=lambda value: value is None)(lambda: next(answers))() is None


def test_hooks_that_throw_change_nothing(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    def hook(*_: Any) -> None:
        raise RuntimeError("hook")

    assert seawall.retry(attempts=2, on_retry=hook)(Flaky(1))() == "answer"
    assert "on_retry failed" in caplog.text


def test_a_hook_that_is_a_coroutine_function_is_refused() -> None:
    async def hook(*_: Any) -> None: ...

    with pytest.raises(seawall.ConfigError, match="nothing would await it"):
        seawall.retry(on_retry=hook)
    with pytest.raises(seawall.ConfigError, match="a function is needed"):
        seawall.retry(on_retry=3)


def test_a_deadline_ends_the_retries(box: Sandbox) -> None:
    @seawall.retry(attempts=100, backoff="fixed", base=1, jitter="none", deadline=2.5)
    def fetch() -> None:
        raise ConnectionError("down")

    with pytest.raises(seawall.DeadlineExceededError) as ended:
        fetch()
    assert ended.value.attempts == 3 and isinstance(ended.value, TimeoutError)
    assert isinstance(ended.value.__cause__, ConnectionError)
    assert box.now == pytest.approx(2.5)


def test_nested_deadlines_shrink(box: Sandbox) -> None:
    seen: list[float | None] = []

    @seawall.timeout(deadline=100)
    def inner() -> None:
        seen.append(seawall.remaining())

    @seawall.circuit_breaker()
    def behind_a_gate() -> None:
        seen.append(seawall.remaining())

    @seawall.timeout(deadline=5)
    def outer() -> None:
        box.advance(2)
        inner()
        behind_a_gate()

    outer()
    assert seen == [pytest.approx(3), pytest.approx(3)] and seawall.remaining() is None


def test_a_cooperative_blocking_timeout(box: Sandbox) -> None:
    @seawall.timeout(1, mode="cooperative")
    def slow() -> str:
        assert seawall.remaining() == pytest.approx(1)
        box.advance(1.5)
        return "too late"

    with pytest.raises(seawall.AttemptTimeoutError) as ended:
        slow()
    assert ended.value.limit == 1.0 and isinstance(ended.value, TimeoutError)


def test_a_timeout_from_a_preset_is_not_enforced_on_blocking_work_and_says_so_once(box: Sandbox) -> None:
    @seawall.policy("preset", preset="development")
    def slow() -> str:
        assert seawall.remaining() is None
        box.advance(11)
        return "late, but an answer"

    assert slow() == slow() == "late, but an answer"
    told = [event for event in box.events() if event["kind"] == "internal"]
    assert len(told) == 1 and "not enforced" in told[0]["detail"]


def test_short_forms_of_parts(box: Sandbox) -> None:
    short = seawall.policy(breaker=True, retry=2, bulkhead=3, timeout=timedelta(seconds=4), cache=60)

    async def left() -> float | None:
        return seawall.remaining()

    import asyncio

    assert asyncio.run(short.acall(left)) == pytest.approx(4) and short.cache_ttl == 60
    assert short.snapshot()["bulkhead"]["limit"] == 3
    without = seawall.policy("no breaker", preset="production", breaker=False)
    assert without.state is None


def test_slow_and_timeout_hooks(box: Sandbox) -> None:
    slow: list[float] = []
    late: list[BaseException] = []

    @seawall.timeout(5, mode="cooperative", slow_after=1, on_slow=slow.append, on_timeout=late.append)
    def work(seconds: float) -> None:
        box.advance(seconds)

    work(0.5)
    work(2)
    with pytest.raises(seawall.AttemptTimeoutError):
        work(6)
    assert slow[0] == pytest.approx(2) and len(late) == 1


def test_operation_and_resource_tables() -> None:
    assert [seawall.operation_timeout(name) for name in ("llm", "auth", "db", "http", "other")] == [60, 5, 10, 15, 30]
    assert [seawall.resource_limit(name) for name in ("llm", "openfga", "redis", "db")] == [10, 50, 100, 20]


def test_fallback_forms(box: Sandbox) -> None:
    class Strategy:
        def compute(self, error: BaseException, word: str) -> str:
            return f"{type(error).__name__}:{word}"

    def down(word: str) -> str:
        raise ConnectionError(word)

    assert seawall.fallback("else")(down)("a") == "else"
    assert seawall.fallback(function=lambda error, word: word.upper())(down)("a") == "A"
    assert seawall.fallback(function=Strategy())(down)("a") == "ConnectionError:a"
    assert seawall.fail_open()(down)("a") is True
    assert seawall.fail_closed()(down)("a") is False
    assert seawall.empty_on_error()(down)("a") is None
    assert seawall.empty_on_error([])(down)("a") == []
    with pytest.raises(ConnectionError):
        seawall.fallback("else", on=["refused"])(down)("a")


def test_cached_and_stale_values(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    answers: dict[str, Any] = {"a": 1}

    @seawall.stale_fallback(ttl=10, stale_for=100)
    def look_up(key: str) -> Any:
        if key not in answers:
            raise ConnectionError
        return answers[key]

    assert look_up("a") == 1
    answers.clear()
    assert look_up("a") == 1 and "stale" not in caplog.text
    with pytest.raises(ConnectionError):
        look_up("b")
    box.advance(11)
    with caplog.at_level(logging.WARNING, "seawall"):
        assert look_up("a") == 1
    assert "stale value" in caplog.text
    box.advance(100)
    with pytest.raises(ConnectionError):
        look_up("a")


def test_a_response_cache_spares_the_call(box: Sandbox) -> None:
    calls: list[str] = []

    @seawall.policy(cache={"ttl": 5, "first": True})
    def fetch(key: str) -> str:
        calls.append(key)
        return key

    assert [fetch("a"), fetch("a"), fetch("b")] == ["a", "a", "b"] and calls == ["a", "b"]
    box.advance(6)
    fetch("a")
    assert calls == ["a", "b", "a"]


def test_keys_have_circuits_of_their_own(box: Sandbox) -> None:
    @seawall.circuit_breaker(name="llm", failures=1, key=lambda model: model)
    def ask(model: str) -> None:
        raise ConnectionError

    for model in ("big", "small"):
        with pytest.raises(ConnectionError):
            ask(model)
        with pytest.raises(seawall.CircuitOpenError):
            ask(model)
    breaker = seawall.circuit_breaker(name="llm", failures=1)
    assert [breaker.key(model).state for model in ("big", "small", "new")] == ["open", "open", "closed"]


def test_a_cost_budget_checks_before_and_settles_after(box: Sandbox) -> None:
    budget = seawall.cost_budget(name="spend", limits={"tokens": 100}, actual=lambda result: {"tokens": result})
    spend = budget(lambda tokens: tokens)
    assert spend(60) == 60 and spend(60) == 60
    with pytest.raises(seawall.CostExceededError) as spent:
        spend(1)
    assert (spent.value.amount, spent.value.consumed, spent.value.limit) == ("tokens", 120, 100)


def test_the_off_switch_makes_plain_calls(box: Sandbox) -> None:
    breaker = seawall.circuit_breaker(failures=1)
    call = breaker(Flaky(3))
    seawall.set_enabled(False)
    try:
        for _ in range(3):
            with pytest.raises(ConnectionError):
                call()
        assert call() == "answer" and not seawall.is_enabled()
    finally:
        seawall.set_enabled(True)
    assert breaker.state == "closed"
