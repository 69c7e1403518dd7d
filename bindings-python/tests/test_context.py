"""Context variables and cancellation, under asyncio and Trio alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

import seawall

word: ContextVar[str] = ContextVar("word", default="outside")
BACKENDS = ["asyncio", "trio"]

#: Policies whose calls go different ways: at once, asked for, with a limit, with a queue, through Python.
WAYS: dict[str, Callable[[], seawall.Policy]] = {
    "passes": lambda: seawall.policy(breaker={"window": {"kind": "consecutive", "failures": 50}}),
    "asks": lambda: seawall.policy(breaker={"window": "count", "slow_call": 60}),
    "keyed": lambda: seawall.policy(breaker={}, key=lambda *_: "key"),
    "limited": lambda: seawall.policy(breaker={}, timeout=60),
    "inside": lambda: seawall.policy(breaker={}, bulkhead={"limit": 1, "max_wait": 60}),
    "costs": lambda: seawall.policy(breaker={}, cost={"name": "c", "limits": {"n": 10**6}}, estimate={"n": 1}),
}


def run(backend: str, main: Callable[[], Awaitable[Any]]) -> Any:
    return anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("way", WAYS)
def test_a_call_runs_in_the_context_of_its_caller(way: str, backend: str) -> None:
    heard: list[str] = []

    async def target() -> str:
        before = word.get()
        word.set("inside")
        await anyio.sleep(0)
        return before

    async def main() -> None:
        guard = WAYS[way]()(target)
        for _ in range(3):
            word.set("caller")
            assert await guard() == "caller"
            # As without a guard: the function ran in its caller's task.
            assert word.get() == "inside"
        heard.append(word.get())
        assert seawall.remaining() is None

    run(backend, main)
    assert heard == ["inside"] and word.get() == "outside"


@pytest.mark.parametrize("backend", BACKENDS)
def test_hooks_retries_and_fallbacks_see_the_callers_context(backend: str) -> None:
    seen: list[tuple[str, str]] = []

    def note(what: str) -> Callable[..., None]:
        return lambda *_: seen.append((what, word.get()))

    async def answers(error: BaseException) -> str:
        note("fallback")()
        return "answer"

    @seawall.policy(
        retry={"attempts": 2, "backoff": {"kind": "fixed", "base": 0.001}},
        fallback={"function": answers},
        on_retry=note("retry"),
        on_fallback=note("on_fallback"),
        classify=note("classify"),
    )
    async def fails() -> str:
        note("call")()
        raise ConnectionError

    async def main() -> None:
        word.set("caller")
        assert await fails() == "answer"

    run(backend, main)
    assert [what for what, _ in seen] == ["call", "classify", "retry", "call", "classify", "fallback", "on_fallback"]
    assert {context for _, context in seen} == {"caller"}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("way", WAYS)
def test_a_cancelled_call_is_neither_success_nor_failure(way: str, backend: str) -> None:
    async def main() -> None:
        policy = WAYS[way]()
        cleaned: list[bool] = []

        @policy
        async def hangs() -> None:
            try:
                await anyio.sleep(60)
            finally:
                cleaned.append(True)

        @policy
        async def works() -> int:
            return 1

        for _ in range(3):
            assert await works() == 1
            with anyio.move_on_after(0.01) as scope:
                await hangs()
            assert scope.cancelled_caught
        async with anyio.create_task_group() as group:
            group.start_soon(hangs)
            await anyio.sleep(0.01)
            group.cancel_scope.cancel()
        assert await works() == 1
        assert cleaned == [True] * 4
        view = policy.key("key") if way == "keyed" else policy
        shown = view.snapshot()
        totals = shown["breaker"]["totals"]
        assert (totals["success"], totals["failure"], totals["cancelled"]) == (4, 0, 4)
        if way == "inside":
            assert shown["bulkhead"]["in_use"] == 0

    run(backend, main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_group_of_errors_from_tasks_inside_counts_once(backend: str) -> None:
    async def main() -> None:
        breaker = seawall.circuit_breaker(failures=2)

        @breaker
        async def fans_out() -> None:
            async def fails() -> None:
                raise ConnectionError

            async with anyio.create_task_group() as group:
                group.start_soon(fails)
                group.start_soon(fails)

        for _ in range(2):
            with pytest.raises(ExceptionGroup):
                await fans_out()
        assert breaker.total_failures == 2
        with pytest.raises(seawall.CircuitOpenError):
            await fans_out()

    run(backend, main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_calls_side_by_side_keep_their_own_deadlines(backend: str) -> None:
    left: dict[str, float | None] = {}

    async def main() -> None:
        @seawall.circuit_breaker()
        async def looks(name: str) -> None:
            await anyio.sleep(0.01)
            left[name] = seawall.remaining()

        short, long = seawall.timeout(deadline=5)(looks), seawall.timeout(deadline=50)(looks)
        async with anyio.create_task_group() as group:
            group.start_soon(short, "short")
            group.start_soon(long, "long")
            group.start_soon(looks, "none")

    run(backend, main)
    assert left["none"] is None
    assert 4 < (left["short"] or 0) < 5 and 49 < (left["long"] or 0) < 50
