"""Limits on blocking generators: nothing can stop one from outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator

import pytest

import seawall
from seawall import testing
from seawall.testing import Sandbox


def numbers(box: Sandbox, slow: int, by: float = 10) -> Iterator[int]:
    for number in range(3):
        if number == slow:
            box.advance(by)
        yield number


def collect(stream: Iterator[int]) -> list[int | str]:
    got: list[int | str] = []
    try:
        for item in stream:
            got.append(item)
    except seawall.TimedOutError as error:
        got.append(error.code)
    return got


def test_an_item_that_comes_late_is_a_timeout(box: Sandbox) -> None:
    breaker = {"window": {"kind": "consecutive", "failures": 5}}
    policy = seawall.policy(breaker=breaker, timeout={"attempt": 2, "idle": 3, "mode": "cooperative"})  # type: ignore[arg-type]
    stream = policy(numbers)
    assert collect(stream(box, 9)) == [0, 1, 2]
    assert collect(stream(box, 0)) == ["attempt_timeout"]
    assert collect(stream(box, 2)) == [0, 1, "attempt_timeout"]
    assert collect(stream(box, 2, by=3)) == [0, 1, 2]
    totals = policy.snapshot()["breaker"]["totals"]
    assert (totals["success"], totals["timeout"] if "timeout" in totals else totals["failure"]) == (2, 2)


def test_a_first_item_that_comes_late_is_tried_again(box: Sandbox) -> None:
    starts: list[int] = []

    @seawall.policy(retry={"attempts": 3}, timeout={"attempt": 2, "mode": "cooperative"})
    def stream() -> Iterator[int]:
        starts.append(1)
        if len(starts) < 3:
            box.advance(5)
        yield len(starts)

    assert collect(stream()) == [3]


def test_inside_a_gap_the_generator_sees_what_is_left(box: Sandbox) -> None:
    seen: list[float | None] = []

    @seawall.timeout(2, idle=3, deadline=8, mode="cooperative")
    def stream() -> Iterator[int]:
        for number in range(4):
            seen.append(seawall.remaining())
            box.advance(1.5)
            yield number

    assert collect(stream()) == [0, 1, 2, 3]
    assert seen == [2.0, 3.0, 3.0, 3.0]


def test_the_deadline_of_a_blocking_stream_needs_no_mode(box: Sandbox) -> None:
    @seawall.timeout(deadline=4)
    def stream() -> Iterator[int]:
        for number in range(4):
            box.advance(1.5)
            yield number

    assert collect(stream()) == [0, 1, "deadline_exceeded"]


def test_an_idle_limit_on_a_blocking_generator_needs_a_mode(box: Sandbox) -> None:
    with pytest.raises(seawall.ConfigError, match="cooperative"):
        seawall.timeout(idle=1)(numbers)

    @seawall.timeout(idle=1)
    def not_a_stream() -> int:
        return 1

    assert not_a_stream() == 1


def test_an_idle_limit_of_a_file_is_not_enforced_and_says_so_once() -> None:
    with testing.sandbox(seed=1) as box:
        seawall.configure("[policy.feed]\ntimeout = { idle = '1s' }\n")
        stream = seawall.policy("feed")(numbers)
        assert collect(stream(box, 1)) == [0, 1, 2]
        assert collect(stream(box, 1)) == [0, 1, 2]
        assert [event["kind"] for event in box.events()].count("internal") == 1


def test_a_stream_that_hangs_is_left_behind() -> None:
    end = threading.Event()

    @seawall.timeout(1, idle=0.5, mode="abandon")
    def stream(hangs: int) -> Generator[int, str, str]:
        got = ""
        for number in range(3):
            if number == hangs:
                end.wait(60)
            got += (yield number) or ""
        return got

    assert collect(stream(9)) == [0, 1, 2]
    began = time.monotonic()
    assert collect(stream(2)) == [0, 1, "attempt_timeout"]
    assert collect(stream(0)) == ["attempt_timeout"]
    assert 1.5 <= time.monotonic() - began < 30
    assert seawall.orphans() == 2
    end.set()
    both_ways = stream(9)
    assert next(both_ways) == 0
    assert both_ways.send("a") == 1 and both_ways.send("b") == 2
    with pytest.raises(StopIteration) as end:
        both_ways.send("c")
    assert end.value.value == "abc"
    until = time.monotonic() + 30
    while seawall.orphans() and time.monotonic() < until:
        time.sleep(0.01)
    assert seawall.orphans() == 0
