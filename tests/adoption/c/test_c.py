"""System C, the agent server's resilience module: every feature it had, on Seawall."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import seawall
from seawall.testing import Sandbox, sandbox

sys.path.insert(0, str(Path(__file__).parent))
import resilience  # noqa: E402


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with sandbox(seed=3) as made:
        yield made


class Upstream:
    """A dependency with a fault switch."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.calls = list(answers), 0

    def __call__(self, *_: Any, **__: Any) -> Any:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def both(upstream: Upstream, decorate: Any) -> list[Any]:
    """The same function, blocking and as a coroutine, under one decorator."""

    @decorate
    def blocking(*args: Any) -> Any:
        return upstream(*args)

    @decorate
    async def coroutine(*args: Any) -> Any:
        return upstream(*args)

    return [blocking, lambda *args: asyncio.run(coroutine(*args))]


DOWN = ConnectionError("down")


def test_breaker_with_name_max_failures_open_seconds(box: Sandbox) -> None:
    upstream = Upstream(DOWN)
    blocking, coroutine = both(upstream, resilience.circuit_breaker(name="llm", max_failures=2, open_seconds=60))
    for call in (blocking, coroutine):
        with pytest.raises(ConnectionError):
            call()
    for call in (blocking, coroutine):
        with pytest.raises(seawall.CircuitOpenError) as refused:
            call()
        assert refused.value.retry_after == pytest.approx(60)
    assert upstream.calls == 2
    box.advance(60)
    upstream.answers = ["back"]
    assert coroutine() == "back" and blocking() == "back"


def test_breaker_with_fallback(box: Sandbox) -> None:
    guarded = resilience.circuit_breaker(name="f", max_failures=1, fallback=lambda error, who: f"cached {who}")
    for call in both(Upstream(DOWN), guarded):
        guarded.force_open()
        assert call("ann") == "cached ann"


def test_breakers_by_name(box: Sandbox) -> None:
    first = resilience.circuit_breaker(name="shared")
    first.open()
    assert resilience.get_circuit_breaker("shared").state == "open"
    with pytest.raises(KeyError):
        resilience.get_circuit_breaker("nobody")


@pytest.mark.parametrize(
    ("strategy", "waited"), [("exponential", 1 + 2 + 4), ("linear", 1 + 2 + 3), ("fixed", 3), ("random", 3.5)]
)
def test_retry_strategies(box: Sandbox, strategy: str, waited: float) -> None:
    for number, call in enumerate(both(Upstream(DOWN), resilience.retry_with_backoff(attempts=4, strategy=strategy)), 1):
        box.random(0.5, 0.5, 0.5)
        with pytest.raises(ConnectionError):
            call()
        assert box.now == pytest.approx(waited * number)


def test_retry_attempts_base_and_cap(box: Sandbox) -> None:
    upstream = Upstream(DOWN)
    with pytest.raises(ConnectionError):
        resilience.retry_with_backoff(attempts=5, base=2, cap=5)(upstream)()
    assert upstream.calls == 5 and box.now == pytest.approx(2 + 4 + 5 + 5)


def test_retry_exception_types(box: Sandbox) -> None:
    upstream = Upstream(KeyError("k"), "answer")
    assert resilience.retry_with_backoff(exceptions=(KeyError,))(upstream)() == "answer"
    upstream = Upstream(KeyError("k"))
    with pytest.raises(KeyError):
        resilience.retry_with_backoff(exceptions=(OSError,))(upstream)()
    assert upstream.calls == 1


def test_retryable_exceptions_are_detected(box: Sandbox) -> None:
    class Answer(Exception):
        def __init__(self, status: int) -> None:
            self.status_code = status

    for error, calls in ((ConnectionResetError(), 3), (TimeoutError(), 3), (Answer(503), 3), (Answer(404), 1), (TypeError(), 1)):
        upstream = Upstream(error)
        with pytest.raises(type(error)):
            resilience.retry_with_backoff()(upstream)()
        assert upstream.calls == calls, error


