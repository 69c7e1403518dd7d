"""Generators: one attempt from the first item asked for to the end of the stream.

Retried only before the first item. The attempt limit covers the first item, `idle` each gap after
it. Permit and deadline live until the stream ends or is closed; left early it is `cancelled`.
"""

from __future__ import annotations

from . import _async, _context, _sync
from ._flow import ABANDON, RUN, Flow
from .errors import AttemptTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from ._plan import Plan

ENDED: Any = object()
LATE: Any = object()


def iterate(plan: Plan, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Generator[Any, Any, Any]:
    """The items of a protected generator, and its return value."""
    stream = _Stream(Flow(plan, fn, args, kwargs).open())
    try:
        return _sync.drive(stream.flow, stream.first)
    except _FirstItem:
        item = stream.item
    while True:
        try:
            sent = yield item
        except GeneratorExit:
            stream.flow.give_up()
            stream.source.close()
            raise
        except BaseException as error:
            item = stream.resume(stream.source.throw, error)
        else:
            item = stream.resume(stream.source.__next__) if sent is None else stream.resume(stream.source.send, sent)
        if item is ENDED:
            return stream.flow.finish()


class _Stream:
    """A generator under way. Nothing can stop it from outside: it looks at `remaining()` and what comes
    late is not taken, or (`abandon`) it is left behind in a thread."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.source: Any = None
        self.item: Any = None
        self._number = 0

    def first(self, flow: Flow) -> None:
        _, self._number, limit, mode = flow.step
        if mode is None and limit is not None:
            flow.unenforced()
            limit = flow.call.remaining()
        self.source = flow.fn(*flow.args, **flow.kwargs)
        flow.enter(limit)
        try:
            self.item = self._next(limit, self.source.__next__, ())
        finally:
            flow.leave()
        if self.item is LATE:
            flow.expired(self._number)
        elif self.item is not ENDED:
            flow.call.commit()
            raise _FirstItem

    def resume(self, step: Any, *given: Any) -> Any:
        flow = self.flow
        gap, is_idle = _gap(flow)
        if is_idle and flow.plan.core.mode() is None:
            flow.plan.tell_unenforced()
            gap, is_idle = flow.call.remaining(), False
        token = _context.deadline.set(_context.narrowed(flow.plan.registry, gap))
        try:
            item = self._next(gap, step, given)
        finally:
            _context.deadline.reset(token)
        if item is not LATE:
            return item
        if is_idle:
            flow.idled(self._number, _idle_error(flow))
        else:
            flow.expired(self._number)
        return ENDED

    def _next(self, limit: int | None, step: Any, given: tuple[Any, ...]) -> Any:
        """An item, `LATE`, or `ENDED` after the attempt was reported."""
        flow = self.flow
        try:
            if limit is not None and flow.plan.core.mode() == ABANDON and flow.plan.registry.time is None:
                return _sync.in_pool(lambda: step(*given), limit, LATE)
            began = flow.plan.registry.now()
            item = step(*given)
            if limit is None or flow.plan.registry.now() - began <= limit:
                return item
            self.source.close()
            return LATE
        except StopIteration as end:
            flow.succeeded(self._number, end.value)
        except BaseException as error:
            flow.failed(self._number, error)
        return ENDED


def _idle_error(flow: Flow, cause: BaseException | None = None) -> BaseException:
    error = AttemptTimeoutError("the next item of the stream did not come within its idle limit")
    error.limit = (flow.plan.core.idle() or 0) / 1e9
    error.__cause__ = cause
    return error


def _gap(flow: Flow) -> tuple[int | None, bool]:
    """How long the next item may take, and whether that is the idle limit rather than the deadline."""
    idle, left = flow.plan.core.idle(), flow.call.remaining()
    if idle is None or (left is not None and left <= idle):
        return left, False
    return idle, True


class _FirstItem(BaseException):
    """Leaves the loop of the driver: from here on the consumer drives."""


class AsyncStream:
    """The same for an asynchronous generator, one item at a time."""

    def __init__(self, plan: Plan, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._flow = Flow(plan, fn, args, kwargs).open()
        self._source: Any = None
        self._number = 0
        self._in_gap = False

    async def first(self) -> Any:
        flow = self._flow
        while True:
            kind = flow.step[0]
            if kind == RUN:
                if (item := await self._begin()) is not ENDED:
                    return item
            elif not await _async.step(flow, kind):
                flow.finish()
                return ENDED

    async def _begin(self) -> Any:
        _, self._number, limit, _ = self._flow.step
        self._source = self._flow.fn(*self._flow.args, **self._flow.kwargs)
        self._flow.enter(limit)
        try:
            item = await self._item(limit, self._source.__anext__, ())
            if item is not ENDED:
                self._flow.call.commit()
            return item
        finally:
            self._flow.leave()

    async def resume(self, method: str, *given: Any) -> Any:
        flow = self._flow
        gap, self._in_gap = _gap(flow)
        token = _context.deadline.set(_context.narrowed(flow.plan.registry, gap))
        try:
            item = await self._item(gap, getattr(self._source, method), given)
        finally:
            _context.deadline.reset(token)
        if item is ENDED:
            flow.finish()
        return item

    async def _item(self, limit: int | None, step: Any, given: tuple[Any, ...]) -> Any:
        """One item, or `ENDED` after the attempt was reported."""
        flow = self._flow
        try:
            if limit is None:
                return await step(*given)
            arrived, item = await _async.limited(flow, limit, step, given, {})
            if arrived:
                return item
            self._late(None)
        except StopAsyncIteration:
            flow.succeeded(self._number, None)
        except _async._Expired as late:
            self._late(late.__cause__)
        except BaseException as error:
            flow.failed(self._number, error)
        return ENDED

    def _late(self, cause: BaseException | None) -> None:
        if not self._in_gap:
            self._flow.expired(self._number, cause)
            return
        self._flow.idled(self._number, _idle_error(self._flow, cause))

    async def close(self) -> None:
        self._flow.give_up()
        await self._source.aclose()
