"""System D, the coordinator's breaker: every feature it had, on Seawall."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import seawall
from seawall.testing import Sandbox, sandbox

sys.path.insert(0, str(Path(__file__).parent))
import coordinator  # noqa: E402


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with sandbox() as made:
        yield made


def fail(breaker: Any, times: int) -> None:
    for _ in range(times):
        assert breaker.can_execute()
        breaker.record_failure()


def test_name_threshold_and_cooldown_defaults(box: Sandbox) -> None:
    breaker = coordinator.breaker("worker")
    assert breaker.name == "worker"
    fail(breaker, 4)
    assert breaker.state == "closed" and breaker.failure_count == 4
    fail(breaker, 1)
    assert breaker.state == "open" and breaker.time_until_retry == pytest.approx(30)


def test_state_applies_the_cooldown_on_read(box: Sandbox) -> None:
    breaker = coordinator.breaker("read", 1, 10)
    fail(breaker, 1)
    box.advance(9.999)
    assert breaker.state == "open"
    box.advance(0.001)
    assert breaker.state == "half_open"


def test_properties(box: Sandbox) -> None:
    breaker = coordinator.breaker("counts", 2, 10)
    for _ in range(3):
        assert breaker.can_execute()
        breaker.record_success()
    fail(breaker, 2)
    assert (breaker.total_successes, breaker.total_failures, breaker.state_transitions) == (3, 2, 1)
    box.advance(4)
    assert breaker.time_until_retry == pytest.approx(6)
    box.advance(6)
    assert breaker.can_execute()
    breaker.record_success()
    assert breaker.state == "closed" and breaker.state_transitions == 3 and breaker.failure_count == 0
    assert breaker.time_until_retry == 0


def test_can_execute_record_and_reset(box: Sandbox) -> None:
    breaker = coordinator.breaker("hand", 1)
    fail(breaker, 1)
    assert not breaker.can_execute()
    breaker.reset()
    assert breaker.can_execute() and breaker.state == "closed"
    breaker.record_success()


def test_get_stats(box: Sandbox) -> None:
    breaker = coordinator.breaker("stats", 1, 20)
    fail(breaker, 1)
    assert breaker.get_stats() == {
        "name": "stats",
        "state": "open",
        "failure_count": 1,
        "total_failures": 1,
        "total_successes": 0,
        "state_transitions": 1,
        "time_until_retry": pytest.approx(20),
    }


def test_async_execute(box: Sandbox) -> None:
    breaker = coordinator.breaker("execute", 1)

    async def answer(word: str) -> str:
        return word

    async def down() -> None:
        raise ConnectionError("down")

    assert asyncio.run(breaker.execute(answer, "hello")) == "hello"
    with pytest.raises(ConnectionError):
        asyncio.run(breaker.execute(down))
    with pytest.raises(coordinator.CircuitBreakerOpenError):
        asyncio.run(breaker.execute(answer, "refused"))


def test_the_error_carries_state_and_seconds(box: Sandbox) -> None:
    breaker = coordinator.breaker("error", 1, 30)
    fail(breaker, 1)
    box.advance(10)
    with pytest.raises(coordinator.CircuitBreakerOpenError) as refused:
        breaker.acquire()
    assert (refused.value.state, refused.value.policy) == ("open", "error")
    assert refused.value.time_until_retry == pytest.approx(20)


def test_breakers_per_agent(box: Sandbox) -> None:
    agents = coordinator.Agents()

    async def down() -> None:
        raise ConnectionError

    async def fine() -> str:
        return "fine"

    for _ in range(2):
        with pytest.raises(ConnectionError):
            asyncio.run(agents.execute("planner", down))
    assert (agents.of("planner").state, agents.of("writer").state) == ("open", "closed")
    assert asyncio.run(agents.execute("writer", fine)) == "fine"


def test_every_transition_is_logged(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    breaker = coordinator.breaker("logged", 1, 5)
    with caplog.at_level(logging.INFO, "seawall"), seawall.log_transitions():
        with pytest.raises(ConnectionError), breaker:
            raise ConnectionError
        box.advance(5)
        with breaker:
            pass
    said = [record.message.split(" (")[0] for record in caplog.records]
    assert said == ["logged: closed -> open", "logged: open -> half_open", "logged: half_open -> closed"]


def test_the_wall_clock_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = coordinator.breaker("wall clock", 1, 3600)
    fail(breaker, 1)
    later = time.time() + 7200
    monkeypatch.setattr(time, "time", lambda: later)
    assert breaker.state == "open" and 3590 < breaker.time_until_retry <= 3600


def test_half_open_admits_one_caller_at_a_time(box: Sandbox) -> None:
    breaker = coordinator.breaker("one probe", 1, 1)
    fail(breaker, 1)
    box.advance(1)
    admitted: list[bool] = []
    # A caller that ends gives its unreported probe back, so all stay until all have asked.
    together = threading.Barrier(20, timeout=30)

    def ask() -> None:
        admitted.append(breaker.can_execute())
        together.wait()

    callers = [threading.Thread(target=ask) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(admitted) == 20 and sum(admitted) == 1