def test_retry_delay_by_the_class_of_the_error(box: Sandbox) -> None:
    class Busy(Exception):
        status_code = 429

    slower = {"throttled": {"backoff": {"kind": "fixed", "base": 7}, "jitter": "none"}}
    with pytest.raises(Busy):
        resilience.retry_with_backoff(attempts=2, by_outcome=slower)(Upstream(Busy()))()
    assert box.now == pytest.approx(7)
    with pytest.raises(ConnectionError):
        resilience.retry_with_backoff(attempts=2, by_outcome=slower)(Upstream(DOWN))()
    assert box.now == pytest.approx(8)


def test_timeout_in_seconds(box: Sandbox) -> None:
    @resilience.with_timeout(2)
    async def slow(seconds: float) -> str:
        await box.sleep(seconds)
        return "done"

    assert asyncio.run(slow(1)) == "done"
    with pytest.raises(seawall.AttemptTimeoutError) as ended:
        asyncio.run(slow(3))
    assert ended.value.limit == 2


@pytest.mark.parametrize(("kind", "limit"), [("default", 30), ("llm", 60), ("auth", 5), ("db", 10), ("http", 15)])
def test_timeout_by_operation_type(box: Sandbox, kind: str, limit: float) -> None:
    @resilience.with_timeout(operation_type=kind)
    def left() -> float | None:
        return seawall.remaining()

    @resilience.with_timeout(operation_type=kind)
    async def aleft() -> float | None:
        return seawall.remaining()

    assert left() == limit and asyncio.run(aleft()) == limit


def test_timeout_as_a_context_manager() -> None:
    async def main() -> None:
        with pytest.raises(seawall.AttemptTimeoutError):
            async with resilience.with_timeout(0.01):
                await asyncio.Event().wait()

    asyncio.run(main())
    with resilience.with_timeout(30):
        assert seawall.remaining() == pytest.approx(30, abs=1)


@pytest.mark.parametrize(("kind", "limit"), [("llm", 10), ("openfga", 50), ("redis", 100), ("db", 20)])
def test_bulkhead_by_resource_type(box: Sandbox, kind: str, limit: int) -> None:
    bulkhead = resilience.with_bulkhead(resource_type=kind)
    places = [bulkhead.enter() for _ in range(limit)]
    with pytest.raises(seawall.BulkheadFullError):
        bulkhead(lambda: None)()
    assert bulkhead.limit == limit == bulkhead.in_use
    places.pop().release()
    assert asyncio.run(bulkhead.acall(asyncio.sleep, 0, "in")) == "in"


def test_bulkhead_waits_or_rejects() -> None:
    rejects = resilience.with_bulkhead(resource_type="rejects", limit=1)
    waits = resilience.with_bulkhead(resource_type="waits", limit=1, wait=30)
    order: list[int] = []

    async def work(number: int) -> None:
        order.append(number)
        await asyncio.sleep(0)

    async def main() -> list[Any]:
        await asyncio.gather(*(waits(work)(number) for number in range(3)))
        return await asyncio.gather(*(rejects(work)(number) for number in (8, 9)), return_exceptions=True)

    results = asyncio.run(main())
    assert order == [0, 1, 2, 8]
    assert results[0] is None and isinstance(results[1], seawall.BulkheadFullError)


def test_bulkhead_context_manager_and_statistics(box: Sandbox) -> None:
    bulkhead = resilience.with_bulkhead(resource_type="stats", limit=1)
    with bulkhead:
        with pytest.raises(seawall.BulkheadFullError), bulkhead:
            pass
        stats = bulkhead.stats()
        assert (stats["in_use"], stats["limit"], stats["queued"], stats["admitted"]) == (1, 1, 0, 1)
        assert stats["rejected"]["bulkhead_full"] == 1

    async def main() -> int:
        async with bulkhead:
            return bulkhead.in_use

    assert asyncio.run(main()) == 1 and bulkhead.in_use == 0


class Strategy:
    def compute(self, error: BaseException, who: str) -> str:
        return f"{who}: {error}"


