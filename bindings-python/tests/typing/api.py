"""Checked by mypy --strict and pyright, never run: what the types of decorated functions are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any, assert_type

import seawall
from seawall import http, testing


@seawall.circuit_breaker(name="identity", failures=3, open_for=timedelta(seconds=10))
def plain(number: int, *, word: str = "") -> str:
    return word * number


@seawall.retry(on=ConnectionError, attempts=5, base=0.1, jitter="full")
async def coroutine(number: int) -> bytes:
    return bytes(number)


@seawall.timeout(deadline=5)
def numbers(limit: int) -> Iterator[int]:
    yield from range(limit)


@seawall.bulkhead(10, max_wait=0.5)
async def stream(limit: int) -> AsyncIterator[int]:
    for number in range(limit):
        yield number


class Client:
    @seawall.fallback(value="", on=["refused"])
    def method(self, number: int) -> str:
        return str(number)

    @seawall.fail_closed()
    async def allowed(self, user: str) -> bool:
        return bool(user)


@seawall.circuit_breaker(
    window={"kind": "time", "span": 30, "slices": 10},
    failure_rate=0.5,
    slow_call={"longer_than": timedelta(seconds=2), "rate": 0.8},
    open_for={"base": 10, "factor": 2.0, "cap": "5m"},
    half_open={"permits": 3, "successes": 2},
    ignore=(KeyError, ValueError),
    on=lambda error: isinstance(error, OSError),
)
@seawall.retry(
    on=(ConnectionError, TimeoutError),
    backoff=[0.1, 0.5, 2],
    by_outcome={"throttled": {"backoff": {"kind": "fixed", "base": 1}}},
    budget={"kind": "ratio", "share": 0.1},
    on_retry=lambda attempt, error, seconds: print(attempt, error, seconds),
)
def thorough(number: int) -> list[int]:
    return [number]


def guest(error: BaseException, *_: object) -> str:
    return "guest"


def tenant_of(tenant: str) -> str:
    return tenant


whole = seawall.policy(
    "whole",
    preset="production",
    breaker={"window": {"kind": "count", "size": 50}, "open_for": 5},
    retry={"attempts": 4, "backoff": {"kind": "exponential", "base": 0.05}, "jitter": "equal"},
    bulkhead={"limit": 10, "max_wait": timedelta(milliseconds=200)},
    timeout={"attempt": 2, "deadline": 10, "mode": "cooperative"},
    fallback={"function": guest, "value": "guest", "on": ["refused"]},
    cache={"ttl": 60, "stale_for": 600},
    cost=[{"name": "llm", "limits": {"tokens": 1000}}],
    key=tenant_of,
)
assert_type(thorough(1), list[int])
assert_type(whole(plain)(1), str)

# What a type checker finds before anything runs.
seawall.circuit_breaker(failuers=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
seawall.circuit_breaker(failures="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
seawall.retry(jitter="some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
seawall.timeout(2, mode="thread")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
seawall.fallback(1, on=["never"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
seawall.policy(retry={"attemps": 3})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

assert_type(plain(1, word="a"), str)
assert_type(Client().method(1), str)
plain("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
kept: Callable[[int], Coroutine[Any, Any, bytes]] = coroutine


async def use() -> None:
    assert_type(await coroutine(1), bytes)
    assert_type(await Client().allowed("a"), bool)
    async for item in stream(3):
        assert_type(item, int)
    identity = seawall.policy("identity")
    assert_type(await identity.acall(coroutine, 3), bytes)
    async with identity:
        pass
    async for attempt in seawall.retry_context(on=OSError, attempts=2):
        with attempt:
            pass


def by_hand() -> None:
    breaker = seawall.circuit_breaker(name="agent")
    assert_type(breaker.call(plain, 2, word="b"), str)
    assert_type(breaker.time_until_retry, float)
    with breaker.key("model").acquire() as permit:
        permit.cancel()
    try:
        breaker.acquire()
    except seawall.CircuitOpenError as error:
        assert_type(error.retry_after, float | None)
    assert_type(http.parse_retry_after("5"), float | None)
    assert_type(seawall.remaining(), float | None)
    with testing.sandbox(seed=1) as box:
        box.advance(timedelta(seconds=1))
