"""Time limits under asyncio: one timer of the loop for all of them."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref

import pytest

import seawall
from seawall import _aio


LIMITS = (0.5, 0.3, 0.1, 0.2, 0.1)


def test_the_limit_that_ends_first_is_kept_first_whatever_the_order() -> None:
    async def sleep() -> None:
        await asyncio.sleep(30)

    async def run() -> list[float]:
        began = time.monotonic()

        async def one(limit: float) -> float:
            with pytest.raises(seawall.AttemptTimeoutError):
                await seawall.timeout(limit)(sleep)()
            return time.monotonic() - began

        return await asyncio.gather(*map(one, LIMITS))

    took = asyncio.run(run())
    for spent, limit in zip(took, LIMITS, strict=True):
        assert limit <= spent < limit + 5


def test_limits_that_were_left_are_not_kept() -> None:
    policy = seawall.timeout(3600)

    @policy
    async def quick() -> int:
        return 1

    async def run() -> tuple[int, int]:
        for _ in range(5000):
            await quick()
        timers = _aio._timers[asyncio.get_running_loop()]
        handles = len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]
        return len(timers._heap), handles

    kept, handles = asyncio.run(run())
    assert kept <= 2 * 64 + 2 and handles <= 2


def test_a_limit_still_ends_what_runs_beside_many_that_were_left() -> None:
    @seawall.timeout(0.2)
    async def slow() -> None:
        await asyncio.sleep(30)

    @seawall.timeout(20)
    async def quick() -> None:
        await asyncio.sleep(0)

    async def run() -> tuple[float, int]:
        began = time.monotonic()
        running = [asyncio.create_task(slow()) for _ in range(3)]
        left = 0
        while left <= 200 or not all(task.done() for task in running):
            await quick()
            left += 1
        for task in running:
            assert isinstance(task.exception(), seawall.AttemptTimeoutError)
        return time.monotonic() - began, left

    took, left = asyncio.run(run())
    assert 0.2 <= took < 10 and left > 100


def test_a_limit_inside_a_limit_ends_with_the_outer_one() -> None:
    inner, outer = seawall.timeout(20), seawall.timeout(0.1)

    @inner
    async def sleeps() -> None:
        await asyncio.sleep(30)

    @outer
    async def around() -> None:
        await sleeps()

    began = time.monotonic()
    with pytest.raises(seawall.AttemptTimeoutError):
        asyncio.run(around())
    assert time.monotonic() - began < 10


def test_a_cancellation_beside_an_end_of_time_is_the_callers() -> None:
    @seawall.timeout(0.05)
    async def sleeps() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(0.2)
            raise

    async def run() -> int:
        task = asyncio.create_task(sleeps())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelling()

    assert asyncio.run(run()) == 1


def test_a_closed_loop_is_let_go_when_another_comes() -> None:
    @seawall.timeout(60)
    async def quick() -> None: ...

    loops = []

    async def run() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await quick()

    for _ in range(3):
        asyncio.run(run())
    gc.collect()
    assert [loop() is None for loop in loops[:-1]] == [True, True]
