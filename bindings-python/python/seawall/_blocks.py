"""Policies as context managers, and retried blocks.

A block cannot be run again, so a policy that retries or falls back is refused at its entry.
"""

from __future__ import annotations

from contextvars import ContextVar

from . import _async, _sync
from ._flow import FINISH, RUN, Flow
from .errors import WrongOrderError, config_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from ._plan import Plan

#: Blocks that are open in this thread or task, innermost last, each with its policy.
open_blocks: ContextVar[tuple[tuple[Any, Block], ...]] = ContextVar("seawall_blocks", default=())


class _Begun(BaseException):
    """Leaves the loop of the driver where the body begins."""


class Block:
    """One entry of a `with` or `async with` block."""

    def __init__(self, plan: Plan) -> None:
        parts = plan.core.parts()
        for part, instead in (("retry", "`for attempt in policy.attempts():`"), ("fallback", "`policy.call(fn)`")):
            if part in parts:
                raise config_error(
                    "conflict", f"/{part}", f"a `with` block cannot be run again or replaced: use {instead}", source="code"
                )
        self._flow = Flow(plan, None, (), {})
        self._number = 0
        self._limit: Any = None

    def __enter__(self) -> Block:
        from ._wrap import check

        flow = self._flow
        check(flow.plan, "this block", "plain")
        flow.open()
        try:
            _sync.drive(flow, self._begin)
        except _Begun:
            flow.enter(flow.step[2])
        return self

    def _begin(self, flow: Flow) -> None:
        self._number = flow.step[1]
        raise _Begun

    async def _abegin(self, flow: Flow) -> None:
        self._begin(flow)

    def __exit__(self, kind: Any, error: BaseException | None, traceback: TracebackType | None) -> bool:
        self._flow.leave()
        return self._end(error)

    def _end(self, error: BaseException | None) -> bool:
        flow = self._flow
        try:
            if error is None:
                flow.succeeded(self._number, None)
            else:
                flow.failed(self._number, error)
            flow.finish()
        except BaseException as ended:
            if ended is not error:
                raise
        return False

    async def __aenter__(self) -> Block:
        flow = self._flow
        flow.open()
        try:
            await _async.drive(flow, self._abegin)
        except _Begun:
            limit = flow.step[2]
            flow.enter(limit)
            if limit is not None:
                time = flow.plan.registry.time
                scope = _async.library().Limit(limit / 1e9 if time is None else None)
                timer = None if time is None else time.at(limit, scope.fire)
                scope.__enter__()
                self._limit = scope, timer
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, traceback: TracebackType | None) -> bool:
        flow = self._flow
        expired = swallowed = False
        if self._limit is not None:
            (scope, timer), self._limit = self._limit, None
            if timer is not None and flow.plan.registry.time is not None:
                flow.plan.registry.time.drop(timer)
            swallowed = scope.__exit__(kind, error, traceback)
            expired = scope.expired
        flow.leave()
        if expired:
            flow.expired(self._number, None if swallowed else error)
            flow.finish()
        return self._end(error)


class Attempt:
    """One attempt of a retried block: `with attempt: ...`."""

    def __init__(self, attempts: _Attempts, number: int) -> None:
        self._attempts = attempts
        #: Counts from 1.
        self.num = number

    def __enter__(self) -> Attempt:
        flow = self._attempts.flow
        self._attempts.entered = True
        flow.enter(flow.step[2])
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: TracebackType | None) -> bool:
        flow = self._attempts.flow
        flow.leave()
        try:
            if error is None:
                flow.succeeded(self.num, None)
            else:
                flow.failed(self.num, error)
            if flow.step[0] != FINISH:
                return True
            self._attempts.over = True
            flow.finish()
        except BaseException as ended:
            self._attempts.over = True
            if ended is not error:
                raise
            return False
        return error is not None


class _Attempts:
    """Iterates over the attempts of one call; also with `async for`."""

    def __init__(self, plan: Plan) -> None:
        self.flow = Flow(plan, None, (), {})
        self.entered = True
        self.over = False
        self._opened = False

    def _next(self) -> Attempt | None:
        """The next attempt, if it can begin without waiting."""
        if not self.entered:
            raise WrongOrderError("the last attempt was never run: write `with attempt:` inside the loop")
        if not self._opened:
            self._opened = True
            self.flow.open()
        if self.flow.step[0] != RUN:
            return None
        self.entered = False
        return Attempt(self, self.flow.step[1])

    def _over(self) -> None:
        self.over = True
        self.flow.finish()

    def __iter__(self) -> _Attempts:
        return self

    def __next__(self) -> Attempt:
        while not self.over:
            if (attempt := self._next()) is not None:
                return attempt
            if not _sync.step(self.flow, self.flow.step[0]):
                self._over()
        raise StopIteration

    def __aiter__(self) -> _Attempts:
        return self

    async def __anext__(self) -> Attempt:
        while not self.over:
            if (attempt := self._next()) is not None:
                return attempt
            if not await _async.step(self.flow, self.flow.step[0]):
                self._over()
        raise StopAsyncIteration


def attempts(plan: Plan) -> _Attempts:
    if "fallback" in plan.core.parts():
        raise config_error("conflict", "/fallback", "a block has no value to replace: use `policy.call(fn)`", source="code")
    return _Attempts(plan)
