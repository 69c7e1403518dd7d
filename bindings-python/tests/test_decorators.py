"""One decorator for every kind of function, and what stays of the function."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
from typing import Any

import pytest

import seawall
from seawall.testing import Sandbox


@seawall.circuit_breaker(failures=3)
def documented(number: int, *, word: str = "x") -> str:
    """Its words."""
    return word * number


@seawall.circuit_breaker(failures=3)
async def waits(number: int) -> int:
    return number


@seawall.circuit_breaker(failures=3)
def counts(limit: int) -> Any:
    yield from range(limit)
    return "end"


@seawall.circuit_breaker(failures=3)
async def streams(limit: int) -> Any:
    for number in range(limit):
        yield number


def test_a_decorated_function_stays_a_function() -> None:
    assert documented(2, word="ab") == "abab"
    assert documented.__name__ == "documented" and documented.__doc__ == "Its words."
    assert str(inspect.signature(documented)) == "(number: 'int', *, word: 'str' = 'x') -> 'str'"
    assert inspect.isroutine(documented) and inspect.isfunction(inspect.unwrap(documented))
    assert pickle.loads(pickle.dumps(documented)) is documented
    assert documented.__annotations__["number"] == "int"


def test_the_kind_is_kept() -> None:
    assert inspect.iscoroutinefunction(waits)
    assert inspect.isgeneratorfunction(counts)
    assert inspect.isasyncgenfunction(streams)
    assert not inspect.iscoroutinefunction(documented)
    assert asyncio.run(waits(3)) == 3


def test_generators_pass_values_both_ways() -> None:
    assert list(counts(3)) == [0, 1, 2]

    @seawall.circuit_breaker()
    def echo() -> Any:
        got = yield "first"
        while got != "stop":
            try:
                got = yield got
            except KeyError:
                got = yield "caught"
        return "done"

    talk = echo()
    assert next(talk) == "first"
    assert talk.send(5) == 5
    assert talk.throw(KeyError("k")) == "caught"
    with pytest.raises(StopIteration) as end:
        talk.send("stop")
    assert end.value.value == "done"


def test_async_generators_pass_values_both_ways() -> None:
    @seawall.circuit_breaker()
    async def echo() -> Any:
        got = yield "first"
        while got != "stop":
            try:
                got = yield got
            except KeyError:
                got = yield "caught"

    async def talk() -> list[Any]:
        conversation = echo()
        heard = [await anext(conversation), await conversation.asend(5), await conversation.athrow(KeyError("k"))]
        with pytest.raises(StopAsyncIteration):
            await conversation.asend("stop")
        return heard

    assert asyncio.run(talk()) == ["first", 5, "caught"]


class Service:
    def __init__(self) -> None:
        self.calls = 0

    @seawall.retry(attempts=2, base=0.001)
    def method(self, word: str) -> str:
        self.calls += 1
        return word

    @seawall.retry(attempts=2)
    @staticmethod
    def static(word: str) -> str:
        return word

    @seawall.retry(attempts=2)
    @classmethod
    def of_class(cls, word: str) -> str:
        return cls.__name__ + word

    @classmethod
    @seawall.retry(attempts=2)
    def inner(cls, word: str) -> str:
        return cls.__name__ + word

    @seawall.retry(attempts=2)
    async def later(self, word: str) -> str:
        return word


def test_methods_bind() -> None:
    service = Service()
    assert service.method("a") == "a" == Service.method(service, "a") and service.calls == 2
    assert Service.static("b") == "b" == service.static("b")
    assert Service.of_class("c") == "Servicec" == Service.inner("c")
    assert asyncio.run(service.later("d")) == "d"


@pytest.mark.parametrize("thing", [3, "text", None, object()])
def test_what_is_not_callable_is_refused(thing: Any) -> None:
    with pytest.raises(seawall.UsageError, match="cannot protect"):
        seawall.retry()(thing)


def test_a_class_is_refused() -> None:
    with pytest.raises(seawall.UsageError, match="class Service"):
        seawall.retry()(Service)


def test_a_callable_object_and_a_partial_are_protected(box: Sandbox) -> None:
    class Callable:
        def __call__(self, number: int) -> int:
            raise ConnectionError(number)

    breaker = seawall.circuit_breaker(failures=1)
    with pytest.raises(ConnectionError):
        breaker(Callable())(1)
    assert breaker.state == "open"
    assert seawall.retry()(functools.partial(pow, 2))(5) == 32


def test_a_plain_function_that_returns_a_coroutine_is_an_error_not_a_hole() -> None:
    async def work() -> int:
        return 1

    hidden = seawall.circuit_breaker()(lambda: work())
    with pytest.raises(seawall.UsageError, match="unprotected"):
        hidden()
    always_asks = seawall.bulkhead(1)(lambda: work())
    with pytest.raises(seawall.UsageError, match="unprotected"):
        always_asks()


def test_a_plain_function_that_returns_a_task_is_an_error_too() -> None:
    async def main() -> None:
        hidden = seawall.circuit_breaker()(lambda: asyncio.ensure_future(asyncio.sleep(0)))
        with pytest.raises(seawall.UsageError, match="unprotected"):
            hidden()

    asyncio.run(main())


def test_an_attempt_timeout_for_a_blocking_function_needs_a_mode() -> None:
    with pytest.raises(seawall.ConfigError, match="mode") as refused:
        seawall.timeout(1)(lambda: None)
    assert refused.value.path == "/timeout/mode" and refused.value.kind == "required"
    seawall.timeout(1, mode="cooperative")(lambda: None)
    seawall.timeout(deadline=1)(lambda: None)
    with pytest.raises(seawall.ConfigError):
        seawall.timeout(1).call(lambda: None)
    with pytest.raises(seawall.ConfigError), seawall.timeout(1):
        pass


def test_call_and_acall() -> None:
    breaker = seawall.circuit_breaker()
    assert breaker.call(pow, 2, 3) == 8
    assert asyncio.run(breaker.acall(waits, 4)) == 4
    with pytest.raises(seawall.UsageError, match="acall"):
        breaker.call(waits, 4)


def test_the_error_of_the_function_passes_untouched(box: Sandbox) -> None:
    raised = ConnectionError("mine")

    @seawall.retry(attempts=2)
    @seawall.circuit_breaker(failures=9)
    def fails() -> None:
        raise raised

    with pytest.raises(ConnectionError) as caught:
        fails()
    assert caught.value is raised
    report = seawall.report(raised)
    assert report is not None and report.attempts == 2 and report.reason == "attempts"
    functions = [entry.name for entry in caught.traceback]
    assert functions[-1] == "fails"


def test_decorators_compose_in_any_order(box: Sandbox) -> None:
    seen: list[int] = []

    def fails() -> None:
        seen.append(1)
        raise ConnectionError

    breaker = seawall.circuit_breaker(failures=2, open_for=60)
    inside = seawall.retry(attempts=5)(breaker(fails))
    with pytest.raises(seawall.CircuitOpenError):
        inside()
    assert len(seen) == 2 and breaker.state == "open"

    seen.clear()
    outer = seawall.circuit_breaker(failures=2)
    outside = outer(seawall.retry(attempts=3)(fails))
    with pytest.raises(ConnectionError):
        outside()
    assert len(seen) == 3 and outer.state == "closed"
