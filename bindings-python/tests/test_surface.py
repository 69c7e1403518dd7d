"""Errors, events, permits by hand, and what loading the package costs."""

from __future__ import annotations

import copy
import gc
import importlib.util
import logging
import os
import pickle
import pkgutil
import subprocess
import sys
import threading
from typing import Any

import pytest

import seawall
from seawall import _codes, _native, errors, http
from seawall.testing import Sandbox, sandbox

def test_every_code_of_the_core_has_a_class() -> None:
    assert _codes.CODES == _native.CODES and set(errors.BY_CODE) == set(_codes.CODES)
    assert tuple(_codes.OUTCOMES) == _native.OUTCOMES
    for name, number in _codes.CODES.items():
        kind = errors.BY_CODE[name]
        assert kind.code == name and issubclass(kind, seawall.SeawallError)
        assert issubclass(kind, (seawall.RejectedError, seawall.TimedOutError)) == (16 <= number < 64)


def test_errors_survive_pickling_and_copying(box: Sandbox) -> None:
    breaker = seawall.circuit_breaker(name="p")
    breaker.open(5)
    with pytest.raises(seawall.CircuitOpenError) as refused:
        breaker.acquire()
    for twin in (pickle.loads(pickle.dumps(refused.value)), copy.copy(refused.value)):
        assert (type(twin), str(twin), twin.retry_after) == (seawall.CircuitOpenError, str(refused.value), 5.0)


