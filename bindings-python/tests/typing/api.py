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
