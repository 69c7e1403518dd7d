"""Generators: one attempt from the first item asked for to the end of the stream.

Retried only before the first item. The attempt limit covers the first item, `idle` each gap after
it. Permit and deadline live until the stream ends or is closed; left early it is `cancelled`.
"""

from __future__ import annotations

from . import _async, _context, _sync
from ._flow import RUN, Flow
from .errors import AttemptTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from ._plan import Plan

ENDED: Any = object()


def iterate(plan: Plan, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Generator[Any, Any, Any]:
    """The items of a protected generator, and its return value."""
    flow = Flow(plan, fn, args, kwargs).open()
    source: Any = None
    number = 0
    item: Any = ENDED
    returned: list[Any] = []

    def attempt(flow: Flow) -> None:
        nonlocal source, number, item
        number, limit = flow.step[1], flow.step[2]
        source = fn(*args, **kwargs)
        flow.enter(limit)
        try:
            item = next(source)
        except StopIteration as end:
            flow.succeeded(number, end.value)
        except BaseException as error:
            flow.failed(number, error)
        else:
            flow.call.commit()
            raise _FirstItem
        finally:
            flow.leave()

    try:
        return _sync.drive(flow, attempt)
    except _FirstItem:
        pass
    while True:
        try:
            sent = yield item
        except GeneratorExit:
            flow.give_up()
            source.close()
            raise
        except BaseException as error:
            item = _resume(flow, number, source.throw, (error,), returned)
        else:
            item = _resume(flow, number, source.send if sent is not None else source.__next__,
                           () if sent is None else (sent,), returned)  # fmt: skip
        if item is ENDED:
            return returned[0]


def _resume(flow: Flow, number: int, step: Any, given: tuple[Any, ...], returned: list[Any]) -> Any:
    gap, _ = _gap(flow)
    token = _context.deadline.set(_context.narrowed(flow.plan.registry, gap))
    try:
        return step(*given)
    except StopIteration as end:
        flow.succeeded(number, end.value)
    except BaseException as error:
        flow.failed(number, error)
    finally:
        _context.deadline.reset(token)
    returned.append(flow.finish())
    return ENDED


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
        error = AttemptTimeoutError("the next item of the stream did not come within its idle limit")
        error.limit = (self._flow.plan.core.idle() or 0) / 1e9
        error.__cause__ = cause
        self._flow.idled(self._number, error)

    async def close(self) -> None:
        self._flow.give_up()
        await self._source.aclose()
