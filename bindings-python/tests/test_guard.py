"""Guards are made by hand, outside what Python checks: what could go wrong there."""

from __future__ import annotations

import abc
import asyncio
import copy
import functools
import inspect
import os
import pickle
import signal
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import seawall
from conftest import side_by_side
from seawall.testing import Sandbox

NEVER = 10**6


def made(fn: Callable[..., Any], **options: Any) -> tuple[seawall.CircuitBreaker, Any]:
    breaker = seawall.circuit_breaker(failures=NEVER, **options)
    return breaker, breaker(fn)


# -- it looks like a function ------------------------------------------------------------------


@seawall.circuit_breaker(failures=3)
def module_level(number: int = 1) -> int:
    return number


@seawall.circuit_breaker(failures=3)
async def module_coroutine(number: int = 1) -> int:
    return number


def test_a_guard_is_found_by_its_name() -> None:
    for guard in (module_level, module_coroutine):
        assert pickle.loads(pickle.dumps(guard)) is guard
        assert copy.copy(guard) is guard and copy.deepcopy([guard])[0] is guard
        assert weakref.ref(guard)() is guard
        assert guard.__module__ == __name__ and guard.__wrapped__.__name__ == guard.__name__
        assert guard.__name__ in repr(guard) and guard.__defaults__ == (1,)
    with pytest.raises(TypeError):
        type(module_level)()
    module_level.mark = 1  # type: ignore[attr-defined]
    assert module_level.__dict__["mark"] == 1


def test_every_framework_sees_a_coroutine_function() -> None:
    class Held:
        @seawall.circuit_breaker(failures=3)
        async def method(self) -> int:
            return 1

        @classmethod
        @seawall.circuit_breaker(failures=3)
        async def of_class(cls) -> int:
            return 2

        @staticmethod
        @seawall.circuit_breaker(failures=3)
        async def of_none() -> int:
            return 3

        async def __call__(self) -> int:
            return 4

    held = Held()
    called = seawall.circuit_breaker(failures=3)(Held())
    partial = seawall.circuit_breaker(failures=3)(functools.partial(module_coroutine.__wrapped__, 5))  # type: ignore[attr-defined]
    guards = [module_coroutine, held.method, held.of_class, Held.of_none, functools.partial(module_coroutine), called, partial]
    for guard in guards:
        assert inspect.iscoroutinefunction(guard), guard
        assert asyncio.iscoroutinefunction(guard), guard
        assert inspect.isroutine(guard) or isinstance(guard, functools.partial)
    for guard in (module_level, seawall.circuit_breaker(failures=3)(functools.partial(print))):
        assert not inspect.iscoroutinefunction(guard) and not asyncio.iscoroutinefunction(guard)

    async def all_of_them() -> list[int]:
        return [await guard() for guard in guards]

    assert asyncio.run(all_of_them()) == [1, 1, 2, 3, 1, 4, 5]


def test_a_guard_binds_as_a_function_does() -> None:
    protect = seawall.circuit_breaker(failures=3)

    class Base(abc.ABC):
        @abc.abstractmethod
        def must(self) -> str: ...

    class Held(Base):
        @protect
        def must(self, *more: Any, **named: Any) -> str:
            return f"{type(self).__name__}{more}{named}"

        @protect
        @classmethod
        def under(cls, number: int) -> tuple[str, int]:
            return cls.__name__, number

        @classmethod
        @protect
        def over(cls, number: int) -> tuple[str, int]:
            return cls.__name__, number

        @protect
        @staticmethod
        def alone(number: int) -> int:
            return number

        @property
        @protect
        def value(self) -> int:
            return 7

    class Child(Held):
        def must(self, *more: Any, **named: Any) -> str:
            return "child of " + super().must(*more, **named)

    child = Child()
    assert child.must(1, two=2) == "child of Child(1,){'two': 2}"
    assert Held.must(child) == "Child(){}"
    assert child.must.__func__ is Child.must and Held().must.__self__.__class__ is Held
    assert child.under(1) == Child.over(1) == ("Child", 1) and Child.under(2) == ("Child", 2)
    assert child.alone(3) == Child.alone(3) == 3 and child.value == 7
    assert list(map(child.must, "ab")) == ["child of Child('a',){}", "child of Child('b',){}"]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_arguments_arrive_as_they_were_given(count: int, box: Sandbox) -> None:
    seen: list[Any] = []

    def sees(*args: Any, **kwargs: Any) -> None:
        seen.append((args, kwargs))
        if len(seen) % 2:
            raise ConnectionError

    async def sees_later(*args: Any, **kwargs: Any) -> None:
        sees(*args, **kwargs)

    policy = seawall.policy(retry={"attempts": 2})
    args, kwargs = tuple(range(count)), {f"k{number}": number for number in range(count)}
    policy(sees)(*args, **kwargs)
    asyncio.run(policy(sees_later)(*args, **kwargs))
    assert seen == [(args, kwargs)] * 4
    with pytest.raises(TypeError, match="unexpected keyword"):
        policy(lambda: None)(nothing=1)


def test_the_traceback_shows_the_function() -> None:
    _, guard = made(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError) as raised:
        guard()
    assert raised.value.__context__ is None and raised.value.__cause__ is None
    assert traceback.extract_tb(raised.value.__traceback__)[-1].name == "<lambda>"


# -- deep, interrupted, forked, threaded -------------------------------------------------------


def test_recursion_ends_as_it_does_without_a_guard() -> None:
    def depth(left: int) -> int:
        return 0 if left == 0 else 1 + guard(left - 1)

    breaker, guard = made(depth)
    assert guard(200) == 200
    with pytest.raises(RecursionError):
        guard(10**6)
    assert guard(200) == 200
    assert breaker.state == "closed"


def test_interrupts_lose_no_outcome_and_no_permit() -> None:
    """A call that came back was counted; one that was interrupted was not, and holds nothing."""
    done = returned = interrupted = 0

    def work() -> None:
        nonlocal done
        done += 1

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    breaker = seawall.circuit_breaker(failures=NEVER)
    guard = breaker(work)
    bulkhead = seawall.bulkhead(1)
    inside = bulkhead(work)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(150):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0004)
                while True:
                    guard()
                    returned += 1
                    inside()
            except KeyboardInterrupt:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted == 150
    assert bulkhead.in_use == 0
    assert returned <= breaker.total_successes <= done
    assert breaker.total_failures == 0


def test_a_forked_child_counts_for_itself() -> None:
    breaker, guard = made(lambda: None)
    for _ in range(30):
        guard()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for _ in range(20):
                guard()
            status = 0 if breaker.total_successes == 50 else 2
        finally:
            os._exit(status)
    for _ in range(10):
        guard()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert breaker.total_successes == 40


@pytest.mark.parametrize("window", ["consecutive", "count", "time"])
def test_threads_that_take_turns_lose_no_count(window: str) -> None:
    breaker = seawall.circuit_breaker(window={"kind": window})
    guard = breaker(lambda: None)
    calls, threads = 4_000, 8
    line = threading.Barrier(threads)

    def work() -> None:
        line.wait()
        for _ in range(calls):
            guard()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        side_by_side([work] * threads)
    finally:
        sys.setswitchinterval(interval)
    assert breaker.total_successes == calls * threads
