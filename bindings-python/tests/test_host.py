"""Policies whose state must be shared with the other processes of the host, on real files."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

import seawall
from seawall.testing import Sandbox


def on(folder: Path) -> Sandbox:
    return Sandbox(config=f'[host]\ndir = "{folder}"\n')


def test_a_required_host_refuses_says_why_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    folder.mkdir()
    folder.chmod(0o755)
    with on(folder) as box:
        breaker = seawall.policy(name="identity", scope="host", host_required=True, breaker={}, bulkhead={"limit": 2})
        call = breaker(lambda: "ran")
        with pytest.raises(seawall.HostUnavailableError, match="identity: not called: the state it shares") as refused:
            call()
        error = refused.value
        assert isinstance(error, seawall.RejectedError)
        assert (error.code, error.policy, error.retry_after, error.attempts) == ("host_unavailable", "identity", None, 0)
        assert error.problem is not None and "`chmod 0700` it" in error.problem and str(folder) in error.problem
        assert error.problem in str(error)

        @breaker
        async def later() -> str:
            return "ran"

        with pytest.raises(seawall.HostUnavailableError):
            asyncio.run(later())
        with pytest.raises(seawall.HostUnavailableError):
            breaker.line_up(0)
        kinds = [event["kind"] for event in box.events()]
        assert kinds.count("internal") == 1 and kinds.count("rejected") == 2
        folder.chmod(0o700)
        end = time.monotonic() + 3
        while True:
            try:
                assert call() == "ran"
                break
            except seawall.HostUnavailableError:
                assert time.monotonic() < end
                time.sleep(0.02)
        assert asyncio.run(later()) == "ran"
        assert [entry.name.split(".")[0] for entry in folder.iterdir()] == ["default"]


def test_without_it_the_process_goes_on_alone(tmp_path: Path) -> None:
    with on(tmp_path / "not" / "there"):
        call = seawall.policy(name="identity", scope="host", breaker={})(lambda: "ran")
        assert call() == "ran"


def test_a_cost_budget_requires_the_host_unless_told_otherwise(tmp_path: Path) -> None:
    with on(tmp_path / "not" / "there"):
        spend = seawall.policy(name="llm", scope="host", cost={"name": "spend", "limits": {"tokens": 10}})
        with pytest.raises(seawall.HostUnavailableError, match="does not exist: create it"):
            spend.reserve(tokens=1)
        alone = seawall.policy(
            name="other", scope="host", host_required=False, cost={"name": "own", "limits": {"tokens": 10}}
        )
        alone.reserve(tokens=1).give_back()
