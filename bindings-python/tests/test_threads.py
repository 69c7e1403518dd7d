"""Threads, forks, interrupts and abandoned work."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

import seawall
from conftest import side_by_side
from seawall.testing import Sandbox


def test_one_bulkhead_for_threads_and_event_loops() -> None:
    import asyncio

    bulkhead = seawall.bulkhead(3, max_wait=30)
    lock, inside, most = threading.Lock(), 0, 0

    def step(by: int) -> None:
        nonlocal inside, most
        with lock:
            inside += by
            most = max(most, inside)

    @bulkhead
    def blocking() -> None:
        step(1)
        os.sched_yield()
        step(-1)

    @bulkhead
    async def waiting() -> None:
        step(1)
        await asyncio.sleep(0)
        step(-1)

    def threads() -> None:
        for _ in range(50):
            blocking()

    def loop() -> None:
        async def main() -> None:
            await asyncio.gather(*(waiting() for _ in range(50)))

        asyncio.run(main())

    side_by_side([threads, threads, threads, loop, loop])
    stats = bulkhead.stats()
    assert most <= 3 and stats["in_use"] == 0 and stats["queued"] == 0 and stats["admitted"] == 250


def test_calls_of_one_breaker_run_side_by_side() -> None:
    breaker = seawall.circuit_breaker()
    barrier = threading.Barrier(4, timeout=30)
    call = breaker(barrier.wait)
    side_by_side([call] * 4)
    assert breaker.total_successes == 4


def test_half_open_admits_one_of_many_threads(box: Sandbox) -> None:
    breaker = seawall.circuit_breaker(failures=1)
    breaker.half_open()
    release = threading.Event()
    rejected: list[bool] = []
    entered: list[bool] = []

    @breaker
    def probe() -> None:
        entered.append(True)
        release.wait(30)

    def caller() -> None:
        try:
            probe()
        except seawall.CircuitOpenError:
            rejected.append(True)
            if len(rejected) == 19:
                release.set()

    side_by_side([caller] * 20)
    assert (len(entered), len(rejected)) == (1, 19) and breaker.state == "closed"


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupted_probe_comes_back_uncounted(box: Sandbox, leaving: type[BaseException]) -> None:
    breaker = seawall.circuit_breaker(failures=1)
    breaker.half_open()

    @breaker
    def interrupted() -> None:
        raise leaving

    with pytest.raises(leaving):
        interrupted()
    after = breaker.snapshot()["breaker"]
    assert (after["state"], after["permits_left"], after["totals"]["cancelled"]) == ("half_open", 1, 1)

    group = BaseExceptionGroup("", [leaving(), BaseExceptionGroup("", [KeyboardInterrupt()])])
    with pytest.raises(BaseExceptionGroup):
        breaker(lambda: (_ for _ in ()).throw(group).send(None))()  # type: ignore[func-returns-value]
    assert breaker.state == "half_open"


def test_an_abandoned_attempt_is_an_orphan_until_it_ends() -> None:
    end, ended = threading.Event(), threading.Event()

    @seawall.timeout(0.02, mode="abandon")
    def hangs() -> None:
        end.wait(30)
        ended.set()

    with pytest.raises(seawall.AttemptTimeoutError):
        hangs()
    assert seawall.orphans() == 1
    end.set()
    assert ended.wait(30)
    fresh = seawall.timeout(30, mode="abandon")
    # The next job of the pool begins after the orphan's thread was given back.
    while seawall.orphans():
        fresh(lambda: None)()


def test_an_abandoned_attempt_has_the_callers_context_and_its_own_errors() -> None:
    @seawall.timeout(30, mode="abandon")
    def work(fail: bool) -> Any:
        if fail:
            raise ConnectionError("mine")
        return seawall.remaining()

    left = work(False)
    assert left is not None and 29 < left <= 30
    with pytest.raises(ConnectionError, match="mine"):
        work(True)
    assert seawall.orphans() == 0


def test_a_call_imports_nothing_and_waits_for_no_search() -> None:
    """A child forked in the middle of another thread's import would wait for its lock for ever."""
    script = """
import os, signal, sys, threading, seawall
from importlib import abc
policy = seawall.policy('early', breaker={'window': {'kind': 'consecutive', 'failures': 1}}, bulkhead={'limit': 1})
protected = policy(lambda fail: 1 / 0 if fail else 1)
inside, leave = threading.Event(), threading.Event()
class Slow(abc.MetaPathFinder):         # whoever imports now stays in it
    def find_spec(self, name, path, target=None):
        if name.startswith('seawall'):
            inside.set(); leave.wait(30)
sys.meta_path.insert(0, Slow())
def calls():
    said = []
    for fail in (False, True, False):
        try:
            protected(fail); said.append('ok')
        except Exception as error:
            said.append(type(error).__name__)
    return said
answers = []
other = threading.Thread(target=lambda: answers.append(calls()), daemon=True)
other.start(); other.join(5)
assert not inside.is_set(), 'a call imported a part of seawall'
policy.reset()
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    answers.append(calls())
    os._exit(0 if answers[0] == answers[1] == ['ok', 'ZeroDivisionError', 'CircuitOpenError'] else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, answers
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_forked_child_goes_on() -> None:
    script = """
