"""One call: what the drivers for threads, asyncio and Trio have in common.

The core says which step is next; a flow carries it out as far as it needs no waiting, and hands
the rest to its driver. It decides nothing.
"""

from __future__ import annotations

from . import _context
from ._classify import SUCCESS, TIMEOUT, is_cancellation
from ._native import Report
from ._plan import NOTHING
from ._registry import log_failure
from ._store import MISSING
from .errors import InternalError, from_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

    from . import _native
    from ._plan import Plan
    from ._store import Flight

    Step = tuple[Any, ...]

RUN, WAIT, QUEUE, LOOK_UP, FALL_BACK, FINISH = range(6)
SETTLE, CACHED, STALE, FELL_BACK, REFUSED, TIMED_OUT, DEADLINE, GONE = range(8)
VERDICTS = ("settle", "cached", "stale", "fell_back", "refused", "timed_out", "deadline_exceeded", "cancelled")
VALUE, FUNCTION, _, _, EMPTY, FAIL_OPEN, FAIL_CLOSED = range(7)
ABANDON = 1


class Flow:
    __slots__ = (
        "args", "call", "error", "flight", "fn", "found", "inside", "kwargs", "outer", "plan", "record", "step", "store_key", "token", "value",
    )  # fmt: skip

    def __init__(self, plan: Plan, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.plan, self.fn, self.args, self.kwargs = plan, fn, args, kwargs
        self.value: Any = None
        self.error: BaseException | None = None
        self.found: Any = MISSING
        #: The look-up that others wait for while this call runs, and the attempt around this call.
        self.flight: Flight | None = None
        self.outer: Flow | None = _context.attempt.get()
        self.store_key: tuple[Hashable, ...] | None = None
        #: What a test's sandbox keeps of this call.
        self.record: dict[str, Any] | None = None if plan.registry.time is None else plan.registry.time.record()
        self.call: _native.Call
        self.step: Step

    # -- beginning ---------------------------------------------------------------------------

    def open(self) -> Flow:
        """A call from its start."""
        self.call = self.plan.core.call(*self._options())
        self.step = self.call.start()
        return self

    def passed(self, passed: bytes) -> Flow:
        """A call whose first attempt ran on the pass path, and ended in something to report: see `ended`."""
        return self.runs_under(self.plan.core.call_after_pass(passed, *self._options()))

    def runs_under(self, call: _native.Call) -> Flow:
        """The same, of a call that is there already."""
        self.call = call
        if self.record is not None:
            self.record["limits"].append(self.call.remaining())
        return self

    def goes_on(self, call: _native.Call, step: Step, error: BaseException | None, value: Any = None) -> None:
        """A call that stands at `step`, after its attempt raised `error` or gave `value`, if one ran."""
        self.call, self.step, self.error, self.value = call, step, error, value
        try:
            if error is not None:
                self.told_to_wait(error)
        finally:
            del error, value

    def ended(self, error: BaseException | None, value: Any) -> None:
        """The first attempt raised `error`, or gave a value."""
        try:
            if error is not None:
                self.failed(1, error)
            else:
                self.succeeded(1, value)
        finally:
            del error, value

    def _options(self) -> tuple[int | None, bool, list[tuple[str, int]]]:
        spec = self.plan.spec
        cached = False
        if self.plan.store is not None:
            try:
                self.store_key = self.plan.store_key(self.fn, self.args, self.kwargs)
                hash(self.store_key)
                cached = self.store_key[-1] is not None
                self.store_key = self.store_key if cached else None
            except Exception:
                self.store_key = None
                log_failure("no cache key for a call of %s; it goes on without its cache", self.fn)
        estimate = spec.estimate
        if callable(estimate):
            estimate = estimate(*self.args, **self.kwargs)
        left = _context.left()
        if spec.deadline is not None:
            left = spec.deadline if left is None else min(left, spec.deadline)
        return left, cached, list((estimate or {}).items())

    # -- an attempt --------------------------------------------------------------------------

    def unenforced(self) -> None:
        """A blocking attempt has a limit, and nobody said how it is to end there."""
        self.call.unenforced()
        if self.plan.core.has_attempt_limit():
            self.plan.tell_unenforced()

    def enter(self, limit: int | None) -> None:
        """Inside an attempt `remaining()` tells what is left of it."""
        if self.record is not None:
            self.record["limits"].append(limit)
        left = self.call.remaining()
        self.inside = _context.attempt.set(self)
        self.token = _context.deadline.set(_context.narrowed(self.plan.registry, left if limit is None else limit))

    def leave(self) -> None:
        _context.deadline.reset(self.token)
        _context.attempt.reset(self.inside)

    def failed(self, attempt: int, error: BaseException) -> None:
        """An attempt raised. A cancellation goes on at once, after it was reported."""
        if is_cancellation(error):
            self.give_up(error)
            try:
                raise error
            finally:
                # The traceback holds this frame: without this the error would be part of a cycle.
                del error
        outcome, hint = self.plan.classify(error)
        self.error, self.value = error, None
        self.call.error_type(type(error).__name__)
        if not isinstance(error, Exception):
            # A group with an exit request inside: it counts, but nothing may swallow it.
            self.call.commit()
        self.step = self.call.done(attempt, outcome, hint)
        self.told_to_wait(error)

    def told_to_wait(self, error: BaseException) -> None:
        """After an attempt that raised: a timeout that is tried again is told here, one that ends the call at its end."""
        if self.step[0] == WAIT and self.step[3] == TIMEOUT:
            self.hook("on_timeout", error)

    def succeeded(self, attempt: int, value: Any) -> None:
        judged = self.plan.judge(value)
        outcome, hint = judged if judged is not None else (SUCCESS, None)
        self.error, self.value = None, value
        if self.plan.spec.actual is not None and outcome == SUCCESS:
            try:
                self.call.settle_cost(list(self.plan.spec.actual(value).items()))
            except Exception:
                log_failure("`actual` failed; the estimate stands")
        self.step = self.call.done(attempt, outcome, hint)

    def expired(self, attempt: int, error: BaseException | None = None) -> None:
        """Our own limit ran out; the work was cancelled or is left alone."""
        self.error, self.value = error, None
        self.step = self.call.expire(attempt)
        if self.step[0] == WAIT:
            self.hook("on_timeout", self._refusal())

    def idled(self, attempt: int, error: BaseException) -> None:
        """A stream made its consumer wait too long: a timeout of the attempt, not of its first limit."""
        self.error, self.value = error, None
        self.step = self.call.done(attempt, TIMEOUT, None)

    def give_up(self, error: BaseException | None = None) -> None:
        """The caller is gone: permits go back, nothing is counted but a deadline that passed."""
        left = _context.left()
        passed = left is not None and left <= 0
        self.step = self.call.cancelled(passed or getattr(error, "by_deadline", False) is True)
        self._close_record()
        self.plan.registry.deliver()

    # -- the steps between attempts ----------------------------------------------------------

    def retrying(self) -> None:
        """Called before a wait: hooks see it in the caller's context."""
        self.plan.registry.deliver()
        _, span, attempt, _ = self.step
        self.hook("on_retry", attempt, self.error, span / 1e9)

    def rested(self) -> None:
        """After a wait."""
        if self.record is not None:
            self.record["slept"].append(self.step[1])
        self.step = self.call.woke()

    def look_up(self, stale: bool) -> bool:
        store = self.plan.store
        self.found = MISSING if store is None or self.store_key is None else store.look_up(self.store_key, stale)
        return self.found is not MISSING

    def board(self) -> Flight | None:
        """After a miss before the first attempt: the flight of another caller to wait for, if there is one."""
        store, call = self.plan.store, self.call
        if store is None or self.store_key is None or call.attempts() or call.refusal() is not None:
            return None
        flight, flies = store.board(self.store_key)
        if flies:
            self.flight = flight
            return None
        around = self.outer
        while around is not None:
            if around.flight is flight:
                return None  # a call inside the one that flies would wait for itself
            around = around.outer
        return flight

    def patience(self) -> float | None:
        """Seconds that waiting for another caller may take: what the call has left."""
        left = self.call.remaining()
        return None if left is None else left / 1e9

    def land(self) -> None:
        flight, self.flight = self.flight, None
        if flight is not None and self.plan.store is not None:
            self.plan.store.land(self.store_key, flight)

    def fallback_value(self, kind: int) -> None:
        """A link of the chain that needs no function."""
        spec = self.plan.spec
        if kind == VALUE:
            self.value = spec.value if spec.value is not NOTHING else self.plan.core.fallback_value()
        else:
            self.value = {EMPTY: spec.empty, FAIL_OPEN: spec.fail_open, FAIL_CLOSED: spec.fail_closed}[kind]

    def cause(self) -> BaseException:
        """The error that a fallback answers for: the user's own, or the refusal."""
        refusal = self.call.refusal()
        if refusal is not None:
            return from_refusal(refusal, self.plan.core.name)
        return self.error if self.error is not None else InternalError("the call did not succeed")

    def hook(self, name: str, *args: Any) -> None:
        hook = getattr(self.plan.spec, name)
        if hook is not None:
            try:
                hook(*args)
            except Exception:
                log_failure("the hook %s failed", name)

    # -- the end -----------------------------------------------------------------------------

    def finish(self) -> Any:
        """What the call gives its caller: a value, the user's own error, or one of ours."""
        verdict = self.step[1]
        call, plan = self.call, self.plan
        self._close_record()
        store = None if self.store_key is None else plan.store
        if store is not None:
            if call.should_store():
                store.put(self.store_key, self.value)
            elif call.should_forget():
                store.forget(self.store_key)
        plan.registry.deliver()
        if plan.spec.on_slow is not None:
            slow = call.slow()
            if slow is not None:
                self.hook("on_slow", slow / 1e9)
        if verdict == SETTLE:
            return self._settle()
        if verdict in (CACHED, STALE, FELL_BACK):
            self._tell_fallback(verdict)
            return self.value if verdict == FELL_BACK else self.found
        raise self._own_error(verdict)

    def _close_record(self) -> None:
        if self.record is not None:
            call, verdict = self.call, self.step[1] if self.step[0] == FINISH else GONE
            self.record.update(
                verdict=VERDICTS[verdict],
                outcome=call.last_outcome(),
                attempts=call.attempts(),
                reason=call.reason(),
                elapsed=call.elapsed(),
                store=call.should_store(),
                forget=call.should_forget(),
                refusal=call.refusal(),
            )

    def _settle(self) -> Any:
        if self.error is None:
            return self.value
        error, self.error = self.error, None
        note(error, self._report(self.call.reason()))
        try:
            raise error
        finally:
            del error  # as in `failed`

    def _tell_fallback(self, verdict: int) -> None:
        if verdict == STALE:
            import logging

            logging.getLogger("seawall").warning("%s: serving a stale value", self.plan.core.name or "a policy")
        # A value found before the first attempt stands in for nothing.
        if self.plan.spec.on_fallback is not None and (self.error is not None or self.call.refusal() is not None):
            self.hook("on_fallback", self.cause())

    def _own_error(self, verdict: int) -> BaseException:
        cause, self.error = self.error, None
        if verdict == GONE:
            return cause if cause is not None else InternalError("the call was cancelled by nobody")
        error: Any = self._refusal()
        error.attempts, error.elapsed = self.call.attempts(), self.call.elapsed() / 1e9
        # Also where there is no retry that could say so.
        note(error, self._report("refused" if verdict == REFUSED else self.call.reason()))
        error.__cause__ = cause
        if verdict in (TIMED_OUT, DEADLINE):
            self.hook("on_timeout", error)
        ended: BaseException = error
        return ended

    def _refusal(self) -> Any:
        refusal = self.call.refusal()
        if refusal is None:
            return InternalError("the core gave no reason")
        return from_refusal(refusal, self.plan.core.name)

    def _report(self, reason: str | None) -> Report:
        call = self.call
        return Report(call.attempts(), call.elapsed() / 1e9, reason, self.plan.core.name)


def note(error: BaseException, report: Report) -> None:
    try:
        error.__seawall__ = report  # type: ignore[attr-defined]
    except AttributeError:
        pass  # an exception type with slots: it passes as it is


__all__ = ["Flow"]
