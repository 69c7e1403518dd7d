"""Calls that are let in without a stepper, on the real clock: what they hold is given back once, however they end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import seawall


class Gone(BaseException):
    """Neither an error nor a cancellation that anybody knows."""


class Response:
    status_code = 503


Response.__module__ = "httpx.tests"


def raising(error: BaseException) -> Callable[[], Any]:
    def fails() -> None:
        raise error

    return fails


ENDS = [
    lambda: "fine",
    Response,
    raising(ConnectionError()),
    raising(ValueError()),
    raising(KeyboardInterrupt()),
    raising(Gone()),
]
POLICIES: list[dict[str, Any]] = [
    {"bulkhead": {"limit": 2}},
    {"bulkhead": {"limit": 2}, "breaker": {"window": {"kind": "consecutive", "failures": 1000}}},
    {"bulkhead": {"limit": 2}, "retry": {"attempts": 2, "backoff": {"kind": "fixed", "base": 0}}},
    {"bulkhead": {"limit": 2}, "fallback": {"value": "instead", "on": "any"}},
]


def place(policy: seawall.Policy) -> dict[str, Any]:
    found: dict[str, Any] = policy.snapshot()["bulkhead"]
    return found


@pytest.mark.parametrize("options", POLICIES)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("keyed", [False, True])
def test_a_place_is_given_back_however_the_call_ends(options: dict[str, Any], end: Callable[[], Any], keyed: bool) -> None:
    policy = seawall.policy(**options, key=(lambda: "k") if keyed else None)
    inside: list[int] = []
    at = policy.key("k") if keyed else policy

    def call() -> Any:
        inside.append(place(at)["in_use"])
        return end()

    async def later() -> Any:
        inside.append(place(at)["in_use"])
        await asyncio.sleep(0)
        return end()

    plain, coroutine = policy(call), policy(later)

    async def once() -> Any:
        return await coroutine()

    for run in (plain, lambda: asyncio.run(once())) * 5:
        try:
            run()
        except (Exception, KeyboardInterrupt, Gone):
            pass
        assert place(at)["in_use"] == 0
    assert len(inside) >= 10 and set(inside) == {1}


def test_a_coroutine_that_is_left_gives_its_place_back() -> None:
    policy = seawall.bulkhead(limit=1)

    @policy
    async def waits() -> None:
        await asyncio.Future()

    async def left(how: str) -> None:
        call = waits()
        assert place(policy)["in_use"] == 0
        task = asyncio.create_task(call)
        await asyncio.sleep(0)
        assert place(policy)["in_use"] == 1
        with pytest.raises(seawall.BulkheadFullError):
            await waits()
        if how == "cancelled":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    for how in ("cancelled", "ended with its loop"):
        asyncio.run(left(how))
        assert place(policy)["in_use"] == 0

    async def dropped() -> None:
        call = waits()
        call.send(None)
        assert place(policy)["in_use"] == 1
        call.close()
        assert place(policy)["in_use"] == 0
        waits().close()

    asyncio.run(dropped())
    assert place(policy)["in_use"] == 0


@pytest.mark.parametrize("fails", [False, True])
def test_who_waits_is_woken_by_a_call_that_was_let_in(fails: bool) -> None:
    policy = seawall.bulkhead(limit=1, max_wait=30)
    go = threading.Event()

    @policy
    def held() -> None:
        go.wait(30)
        if fails:
            raise ConnectionError

    @policy
    async def later() -> str:
        return "in"

    def hold() -> None:
        try:
            held()
        except ConnectionError:
            pass

    thread = threading.Thread(target=hold)
    thread.start()
    while place(policy)["in_use"] == 0:
        time.sleep(0.001)
    threading.Timer(0.05, go.set).start()
    began = time.monotonic()

    async def run() -> str:
        return await later()

    assert asyncio.run(run()) == "in" and time.monotonic() - began < 20
    thread.join()
    assert place(policy)["in_use"] == 0


def test_one_coroutine_of_many_is_counted_once() -> None:
    policy = seawall.policy(breaker={"window": {"kind": "count", "size": 100}}, bulkhead={"limit": 100})

    @policy
    async def waits(number: int) -> int:
        await asyncio.sleep(0)
        if number % 4 == 0:
            raise ConnectionError
        return number

    async def run() -> list[Any]:
        return await asyncio.gather(*map(waits, range(40)), return_exceptions=True)

    answers = asyncio.run(run())
    assert [answer for answer in answers if isinstance(answer, int)] == [n for n in range(40) if n % 4]
    counts = policy.snapshot()["breaker"]
    assert (counts["calls"], counts["failures"], place(policy)["in_use"]) == (40, 10, 0)