@pytest.mark.parametrize(
    ("decorate", "answer"),
    [
        (lambda: resilience.with_fallback("static"), "static"),
        (lambda: resilience.with_fallback(function=lambda error, who: who * 2), "annann"),
        (lambda: resilience.with_fallback(function=Strategy()), "ann: down"),
        (lambda: resilience.fail_open(), True),
        (lambda: resilience.fail_closed(), False),
        (lambda: resilience.return_empty_on_error([]), []),
    ],
    ids=["value", "function", "strategy", "fail_open", "fail_closed", "empty"],
)
def test_fallback_forms(box: Sandbox, decorate: Any, answer: Any) -> None:
    for call in both(Upstream(DOWN), decorate()):
        assert call("ann") == answer


def test_fallback_cached_value(box: Sandbox) -> None:
    upstream = Upstream("fresh", DOWN)
    cached = resilience.cached_fallback(ttl=60)(upstream)
    assert [cached("a"), cached("a")] == ["fresh", "fresh"] and upstream.calls == 2
    box.advance(61)
    with pytest.raises(ConnectionError):
        cached("a")


def test_fallback_stale_value_with_a_warning(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    stale = resilience.stale_fallback(ttl=60, stale_for=600)(Upstream("fresh", DOWN))
    stale("a")
    box.advance(61)
    with caplog.at_level(logging.WARNING, "seawall"):
        assert stale("a") == "fresh"
    assert [record.levelname for record in caplog.records if "stale" in record.message] == ["WARNING"]


def test_decorators_compose_in_any_order(box: Sandbox) -> None:
    import itertools

    made = {
        "breaker": lambda: resilience.circuit_breaker(name="any order", max_failures=100),
        "retry": lambda: resilience.retry_with_backoff(attempts=2, base=0.001),
        "timeout": lambda: resilience.with_timeout(5),
        "bulkhead": lambda: resilience.with_bulkhead(resource_type="any order", limit=5),
        "fallback": lambda: resilience.with_fallback("else"),
    }
    for order in itertools.permutations(made):

        def stack(fn: Any, order: tuple[str, ...] = order) -> Any:
            for name in order:
                fn = made[name]()(fn)
            return fn

        for call in both(Upstream(DOWN, "answer"), stack):
            assert call() in ("answer", "else")
            assert call() == "answer"


def test_configuration_from_the_environment() -> None:
    variables = {
        "SEAWALL_LLM_BREAKER_WINDOW_FAILURES": "1",
        "SEAWALL_LLM_RETRY_ATTEMPTS": "4",
        "SEAWALL_LLM_TIMEOUT_DEADLINE": "9s",
        "SEAWALL_LLM_BULKHEAD_LIMIT": "3",
    }
    with sandbox(environment=variables):
        llm = seawall.policy("llm")
        seen = llm(lambda: seawall.remaining())()
        assert seen == pytest.approx(9) and llm.snapshot()["bulkhead"]["limit"] == 3
        upstream = Upstream(DOWN)
        with pytest.raises((ConnectionError, seawall.CircuitOpenError)):
            llm(upstream)()
        assert upstream.calls == 1 and llm.state == "open"


def test_the_global_off_switch() -> None:
    with sandbox(environment={"SEAWALL_ENABLED": "false"}):
        upstream = Upstream(DOWN)
        guarded = resilience.circuit_breaker(name="off", max_failures=1)
        for call in both(upstream, guarded):
            for _ in range(3):
                with pytest.raises(ConnectionError):
                    call()
        assert upstream.calls == 6 and not seawall.is_enabled()


def number(text: str, metric: str, **labels: str) -> float:
    """The one sample of that name and these labels, whatever other labels it has."""
    found = []
    for line in text.splitlines():
        if line.startswith((metric + "{", metric + " ")) and all(f'{key}="{value}"' in line for key, value in labels.items()):
            found.append(float(line.rsplit(" ", 1)[1]))
    assert len(found) == 1, (metric, labels, found)
    return found[0]


def test_metrics(box: Sandbox) -> None:
    """Each of the metrics that the module had, and that it moves."""
    service = seawall.policy(
        "svc", breaker={"window": {"kind": "consecutive", "failures": 9}}, retry={"attempts": 2}, bulkhead=1,
        timeout={"attempt": 5, "mode": "cooperative"}, fallback={"value": "else"}, cache={"ttl": 60, "first": True},
    )  # fmt: skip
    assert service(Upstream(DOWN, "after"))("a") == "after"
    assert service(Upstream(DOWN))("b") == "else"
    cached = service(Upstream("kept"))
    assert [cached("c"), cached("c")] == ["kept", "kept"]

    def late() -> None:
        box.advance(9)

    assert service(late)() == "else"
    with service.enter():
        inside = seawall.metrics()
        assert service(Upstream("x"))("d") == "else"
    service.open()
    assert service(Upstream("x"))("e") == "else"
    text = seawall.metrics()
    part, call = {"name": "svc"}, {"policy": "svc"}
    expected = {
        "breaker state": number(text, "seawall_breaker_state", state="open", **part) == 1,
        "breaker failures": number(text, "seawall_breaker_calls_total", outcome="failure", **part) == 5,
        "breaker successes": number(text, "seawall_breaker_calls_total", outcome="success", **part) == 2,
        "breaker transitions": number(text, "seawall_breaker_transitions_total", **part) == 1,
        "breaker rejections": number(text, "seawall_breaker_rejections_total", **part) == 1,
        "retry attempts": number(text, "seawall_retry_attempts_total", outcome="failure", **call) == 3,
        "retries": number(text, "seawall_retry_retries_total", attempt="1", **call) == 3,
        "retry exhausted": number(text, "seawall_retry_exhausted_total", reason="attempts", **call) == 2,
        "success after retry": number(text, "seawall_retry_success_after_retry_total", **call) == 1,
        "timeouts exceeded": number(text, "seawall_timeout_attempts_total", **call) == 2,
        "timeout durations": number(text, "seawall_timeout_duration_seconds_sum", **call) == 18,
        "bulkhead rejections": number(text, "seawall_bulkhead_rejections_total", reason="bulkhead_full", **part) == 1,
        "bulkhead active": number(inside, "seawall_bulkhead_in_use", **part) == 1,
        "bulkhead queue depth": number(inside, "seawall_bulkhead_queued", **part) == 0,
        "fallback used": number(text, "seawall_fallback_used_total", kind="value", **call) == 4,
        "cache hits": number(text, "seawall_cache_hits_total", **call) == 1,
        "errors": number(text, "seawall_call_errors_total", error_type="ConnectionError", **call) == 3,
    }
    assert len(expected) > 15 and all(expected.values()), [what for what, right in expected.items() if not right]


def test_state_is_visible_in_logs(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "seawall"), seawall.log_transitions():
        resilience.circuit_breaker(name="logged").open()
    assert "logged: closed -> open" in caplog.text


def test_state_changes_reach_a_listener(box: Sandbox) -> None:
    told: list[tuple[str, str]] = []
    with seawall.listen(lambda event: told.append((event["from"], event["to"])), kinds=["opened", "closed"]):
        breaker = resilience.circuit_breaker(name="told")
        breaker.open()
        breaker.close()
    assert told == [("closed", "open"), ("open", "closed")]


def test_breakers_are_reset_by_hand(box: Sandbox) -> None:
    breaker = resilience.circuit_breaker(name="reset me")
    breaker.force_open()
    found = resilience.get_circuit_breaker("reset me")
    found.reset()
    assert breaker.state == "closed"


def test_overhead_below_two_percent_of_a_services_cpu() -> None:
    """A service that spends 1 ms of CPU on a request may spend 20 µs of it here."""
    guarded = seawall.retry()(resilience.circuit_breaker(name="cheap")(lambda: None))
    guarded()
    best = min(timed(guarded) for _ in range(5))
    assert best < 20e-6, f"{best * 1e6:.1f} µs a call"


def timed(call: Any, rounds: int = 500) -> float:
    began = time.process_time()
    for _ in range(rounds):
        call()
    return (time.process_time() - began) / rounds
