"""A call whose first attempt raises: mostly it ends in native code, which asks once for each class of errors."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import pickle
import sys
import traceback
import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

import seawall
from seawall import _native

NEVER = 10**6
NAMES = (f"failing {number}" for number in count())


class Plain(Exception):
    pass


class Throttled(Exception):
    status_code = 429


class Computed(Exception):
    @property
    def retry_after(self) -> float:
        return 5.0

    @property
    def status(self) -> int:
        return 404


class Hidden(Exception):
    def __getattr__(self, name: str) -> Any:
        if name == "code":
            return 503
        raise AttributeError(name)


class Meta(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, KeyError)


class Odd(Exception, metaclass=Meta):
    pass


class Mixin:
    pass


class Mixed(Mixin, TimeoutError):
    pass


class Guarded(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


class Response:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


def told(error: Exception, **attributes: Any) -> Exception:
    error.__dict__.update(attributes)
    return error


#: Each says what it says in another way.
ERRORS: list[Callable[[], Exception]] = [
    Plain,
    ConnectionError,
    TimeoutError,
    ValueError,
    Throttled,
    Computed,
    Hidden,
    Odd,
    Mixed,
    Guarded,
    KeyError,
    seawall.CircuitOpenError,
    seawall.TimedOutError,
    seawall.UsageError,
    lambda: told(Plain(), anything=1),
    lambda: told(Plain(), status_code=404),
    lambda: told(Plain(), response=Response(429)),
    lambda: told(Plain(), retry_after=3),
    lambda: ExceptionGroup("all", [Plain()]),
    lambda: type("Made", (Plain,), {})(),
]

RULES: dict[str, dict[str, Any]] = {
    "tables": {},
    "on": {"on": (Plain, ValueError, TimeoutError)},
    "on one": {"on": OSError},
    "ignore": {"ignore": [ValueError, Plain]},
    "both": {"on": Exception, "ignore": KeyError},
    "by a metaclass": {"ignore": Odd},
    "functions": {"on": lambda error: not isinstance(error, KeyError), "ignore": ValueError},
    "classify": {"classify": lambda error: "permanent" if isinstance(error, ValueError) else None},
}


def counted(name: str) -> list[str]:
    """What the metrics of a policy say, but for the times."""
    lines = seawall.metrics().splitlines()
    mine = [line for line in lines if f'"{name}"' in line and "seconds" not in line and not line.endswith(" 0")]
    return [line.replace(name, "it") for line in mine]


def ends(protect: Callable[[Callable[[], None]], Any], rounds: int) -> list[tuple[str, Any]]:
    """How the calls of a function end that raises each of the errors, round after round."""
    made = iter([make() for make in ERRORS * rounds])

    def fails() -> None:
        raise next(made)

    call = protect(fails)
    ended = []
    for _ in range(len(ERRORS) * rounds):
        with pytest.raises(Exception) as raised:  # noqa: PT011
            call()
        report = seawall.report(raised.value)
        shown = None if report is None else (report.attempts, report.reason, report.policy)
        ended.append((type(raised.value).__name__, shown))
    return ended


def awaited(policy: Any) -> Callable[[Callable[[], None]], Any]:
    def protect(fails: Callable[[], None]) -> Any:
        @policy
        async def later() -> None:
            fails()

        return lambda: asyncio.run(later())

    return protect


@pytest.mark.parametrize("rules", RULES)
def test_a_class_says_what_a_look_at_each_error_says(rules: str) -> None:
    """While somebody listens to events the drivers in Python look at each error."""
    shown = []
    for wrap, listening in ((lambda p: p, False), (lambda p: p, True), (awaited, False), (awaited, True)):
        name = next(NAMES)
        policy = seawall.circuit_breaker(name=name, failures=NEVER, **RULES[rules])
        if listening:
            with seawall.listen(lambda _: None):
                ended = ends(wrap(policy), 3)
        else:
            ended = ends(wrap(policy), 3)
        shown.append(([(kind, report and (*report[:2], "it")) for kind, report in ended], counted(name)))
    assert shown[0] == shown[1] == shown[2] == shown[3]
    assert any("ignored" in line or "failure" in line for line in shown[0][1])


@pytest.mark.parametrize("part", ["breaker", "bulkhead"])
def test_errors_of_every_key_and_way_in_are_counted_once(part: str) -> None:
    """An error is counted with its class and its outcome, whatever cells its call was let in by."""
    shown = []
    for listening in (False, True):
        name = next(NAMES)
        rule: Any = {"limit": 2} if part == "bulkhead" else {"window": {"kind": "consecutive", "failures": NEVER}}
        options: Any = {part: rule}
        policy = seawall.policy(name=name, key=lambda key, _: key, **options)

        @policy
        def fails(_: str, error: Exception) -> None:
            raise error

        with seawall.listen(lambda _: None) if listening else contextlib.nullcontext():
            for number in range(12):
                error = (Plain, TimeoutError, ValueError)[number % 3]("so")
                with pytest.raises(type(error)):
                    fails(f"key-{number % 2}", error)
        shown.append([line for line in counted(name) if "attempts" in line or "error" in line])
    assert shown[0] == shown[1]
    assert any('"Plain"' in line and line.endswith(" 4") for line in shown[0]), shown[0]


def package_frames(call: Callable[[], Any], error: type[BaseException], calls: int) -> int:
    """How many functions of the package run in so many calls."""
    seen = 0

    def profile(frame: Any, event: str, _: object) -> None:
        nonlocal seen
        seen += event == "call" and frame.f_globals.get("__package__") == "seawall"

    for step in range(calls + 3):
        if step == 3:  # what is looked up once has been
            sys.setprofile(profile)
        try:
            call()
        except error:
            pass
    sys.setprofile(None)
    return seen


def fails() -> None:
    raise Plain


async def fails_later() -> None:
    raise Plain


@pytest.mark.parametrize("window", ["consecutive", "count", "time"])
def test_a_failure_enters_no_code_of_the_package(window: str) -> None:
    rules: dict[str, Any] = {"window": {"kind": window}, "open_for": 60}
    rules |= {"failures": NEVER} if window == "consecutive" else {"failure_rate": 1.0, "minimum_calls": 1000}
    policy = seawall.policy(breaker=rules if window != "consecutive" else {"window": {"kind": window, "failures": NEVER}})
    assert package_frames(policy(fails), Plain, 10) == 0
    keyed = seawall.policy(breaker={"window": {"kind": "consecutive", "failures": NEVER}}, key=lambda: "k")
    assert package_frames(keyed(fails), Plain, 10) == 0

    later = policy(fails_later)

    async def once() -> int:
        def step() -> None:
            try:
                later().send(None)
            except StopIteration:
                raise AssertionError from None

        return package_frames(step, Plain, 10)

    # The coroutine of the driver itself, and while failures go on the question before the call.
    assert asyncio.run(once()) == 10


def test_an_error_is_raised_again_as_it_was() -> None:
    policy = seawall.circuit_breaker(failures=NEVER)
    one = Plain("one")

    def again() -> None:
        raise one

    def in_c() -> None:
        int("x")

    def chained() -> None:
        try:
            fails()
        except Plain as cause:
            raise ValueError("other") from cause

    for call in (again, again):
        with pytest.raises(Plain) as raised:
            policy(call)()
        assert raised.value is one
        names = [frame.name for frame in traceback.extract_tb(one.__traceback__)]
        assert names[-1] == "again" and "_flow.py" not in str(traceback.extract_tb(one.__traceback__))
    with pytest.raises(ValueError, match="invalid literal"):
        policy(in_c)()
    with pytest.raises(ValueError, match="other") as other:
        policy(chained)()
    assert isinstance(other.value.__cause__, Plain) and other.value.__context__ is other.value.__cause__
    with pytest.raises(Plain) as nested:
        policy(policy(fails))()
    assert seawall.report(nested.value) is not None
    assert policy.total_failures == 6


def test_an_error_travels_with_its_report() -> None:
    with pytest.raises(Plain) as raised:
        seawall.circuit_breaker(name="travels", failures=NEVER)(fails)()
    for error in (raised.value, pickle.loads(pickle.dumps(raised.value)), copy.copy(raised.value)):
        report = seawall.report(error)
        assert report is not None and (report.attempts, report.reason, report.policy) == (1, None, "travels")
        assert repr(report).startswith("Report(attempts=1, elapsed=") and repr(report).endswith("reason=None)")
        with pytest.raises(AttributeError):
            report.attempts = 2  # type: ignore[misc]


def test_classes_that_come_and_go_are_let_go() -> None:
    call = seawall.circuit_breaker(failures=NEVER)(fails_as)
    made: weakref.WeakSet[type] = weakref.WeakSet()

    def fail_as_new(number: int) -> None:
        kind = type(f"Class{number}", (Exception,), {})
        made.add(kind)
        try:
            call(kind)
        except kind:
            pass

    for number in range(1000):
        fail_as_new(number)
    gc.collect()
    # What the tables said is kept for the latest of them.
    assert len(made) <= 256
    del call


def fails_as(kind: type[Exception]) -> None:
    raise kind


@pytest.mark.parametrize("kind", [Plain, ValueError])
def test_no_failure_leaves_a_reference(kind: type[Exception]) -> None:
    policy = seawall.circuit_breaker(name=next(NAMES), failures=NEVER)
    call, note = policy(fails_as), sys.intern("__seawall__")

    @policy
    async def later() -> None:
        raise kind

    async def many(calls: int) -> None:
        for _ in range(calls):
            try:
                await later()
            except kind:
                pass

    def round_(calls: int) -> list[int]:
        for _ in range(calls):
            try:
                call(kind)
            except kind:
                pass
        asyncio.run(many(calls))
        return [sys.getrefcount(thing) for thing in (kind, policy, call, later, fails_as, note, None)]

    round_(10)
    before, blocks = round_(10), sys.getallocatedblocks()
    after, grown = round_(5000), sys.getallocatedblocks() - blocks
    assert all(there - here < 100 for here, there in zip(before, after, strict=True)), (before, after)
    assert grown < 1000, f"{grown} blocks stay after 10,000 failures"


def test_a_deadline_lives_no_longer_than_its_call() -> None:
    """While one does, every call of the process looks for its own."""
    policy = seawall.policy(breaker={"window": "count"}, timeout={"attempt": 60})

    @policy
    async def limited() -> float | None:
        return seawall.remaining()

    async def many() -> int:
        for _ in range(50):
            left = await limited()  # never suspends: the loop gets no turn to forget its timers
            assert left is not None and left > 59
        return sum(type(thing) is _native.Deadline for thing in gc.get_objects())

    assert asyncio.run(many()) == 0
