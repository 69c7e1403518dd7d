"""What a configuration may say: in code, in text and in the file, and how it says where it is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

import seawall
from seawall.testing import sandbox


TOML = """
[policy.identity]
preset = "production"
[policy.identity.breaker]
window = {kind = "consecutive", failures = 2}
[policy.identity.fallback]
chain = ["value"]
value = "guest"
"""


@pytest.mark.parametrize(
    ("options", "kind", "path"),
    [
        ({"atempts": 3}, "unknown_option", "/retry/atempts"),
        ({"attempts": "many"}, "wrong_type", "/retry/attempts"),
        ({"attempts": 0}, "out_of_range", "/retry/attempts"),
        ({"base": -1.0}, "out_of_range", "/retry/backoff/base"),
        ({"max_elapsed": "30"}, "missing_unit", "/retry/max_elapsed"),
        ({"jitter": "ful"}, "unknown_value", "/retry/jitter"),
    ],
)
def test_configuration_errors_say_where(options: dict[str, Any], kind: str, path: str) -> None:
    with pytest.raises(seawall.ConfigError) as wrong:
        seawall.retry(**options)
    assert (wrong.value.kind, wrong.value.path) == (kind, path), str(wrong.value)
    assert wrong.value.reason and isinstance(wrong.value, ValueError)


def test_a_misspelt_option_gets_a_suggestion() -> None:
    with pytest.raises(seawall.ConfigError, match="did you mean `attempts`"):
        seawall.retry(atempts=3)
    for name in ("misspelt", None):
        with pytest.raises(seawall.ConfigError, match="`retrry` is not an option here; did you mean `retry`"):
            seawall.policy(name, retrry=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "options",
    [
        {"failures": 0},
        {"failures": 3, "window": {"kind": "count", "size": 10}},
        {"failure_rate": 1.5, "window": {"kind": "count", "size": 10}},
        {"open_for": float("nan")},
        {"open_for": float("inf")},
        {"open_for": -5},
        {"open_for": True},
        {"open_for": object()},
        {"window": {"kind": "count", "size": 0}},
        {"name": "x" * 10_000},
        {"name": ""},
        {"name": "\udc80"},
    ],
)
def test_bad_values_are_refused_at_construction(options: dict[str, Any]) -> None:
    with pytest.raises(seawall.ConfigError):
        seawall.circuit_breaker(**options)


def test_what_is_no_setting_is_told_with_its_place() -> None:
    for options, place, what in [
        ({"retry": {"backoff": {"base": object()}}}, "/policy/odd/retry/backoff/base", "object"),
        ({"fallback": {"chain": ["value", len]}}, "/policy/odd/fallback/chain/1", "builtin_function_or_method"),
    ]:
        with pytest.raises(seawall.ConfigError, match=what) as wrong:
            seawall.policy("odd", **options)
        assert wrong.value.path.startswith(place), str(wrong.value)
    bytes_: Any = {"attempts": b"3"}
    with pytest.raises(seawall.ConfigError) as wrong:
        seawall.policy(retry=bytes_)
    assert (wrong.value.kind, wrong.value.path) == ("wrong_type", "/retry/attempts")


def test_bad_text_is_refused(tmp_path: Any) -> None:
    with pytest.raises(seawall.ConfigError) as wrong:
        seawall.configure("[policy.x\n")
    assert wrong.value.kind == "syntax"
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(seawall.ConfigError) as wrong:
        seawall.configure(binary)
    assert wrong.value.kind == "syntax"
    with pytest.raises(seawall.ConfigError):
        seawall.configure(tmp_path / "missing.toml")


def test_zero_limits_and_absurd_lengths_are_refused() -> None:
    for wrong in (
        lambda: seawall.bulkhead(0),
        lambda: seawall.timeout(0),
        lambda: seawall.timeout(1e12),
        lambda: seawall.retry(cap=1e300),
        lambda: seawall.cached_fallback(ttl=5, size=0),
        lambda: seawall.cost_budget(name="n", limits={}),
        lambda: seawall.policy("p", max_keys=0, breaker=True),
    ):
        with pytest.raises(seawall.ConfigError):
            wrong()


def test_a_policy_from_the_file() -> None:
    with sandbox(config=TOML):
        identity = seawall.policy("identity")

        @identity
        def look_up(token: str) -> str:
            raise ConnectionError

        assert look_up("t") == "guest"
        with pytest.raises(seawall.ConfigError, match="identity"):
            seawall.policy("identify")
        assert seawall.find("identity") is not None and seawall.find("nobody") is None


def test_reload_keeps_state(tmp_path: Any) -> None:
    path = tmp_path / "seawall.toml"
    path.write_text(TOML)
    with sandbox():
        seawall.configure(path)
        identity = seawall.policy("identity")
        identity.open()
        path.write_text(TOML.replace("guest", "nobody"))
        seawall.reload()
        assert identity.state == "open"
        assert identity(lambda: None)() == "nobody"


def test_a_configuration_that_widens_a_bulkhead_lets_its_waiters_in() -> None:
    def toml(limit: int) -> str:
        return f'[policy.widened.bulkhead]\nlimit = {limit}\nmax_wait = "1h"\n'

    seawall.configure(toml(1))
    widened = seawall.policy("widened")
    done = threading.Event()
    with widened.enter():
        waiter = threading.Thread(target=widened(done.set), daemon=True)
        waiter.start()
        while widened.snapshot()["bulkhead"]["queued"] == 0:
            time.sleep(0.001)
        seawall.configure(toml(2))
        assert done.wait(20), "nobody woke the waiter"
        waiter.join()


def test_a_sandbox_knows_the_file_of_the_process(tmp_path: Any) -> None:
    path = tmp_path / "odd=name.toml"
    path.write_text(TOML)
    script = """
import sys, seawall
from seawall.testing import sandbox
if len(sys.argv) > 1:
    seawall.configure(sys.argv[1])
identity = seawall.policy("identity")
with sandbox():
    identity.force_open()
    seawall.policy("identity")
    assert identity.state == "forced_open"
assert identity.state == "closed"
"""
    for arguments, variables in (([str(path)], {}), ([], {"SEAWALL_CONFIG": str(path)})):
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | variables)
        assert done.returncode == 0, done.stderr
