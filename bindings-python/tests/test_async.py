"""The same under asyncio, Trio and anyio: timeouts, cancellation, queues."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
import trio

import seawall
from seawall.testing import Sandbox

Run = Callable[[Callable[[], Awaitable[Any]]], Any]


def on_asyncio(main: Callable[[], Awaitable[Any]]) -> Any:
    async def start() -> Any:
        return await main()

    return asyncio.run(start())


@pytest.fixture(params=[on_asyncio, trio.run, lambda main: anyio.run(main, backend="trio"), anyio.run])
def run(request: pytest.FixtureRequest) -> Run:
    """Each event loop in turn."""
    return request.param  # type: ignore[no-any-return]


def cancelled_error() -> type[BaseException]:
    return anyio.get_cancelled_exc_class()


def test_an_attempt_is_cancelled_at_its_limit(run: Run) -> None:
    stopped: list[type[BaseException]] = []

    @seawall.timeout(0.02)
    async def hangs() -> None:
        try:
            await anyio.sleep(60)
        except BaseException as error:
            stopped.append(type(error))
            raise

    async def main() -> None:
        with pytest.raises(seawall.AttemptTimeoutError) as ended:
            await hangs()
        assert ended.value.limit == 0.02
        assert stopped == [cancelled_error()]

    run(main)


def test_the_functions_own_timeout_error_is_its_own(run: Run) -> None:
    @seawall.timeout(5)
    async def own() -> None:
        raise TimeoutError("of the client")

    async def main() -> None:
        with pytest.raises(TimeoutError, match="of the client") as ended:
            await own()
        assert not isinstance(ended.value, seawall.SeawallError)

    run(main)


def test_a_cancelled_caller_counts_nothing_and_returns_its_probe(run: Run) -> None:
    breaker = seawall.circuit_breaker(failures=1)

    @breaker
    async def hangs() -> None:
        await anyio.sleep(60)

    async def main() -> None:
        breaker.half_open()
        began = anyio.Event()

        async def call() -> None:
            began.set()
            await hangs()

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await began.wait()
            await anyio.wait_all_tasks_blocked()
            assert breaker.snapshot()["breaker"]["permits_left"] == 0
            group.cancel_scope.cancel()
        after = breaker.snapshot()["breaker"]
        assert after["state"] == "half_open" and after["permits_left"] == 1
        assert after["totals"]["cancelled"] == 1 and after["totals"]["failure"] == 0

    run(main)


def test_a_cancelled_wait_between_attempts_ends_the_call(run: Run) -> None:
    calls: list[int] = []

    @seawall.retry(attempts=5, backoff="fixed", base=60, jitter="none")
    async def fails() -> None:
        calls.append(1)
        raise ConnectionError

    async def main() -> None:
        with anyio.move_on_after(0.02) as scope:
            await fails()
        assert scope.cancelled_caught and calls == [1]

    run(main)


def test_waiters_of_a_bulkhead_come_in_order(run: Run) -> None:
    order: list[int] = []
    bulkhead = seawall.bulkhead(1, max_wait=30)

    @bulkhead
    async def work(number: int, gate: anyio.Event) -> None:
        order.append(number)
        await gate.wait()

    async def main() -> None:
        gate = anyio.Event()
        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(work, number, gate)
                await anyio.wait_all_tasks_blocked()
            assert order == [0] and bulkhead.stats()["queued"] == 3
            gate.set()
        assert order == [0, 1, 2, 3] and bulkhead.in_use == 0

    run(main)


def test_a_cancelled_waiter_leaves_the_queue(run: Run) -> None:
    bulkhead = seawall.bulkhead(1, max_wait=30)

    async def main() -> None:
        async with bulkhead:
            with anyio.move_on_after(0.01) as scope:
                async with bulkhead:
                    raise AssertionError("the only permit is taken")
            assert scope.cancelled_caught and bulkhead.stats()["queued"] == 0
        assert bulkhead.in_use == 0

    run(main)


def test_a_full_bulkhead_rejects_and_a_wait_runs_out(run: Run) -> None:
    full, waits = seawall.bulkhead(1), seawall.bulkhead(1, max_wait=0.01)

    async def main() -> None:
        async with full, waits:
            with pytest.raises(seawall.BulkheadFullError) as refused:
                async with full:
                    pass
            assert (refused.value.in_use, refused.value.limit) == (1, 1)
            with pytest.raises(seawall.BulkheadTimeoutError):
                async with waits:
                    pass

    run(main)


def test_an_async_block_has_the_attempt_limit(run: Run) -> None:
    async def main() -> None:
        with pytest.raises(seawall.AttemptTimeoutError):
            async with seawall.timeout(0.01):
                await anyio.sleep(60)
        async with seawall.timeout(5):
            assert seawall.remaining() is not None
        assert seawall.remaining() is None

    run(main)


def test_one_policy_in_many_blocks_at_once(run: Run) -> None:
    breaker = seawall.circuit_breaker(failures=50)

    async def main() -> None:
        async def block(number: int) -> None:
            async with breaker:
                await anyio.sleep(0)
                async with breaker:
                    await anyio.sleep(0)
                if number % 2:
                    raise ConnectionError

        async def guarded(number: int) -> None:
            try:
                await block(number)
            except ConnectionError:
                pass

        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(guarded, number)
        totals = breaker.snapshot()["breaker"]["totals"]
        assert (totals["success"], totals["failure"]) == (15, 5)

    run(main)


def test_a_retried_block(run: Run) -> None:
    async def main() -> None:
        seen: list[int] = []
        async for attempt in seawall.retry_context(attempts=3, base=0.001):
            with attempt:
                seen.append(attempt.num)
                if len(seen) < 3:
                    raise ConnectionError
        assert seen == [1, 2, 3]
        with pytest.raises(ConnectionError, match="4"):
            async for attempt in seawall.retry_context(attempts=2, base=0.001):
                with attempt:
                    seen.append(attempt.num)
                    raise ConnectionError(str(len(seen) - 1))
        assert seen == [1, 2, 3, 1, 2]

    run(main)


def test_a_stream_is_retried_only_before_its_first_item(run: Run) -> None:
    starts: list[int] = []

    @seawall.retry(attempts=3, base=0.001)
    async def stream(fail_at: int) -> Any:
        starts.append(1)
        if len(starts) == 1:
            raise ConnectionError("before the first")
        for number in range(5):
            if number == fail_at:
                raise ConnectionError("in the middle")
            yield number

    async def main() -> None:
        assert [item async for item in stream(9)] == [0, 1, 2, 3, 4] and len(starts) == 2
        got: list[int] = []
        with pytest.raises(ConnectionError, match="in the middle"):
            async for item in stream(2):
                got.append(item)
        assert got == [0, 1] and len(starts) == 3

    run(main)


def test_limits_of_a_stream(run: Run) -> None:
    @seawall.timeout(0.3, idle=0.3)
    async def stream(slow: int) -> Any:
        for number in range(3):
            if number == slow:
                await anyio.sleep(60)
            yield number

    async def main() -> None:
        with pytest.raises(seawall.AttemptTimeoutError):
            async for _ in stream(0):
                raise AssertionError("the first item never comes")
        got: list[int] = []
        with pytest.raises(seawall.AttemptTimeoutError):
            async for item in stream(2):
                got.append(item)
        assert got == [0, 1]

    run(main)


def test_a_block_that_is_cancelled_counts_nothing(run: Run) -> None:
    breaker = seawall.policy(breaker={"window": {"kind": "consecutive", "failures": 1}}, timeout=5)

    async def main() -> None:
        with anyio.move_on_after(0.01) as scope:
            async with breaker:
                await anyio.sleep(60)
        assert scope.cancelled_caught
        totals = breaker.snapshot()["breaker"]["totals"]
        assert (totals["cancelled"], totals["failure"]) == (1, 0)

    run(main)


def test_the_deadline_covers_a_whole_stream(run: Run) -> None:
    @seawall.timeout(deadline=0.3, idle=5)
    async def stream() -> Any:
        yield 0
        await anyio.sleep(60)
        yield 1

    async def main() -> None:
        got: list[int] = []
        with pytest.raises(seawall.DeadlineExceededError):
            async for item in stream():
                got.append(item)
        assert got == [0]

    run(main)


def test_a_stream_left_early_is_cancelled(run: Run) -> None:
    breaker = seawall.circuit_breaker()

    @breaker
    async def stream() -> Any:
        for number in range(10):
            yield number

    async def main() -> None:
        items = stream()
        assert await anext(items) == 0
        await items.aclose()
        totals = breaker.snapshot()["breaker"]["totals"]
        assert (totals["cancelled"], totals["success"], totals["failure"]) == (1, 0, 0)

    run(main)


def test_a_fallback_function_may_be_asynchronous(run: Run) -> None:
    async def answer(error: BaseException, word: str) -> str:
        await anyio.sleep(0)
        return word + type(error).__name__

    @seawall.fallback(function=answer)
    async def down(word: str) -> str:
        raise ConnectionError

    async def hang(error: BaseException) -> str:
        await anyio.sleep(60)
        return "never"

    @seawall.fallback(function=hang, timeout=0.01)
    async def slow() -> str:
        raise ConnectionError

    async def main() -> None:
        assert await down("a") == "aConnectionError"
        with pytest.raises(ConnectionError):
            await slow()

    run(main)


def test_a_coroutine_that_is_never_awaited_takes_nothing() -> None:
    breaker = seawall.circuit_breaker(failures=1)

    @breaker
    async def work() -> None: ...

    breaker.half_open()
    work().close()
    assert breaker.snapshot()["breaker"]["permits_left"] == 1


def test_somebody_elses_cancelled_future_is_an_error_like_any_other() -> None:
    breaker = seawall.circuit_breaker()

    @breaker
    async def work() -> None:
        other = asyncio.get_running_loop().create_future()
        other.cancel()
        await other

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await work()

    asyncio.run(main())
    totals = breaker.snapshot()["breaker"]["totals"]
    assert (totals["failure"], totals["cancelled"]) == (1, 0)


def test_a_limit_on_a_manual_clock(box: Sandbox) -> None:
    @seawall.timeout(5)
    async def work(seconds: float) -> str:
        await box.sleep(seconds)
        return "done"

    async def main() -> None:
        assert await work(4) == "done"
        with pytest.raises(seawall.AttemptTimeoutError):
            await work(6)

    asyncio.run(main())