def test_many_retries_and_huge_delays_are_survived(box: Sandbox) -> None:
    schedule = seawall.retry(attempts=10_000_000, base=86_400, factor=1000, cap=86_400).schedule()
    for _ in range(100):
        assert isinstance(schedule.next_delay(), float)
    calls: list[int] = []

    @seawall.retry(attempts=10_000, backoff="fixed", base=0, jitter="none")
    def fails() -> None:
        calls.append(1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        fails()
    assert len(calls) == 10_000


def test_a_clock_that_jumps_far_ahead(box: Sandbox) -> None:
    breaker = seawall.circuit_breaker(window={"kind": "time", "span": 10}, failure_rate=0.5)
    breaker.open()
    box.advance(1e9)  # thirty years
    assert breaker.state == "half_open"
    with breaker:
        pass
    assert breaker.state == "closed" and seawall.remaining() is None


def test_policies_move_into_a_sandbox_and_back() -> None:
    breaker = seawall.circuit_breaker(failures=1)
    call = breaker(lambda: 1 // 0)
    with sandbox():
        breaker.force_open()
        with pytest.raises(seawall.CircuitOpenError):
            call()
    assert breaker.state == "closed"


def test_listeners_hear_without_a_call_and_end() -> None:
    heard, events = threading.Event(), []

    def hear(event: dict[str, Any]) -> None:
        events.append(event)
        if event["kind"] == "half_opened":
            heard.set()

    breaker = seawall.circuit_breaker(name="listened", open_for=0.05)
    before = threading.active_count()
    with seawall.listen(hear):
        assert threading.active_count() == before + 1
        breaker.open()
        assert [event["kind"] for event in events] == ["opened"]
        assert heard.wait(30)
    for thread in threading.enumerate():
        if thread.name == "seawall-events":
            thread.join(30)
    assert threading.active_count() == before


def test_a_listener_that_throws_or_changes_the_policy(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    breaker = seawall.circuit_breaker(name="changed")

    def change(event: dict[str, Any]) -> None:
        breaker.reset()
        raise RuntimeError("listener")

    with seawall.listen(change, kinds=["opened"]):
        breaker.open()
    assert breaker.state == "closed" and "listener of Seawall failed" in caplog.text
    with pytest.raises(seawall.UsageError):
        seawall.listen(3)  # type: ignore[arg-type]


def test_a_listener_for_a_kind_that_there_is_not(box: Sandbox) -> None:
    for kinds in ("opend", ["opened", "opend"]):
        with pytest.raises(seawall.UsageError, match="no event is of the kind 'opend'; the kinds are: opened, half"):
            seawall.listen(lambda event: None, kinds=kinds)
    heard: list[str] = []
    breaker = seawall.circuit_breaker(name="one kind")
    with seawall.listen(lambda event: heard.append(event["kind"]), kinds="opened"):
        breaker.open()
        breaker.close()
    assert heard == ["opened"]


def test_transitions_are_logged(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    breaker = seawall.circuit_breaker(name="logged")
    with caplog.at_level(logging.INFO, "seawall"), seawall.log_transitions():
        breaker.open()
        breaker.close()
    assert "logged: closed -> open" in caplog.text and "logged: open -> closed" in caplog.text


def test_a_breaker_by_hand(box: Sandbox) -> None:
    breaker = seawall.circuit_breaker(name="hand", failures=1, open_for=30)
    assert breaker.can_execute() and breaker.time_until_retry == 0
    breaker.record_success()
    assert breaker.can_execute()
    breaker.record_failure()
    assert not breaker.can_execute() and breaker.time_until_retry == pytest.approx(30)
    assert (breaker.total_successes, breaker.total_failures, breaker.state_transitions) == (1, 1, 1)
    assert breaker.get_stats()["state"] == "open"
    breaker.reset()
    assert breaker.state == "closed" and breaker.failure_count == 0


def test_a_dropped_probe_comes_back(box: Sandbox) -> None:
    breaker = seawall.circuit_breaker()
    breaker.half_open()
    permit = breaker.acquire()
    with pytest.raises(seawall.CircuitOpenError):
        breaker.acquire()
    del permit
    gc.collect()
    with breaker.acquire():
        pass
    assert breaker.state == "closed"


def test_a_missing_part_is_named() -> None:
    retry, breaker = seawall.policy("again", retry={"attempts": 2}), seawall.circuit_breaker()
    for part, use in (
        ("breaker", retry.acquire),
        ("breaker", retry.open),
        ("bulkhead", retry.enter),
        ("bulkhead", lambda: retry.resize(2)),
        ("retry.budget", retry.budget),
        ("cost", retry.reserve),
        ("retry", breaker.schedule),
    ):
        with pytest.raises(seawall.NoSuchPartError, match=f"the policy has no `{part}`, .* add it to its settings"):
            use()
    with pytest.raises(seawall.NoSuchPartError, match="^again: the policy has no"):
        retry.acquire()
    with pytest.raises(seawall.NoSuchPartError, match="^again: the policy has no `cache`"):
        retry.remember(print, 1)


def test_an_amount_that_is_none_is_refused_and_takes_nothing() -> None:
    policy = seawall.policy(cost={"name": "amounts in python", "limits": {"tokens": 5}})
    for tokens in (1.5, -1, "x", None, 2**64):
        with pytest.raises(ValueError, match="an amount is a whole number from 0, not tokens="):
            policy.reserve(tokens=tokens)
    held = policy.reserve(tokens=5)
    with pytest.raises(seawall.CostExceededError, match=r"tokens is spent \(5 of 5 used\)"):
        policy.reserve(tokens=1)
    with pytest.raises(ValueError, match="an amount"):
        held.settle(tokens=0.1)  # type: ignore[arg-type]
    held.settle(tokens=3)
    with pytest.raises(seawall.CostExceededError, match=r"tokens has too little left \(3 of 5 used\)"):
        policy.reserve(tokens=3)


def test_a_with_block_cannot_retry_or_fall_back(box: Sandbox) -> None:
    with pytest.raises(seawall.ConfigError, match="attempts"), seawall.retry():
        pass
    with pytest.raises(seawall.ConfigError), seawall.fail_open():
        pass
    breaker = seawall.circuit_breaker(failures=1)
    with pytest.raises(ConnectionError), breaker:
        raise ConnectionError
    with pytest.raises(seawall.CircuitOpenError), breaker:
        raise AssertionError("not admitted")


def test_a_retried_block(box: Sandbox) -> None:
    seen = []
    for attempt in seawall.retry_context(attempts=3, base=1):
        with attempt:
            seen.append(attempt.num)
            if attempt.num < 3:
                raise ConnectionError
    assert seen == [1, 2, 3] and box.now > 0
    with pytest.raises(seawall.UsageError, match="with attempt"):
        for _ in seawall.retry_context(attempts=3):
            pass


def test_statuses_and_retry_after() -> None:
    said = [http.outcome_of_status(status) for status in (200, 404, 429, 503)]
    assert said == ["success", "permanent", "throttled", "failure"]
    assert http.parse_retry_after("120") == 120
    assert http.parse_retry_after("Thu, 01 Jan 1970 00:02:00 GMT", now=60) == 60
    assert http.parse_retry_after("soon") is None


def test_metrics_are_prometheus_text(box: Sandbox) -> None:
    breaker = seawall.circuit_breaker(name="measured", failures=1)
    with pytest.raises(ConnectionError):
        breaker(lambda: (_ for _ in ()).throw(ConnectionError()).send(None))()  # type: ignore[func-returns-value]
    text = seawall.metrics()
    assert 'name="measured"' in text and "# TYPE seawall_breaker_" in text


def test_nothing_is_leaked() -> None:
    breaker = seawall.circuit_breaker(name="leak", failures=1)
    call = breaker(lambda: 1)
    refused = seawall.circuit_breaker(name="leak open")
    refused.force_open()
    rejects = refused(lambda: 1)

    def fails() -> None:
        raise ConnectionError

    failing = seawall.circuit_breaker(name="leak failing", failures=10**6)(fails)

    def round_() -> None:
        for _ in range(300):
            call()
            for bad in (rejects, failing):
                try:
                    bad()
                except (seawall.CircuitOpenError, ConnectionError):
                    pass

    round_()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        round_()
        grown = len(gc.get_objects()) - before
    finally:
        gc.enable()
    assert grown < 100, f"{grown} objects stay after 900 calls without a collection"


def child(script: str, *options: str) -> str:
    # Compiled code is kept, as pip keeps it for an installed package.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, *options, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_loading_is_cheap_and_quiet(tmp_path: Any) -> None:
    script = """
import sys, threading
import seawall
print('asyncio' in sys.modules, 'inspect' in sys.modules, threading.active_count())
"""
    assert child(script) == "False False 1"
    script = """
import asyncio, inspect, time
began = time.process_time()
import seawall
print((time.process_time() - began) * 1e3)
"""
    # CPU time, and the best of several: the machine may be busy with other things.
    assert min(float(child(script, "-X", f"pycache_prefix={tmp_path}")) for _ in range(12)) <= 5.0


def test_every_public_name_is_there_and_loaded_when_it_is_named() -> None:
    script = """
import sys, seawall
print('seawall._policy' in sys.modules, sorted(set(seawall.__all__) - set(dir(seawall))))
print([name for name in seawall.__all__ if type(getattr(seawall, name)) is type(sys)])
from seawall import *
print('seawall._policy' in sys.modules, seawall.policies(), len({*seawall.__all__} - {*globals()}))
try:
    seawall.nonsense
except AttributeError as error:
    print(error)
"""
    said = child(script).splitlines()
    assert said == ["False []", "[]", "True [] 0", "module 'seawall' has no attribute 'nonsense'"]


def test_every_module_has_what_it_says_it_has() -> None:
    found = [module.name for module in pkgutil.iter_modules(seawall.__path__)]
    assert "_drive" in found
    for name in found:
        source = importlib.util.find_spec(f"seawall.{name}")
        if name == "_trio" or source is None or not str(source.origin).endswith(".py"):
            continue  # the native half, and what needs a package that may be missing
        module = importlib.import_module(f"seawall.{name}")
        assert [word for word in getattr(module, "__all__", ()) if not hasattr(module, word)] == [], name


def test_a_second_interpreter_gets_a_clear_error() -> None:
    interpreters = pytest.importorskip("_xxsubinterpreters") if sys.version_info < (3, 13) else __import__("_interpreters")
    script = "import seawall"
    other = interpreters.create()
    try:
        said: Any = None
        try:
            said = interpreters.run_string(other, script)
        except Exception as error:
            said = error
        assert "interpreter" in str(said)
    finally:
        interpreters.destroy(other)