import os, sys, threading, seawall
events = []
breaker = seawall.circuit_breaker(name='forked', failures=2)
bulkhead = seawall.bulkhead(1, name='room')
seawall.listen(events.append)
inside, leave = threading.Event(), threading.Event()
def hold():
    with bulkhead:
        inside.set(); leave.wait(30)
holder = threading.Thread(target=hold); holder.start(); inside.wait(30)
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    with bulkhead:                      # the parent's thread does not hold it here
        pass
    heard = threading.Event()
    seawall.listen(lambda event: heard.set(), kinds=['opened'])
    breaker.open()
    ok = heard.wait(30) and breaker.state == 'open' and bulkhead.in_use == 0
    names = [thread.name for thread in threading.enumerate()]
    os.write(write, b'ok' if ok and 'seawall-events' in names else repr((ok, names)).encode())
    os._exit(0)
os.waitpid(pid, 0)
leave.set(); holder.join()
said = os.read(read, 1000)
assert said == b'ok', said
assert breaker.state == 'closed' and bulkhead.in_use == 0
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_concurrent_calls_lose_no_count() -> None:
    breaker = seawall.circuit_breaker(failures=1_000_000)
    call = breaker(lambda fail: 1 / 0 if fail else None)
    flaky = seawall.circuit_breaker(failures=1_000_000, on=ZeroDivisionError)
    guarded = flaky(lambda fail: 1 / 0 if fail else None)

    def work() -> None:
        for number in range(500):
            try:
                guarded(number % 5 == 0)
            except ZeroDivisionError:
                pass
            call(False)

    side_by_side([work] * 4)
    assert (flaky.total_successes, flaky.total_failures, breaker.total_successes) == (1600, 400, 2000)


def test_one_caller_fetches_what_many_want() -> None:
    calls: list[int] = []
    go = threading.Event()

    @seawall.policy(cache={"ttl": 60, "first": True})
    def fetch(key: str) -> str:
        calls.append(1)
        go.wait(30)
        return key

    got: list[str] = []
    side_by_side([lambda: got.append(fetch("a"))] * 8, meanwhile=go.set)
    assert got == ["a"] * 8 and len(calls) == 1


@pytest.mark.parametrize("new", [False, True], ids=["a policy for all", "a policy of each key"])
def test_one_call_is_made_for_a_key_whenever_the_others_look(new: bool) -> None:
    calls: list[int] = []

    def fetch(key: int) -> int:
        calls.append(key)
        return key

    def policy() -> Any:
        return seawall.policy(cache={"ttl": 60, "first": True})(fetch)

    keys, threads = 1500, 4
    protected = [policy() for _ in range(keys)] if new else [policy()] * keys
    line = threading.Barrier(threads)

    def work() -> None:
        for key in range(keys):
            line.wait(30)
            protected[key](key)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        pool = [threading.Thread(target=work) for _ in range(threads)]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(calls) == keys == len(set(calls))


def test_all_who_listen_first_at_once_are_served_by_one(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from seawall import _listen, _registry

    class Slow(_listen.Hub):
        """It is being made while the others ask for it."""

        def __init__(self, *args: Any) -> None:
            time.sleep(0.05)
            super().__init__(*args)

    monkeypatch.setattr(_listen, "Hub", Slow)
    registry = _registry.Registry(_registry.current().native)
    line, hubs = threading.Barrier(4), []

    def ask() -> None:
        line.wait(30)
        hubs.append(registry.hub)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hubs) == 4 and len(set(hubs)) == 1


def test_one_task_fetches_what_many_want_and_its_failure_stops_nobody() -> None:
    import asyncio

    calls: list[int] = []

    @seawall.policy(cache={"ttl": 60, "first": True})
    async def fetch(key: str) -> str:
        calls.append(1)
        first = len(calls) == 1
        await asyncio.sleep(0.01)
        if first:
            raise ConnectionError
        return key

    async def main() -> None:
        got = await asyncio.gather(*(fetch("a") for _ in range(4)), return_exceptions=True)
        assert sum(isinstance(answer, ConnectionError) for answer in got) == 1
        assert [answer for answer in got if answer == "a"] == ["a"] * 3
        calls.clear()
        assert await asyncio.gather(*(fetch("a") for _ in range(4))) == ["a"] * 4 and not calls

    asyncio.run(main())


def test_a_call_inside_its_own_fetch_does_not_wait_for_itself() -> None:
    depth: list[int] = []

    @seawall.policy(cache={"ttl": 60, "first": True})
    def fetch(key: str) -> str:
        depth.append(1)
        return fetch(key) if len(depth) < 3 else key

    assert fetch("a") == "a" and len(depth) == 3
