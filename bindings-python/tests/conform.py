"""The behaviour vectors through the public API: `python tests/conform.py --dir DIR`.

Every vector runs twice, with blocking functions and with coroutines; it passes if both do. The
format is explained in `tests/vectors/README.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections import deque
from pathlib import Path
from typing import Any

import seawall
from seawall.testing import CallerGone, Sandbox

from conform_attempts import Attempts
from conform_words import FOUND, Ended, Mismatch, Span, check, classify, given, hint_of, length, seconds, spans


class World:
    """One vector on one sandbox, with everything that its steps have named."""

    def __init__(self, vector: dict[str, Any], box: Sandbox, coroutines: bool) -> None:
        self.box, self.coroutines = box, coroutines
        config = json.loads(json.dumps(vector.get("policy", {})))
        timeout = config.get("timeout")
        if not coroutines and isinstance(timeout, dict):
            # A blocking function must say how it ends; the scripts look at the clock, so: by itself.
            timeout.setdefault("mode", "cooperative")
        self.loop = asyncio.new_event_loop() if coroutines else None
        self.step_now: dict[str, Any] = {}
        self.policy = seawall.Policy.from_config(
            config, classify=classify, function=self.answer, cache_key=self.cache_key, estimate=self.estimate
        )
        seawall.set_enabled(vector.get("enabled", True))
        self.keyed: dict[str, seawall.Policy] = {}
        self.permits: dict[str, seawall.Permit] = {}
        self.places: dict[str, seawall.BulkheadPlace] = {}
        self.reservations: dict[str, seawall.CostReservation] = {}
        self.schedule: seawall.RetrySchedule | None = None
        self.retries: deque[int] = deque()
        self.last_cost: int | None = None
        self.woken: list[str] = []

    def close(self) -> None:
        if self.loop is not None:
            self.loop.close()

    # What the runner's functions answer to the policy; they know the step by its being the newest.

    def answer(self, error: BaseException, *_: Any) -> str:
        answers = self.step_now.get("fallback", [])
        record = self.box.calls_so_far()[-1]
        if record["link"] < len(answers) and not answers[record["link"]]:
            raise ConnectionError("this link gives nothing")
        return "an answer"

    def cache_key(self, *_: Any) -> str | None:
        return "key" if "cache" in self.step_now else None

    def estimate(self, *_: Any) -> dict[str, int]:
        found: dict[str, int] = self.step_now.get("estimate", {})
        return found

    def run(self, steps: list[dict[str, Any]]) -> None:
        for number, step in enumerate(steps, 1):
            try:
                self.step(step)
            except Exception as error:
                said = error if isinstance(error, Mismatch) else f"{type(error).__name__}: {error}"
                raise Mismatch(f"step {number} ({step.get('do')}): {said}") from error

    def step(self, step: dict[str, Any]) -> None:
        if "at" in step:
            self.move(max(0, length(step["at"]) - round(self.box.now * 1e9)))
        if "advance" in step:
            self.move(length(step["advance"]))
        shown: dict[str, Any] = {}
        if step["do"] == "call":
            self.call(step, shown)
        elif step["do"] != "observe":
            getattr(self, "do_" + step["do"])(step, self.policy_of(step), shown)
        expected = step.get("expect")
        if expected is None:
            return
        self.show_state(step, shown)
        # Those of steps that expect nothing gather until the next one that does.
        shown["events"] = [event["kind"] for event in self.box.recorded()]
        check(expected, shown)

    def move(self, nanos: int) -> None:
        self.box.advance_nanos(nanos)

    def policy_of(self, step: dict[str, Any]) -> seawall.Policy:
        if "key" not in step:
            return self.policy
        if step["key"] not in self.keyed:
            self.keyed[step["key"]] = self.policy.key(step["key"])
        return self.keyed[step["key"]]

    def show_state(self, step: dict[str, Any], shown: dict[str, Any]) -> None:
        snapshot = self.policy_of(step).snapshot()
        breaker = snapshot.get("breaker")
        if breaker is not None:
            shown.update({key: value for key, value in breaker.items() if key not in ("totals", "last_transition")})
            shown["open_remaining"] = spans(breaker["open_remaining_ns"])
            shown.setdefault("retry_after", spans(breaker["retry_after_ns"]))
            shown["last_reason"] = (breaker["last_transition"] or {}).get("reason")
            for key, value in breaker["totals"].items():
                shown[key if key in ("stale", "reclaimed", "transitions") else f"total_{key}"] = value
        if "bulkhead" in snapshot:
            shown |= {key: snapshot["bulkhead"][key] for key in ("in_use", "queued", "limit", "available")}
        if "budget" in snapshot:
            budget = snapshot["budget"]
            shown |= {"balance": budget["balance"], "active_retries": budget["active_retries"],
                      "budget_limit": budget["limit"]}  # fmt: skip
        if "cost" in snapshot:
            amounts = [entry for budget in snapshot["cost"].values() for entry in budget.items()]
            shown["used"] = {name: amount["used"] for name, amount in amounts}

    # -- breaker -----------------------------------------------------------------------------

    def do_acquire(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        shown["permitted"] = True
        try:
            permit = policy.acquire()
        except seawall.RejectedError as error:
            self.refused(error, shown)
        else:
            self.permits[step.get("as", f"unnamed {len(self.permits)}")] = permit

    def refused(self, error: seawall.RejectedError, shown: dict[str, Any]) -> None:
        after = error.retry_after
        shown |= {"permitted": False, "refused": error.code, "retry_after": None if after is None else Span(round(after * 1e9))}

    def do_record(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        took = seconds(given(step, "took") or 0)
        self.permits[step["of"]].record(step.get("outcome", "success"), took=took, retry_after=hint_of(step))

    def do_run(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        outcome, took = step.get("outcome", "success"), given(step, "took") or 0
        permitted, nothing = 0, policy(lambda: None)
        for _ in range(step.get("times", 1)):
            try:
                if outcome == "success" and not took:
                    nothing()
                else:
                    policy.acquire().record(outcome, took=seconds(took), retry_after=hint_of(step))
                permitted += 1
            except seawall.RejectedError as error:
                self.refused(error, shown)
        shown["permitted"] = permitted

    def do_control(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        to = step["to"]
        if to == "open_for":
            policy.open(seconds(length(step["for"])))
        elif to == "open_until":
            policy.open(until=seconds(length(step["until"])))
        else:
            getattr(policy, to)()

    # -- retry schedule and budget -----------------------------------------------------------

    def do_next_delay(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        if "rand" in step:
            self.box.random(step["rand"])
        if self.schedule is None:
            self.schedule = policy.schedule()
        elapsed = given(step, "elapsed")
        said = self.schedule.next_delay(
            step.get("outcome", "failure"),
            retry_after=hint_of(step),
            elapsed=None if elapsed is None else seconds(elapsed),
        )
        shown |= {"stop": said} if isinstance(said, str) else {"delay": Span(round(said * 1e9))}

    def budget(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        budget, granted = policy.budget(), 0
        for _ in range(step.get("times", 1)):
            match step["do"]:
                case "begin":
                    budget.begin()
                case "end":
                    budget.end()
                case "withdraw":
                    cost = budget.withdraw(step.get("outcome", "failure"))
                    if cost is not None:
                        self.retries.append(cost)
                        self.last_cost = cost
                        granted += 1
                case "retry_end":
                    budget.retry_end(self.retries.popleft())
                case _:
                    budget.succeed(self.last_cost if step.get("after_retry") else None)
        if step["do"] == "withdraw":
            shown["granted"] = granted

    do_begin = do_end = do_withdraw = do_retry_end = do_succeed = budget

    # -- bulkhead ----------------------------------------------------------------------------

    def do_enter(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        name, wait = step["as"], step.get("max_wait")
        max_wait = None if wait is None else float("inf") if wait == "none" else seconds(length(wait))
        try:
            place = policy.line_up(max_wait)
        except seawall.RejectedError as error:
            shown["result"] = error.code
            return
        self.places[name] = place
        place.when_woken(lambda: self.woken.append(name))
        shown["result"] = "admitted" if place.inside else "queued"

    def do_poll(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        try:
            shown["result"] = "admitted" if self.places[step["of"]].poll() else "waiting"
        except seawall.RejectedError as error:
            shown["result"] = error.code

    def do_leave(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        self.places[step["of"]].release()
        self.admitted(shown)

    do_cancel = do_leave

    def do_resize(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        policy.resize(step["limit"])
        self.admitted(shown)

    def admitted(self, shown: dict[str, Any]) -> None:
        woken, self.woken = self.woken, []
        shown["admitted"] = []
        for name in woken:
            try:
                if self.places[name].poll():
                    shown["admitted"].append(name)
            except seawall.BulkheadFullError:
                continue

    # -- cost --------------------------------------------------------------------------------

    def do_reserve(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        try:
            self.reservations[step["as"]] = policy.reserve(**step.get("amounts", {}))
            shown["result"] = "ok"
        except seawall.RejectedError as error:
            self.refused(error, shown)
            shown["result"] = error.code

    def do_settle(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        self.reservations.pop(step["of"]).settle(**step.get("amounts", {}))

    def do_give_back(self, step: dict[str, Any], policy: seawall.Policy, shown: dict[str, Any]) -> None:
        self.reservations.pop(step["of"]).give_back()

    # -- whole calls -------------------------------------------------------------------------

    def call(self, step: dict[str, Any], shown: dict[str, Any]) -> None:
        self.box.random(*step.get("rand", []))
        policy = self.policy_of(step)
        if "deadline" in step:
            policy = policy.within(seconds(length(step["deadline"])))
        outer, self.step_now = self.step_now, step
        attempts = Attempts(self, step)
        fn = attempts.function(self.coroutines)
        policy.forget()
        if step.get("cache", {}).get("fresh"):
            policy.remember(fn, FOUND)
        elif step.get("cache", {}).get("stale"):
            policy.remember(fn, FOUND, age=self.stale_age())
        self.box.on_wait(attempts.wait)
        before, began = len(self.box.calls_so_far()), self.box.now
        error: BaseException | None = None
        try:
            attempts.drive(policy, fn)
        except (seawall.SeawallError, Ended, CallerGone) as ended:
            error = ended
        finally:
            self.step_now = outer
        records = self.box.calls_so_far()
        if len(records) > before:
            self.show_call(records[before], shown)
        elif error is None:
            # The pass path: nothing was asked of the core but its gate.
            shown |= {"verdict": "settle", "outcome": "success", "attempts": 1, "reason": None, "slept": [],
                      "limits": [None], "elapsed": Span(round((self.box.now - began) * 1e9)), "refused": None,
                      "store": False, "forget": False, "link": None, "queued_for": None}  # fmt: skip

    def stale_age(self) -> float:
        return self.policy.cache_ttl + 1e-9

    def show_call(self, record: dict[str, Any], shown: dict[str, Any]) -> None:
        shown |= {key: record[key] for key in ("verdict", "outcome", "attempts", "reason", "store", "forget", "link")}
        shown["slept"] = [Span(nanos) for nanos in record["slept"]]
        shown["limits"] = [spans(nanos) for nanos in record["limits"]]
        shown["queued_for"] = spans(record["queued_for"])
        shown["elapsed"] = Span(record["elapsed"])
        refusal = record["refusal"]
        shown["refused"] = refusal and refusal["code"]
        if refusal:
            after = refusal["retry_after"]
            shown["retry_after"] = None if after is None else Span(round(after * 1e9))


def configuration(vector: dict[str, Any]) -> None:
    """A vector without steps: does this configuration build, and if not, where is the mistake?"""
    with Sandbox(environment=vector.get("environment")):
        shown: dict[str, Any] = {"ok": True}
        try:
            if "toml" in vector:
                seawall.configure(vector["toml"] + "\n", name="seawall.toml")
            if "policy" in vector:
                seawall.Policy.from_config(vector["policy"])
            elif "policy_name" in vector:
                seawall.policy(vector["policy_name"])
        except seawall.ConfigError as error:
            found = {"code": error.kind, "path": error.path, "suggestion": error.suggestion, "reason": error.reason}
            shown = {"ok": False, "error": found | {"source": error.source}}
    check(vector["expect"], shown)


def run_file(path: Path) -> None:
    vector = json.loads(path.read_text(encoding="utf-8"))
    if "steps" not in vector:
        configuration(vector)
        return
    for coroutines in (False, True):
        with Sandbox(seed=vector.get("seed", 1), config=vector.get("toml")) as box:
            world = World(vector, box, coroutines)
            try:
                world.run(vector["steps"])
            except Mismatch as error:
                raise Mismatch(f"{'coroutines' if coroutines else 'blocking'}: {error}") from error
            finally:
                world.close()


def main() -> int:
    # Links that fail, and stale values, are what many vectors are about: no news here.
    logging.getLogger("seawall").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", type=Path, required=True)
    failed = passed = 0
    for path in sorted(parser.parse_args().dir.rglob("*.json")):
        try:
            run_file(path)
            passed += 1
        except Exception as error:
            failed += 1
            print(f"{path}: {error if isinstance(error, Mismatch) else repr(error)}")
    print(json.dumps({"lang": "python", "passed": passed, "failed": failed, "exempt": 0}, separators=(",", ":")))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
