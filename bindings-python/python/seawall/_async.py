"""The driver for coroutines, under asyncio or Trio (and anyio on either)."""

from __future__ import annotations

import sys

from . import _wait
from ._flow import FALL_BACK, FUNCTION, LOOK_UP, QUEUE, RUN, WAIT, Flow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._plan import Plan


def library() -> Any:
    """The module for the event loop that runs this coroutine."""
    global _aio
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        from . import _trio

        return _trio
    if _aio is None:
        from . import _aio as loaded

        _aio = loaded
    return _aio


_aio: Any = None


async def call(plan: Plan, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return await drive(Flow(plan, fn, args, kwargs).open(), attempt)


async def drive(flow: Flow, attempt: Any) -> Any:
    """Carries out the steps of the core until it says that the call is decided."""
    try:
        while True:
            kind = flow.step[0]
            if kind == RUN:
                await attempt(flow)
            elif not await step(flow, kind):
                return flow.finish()
    finally:
        flow.land()
        flow.error = flow.value = None


async def step(flow: Flow, kind: int) -> bool:
    """Any step but an attempt; false when the call is decided."""
    if kind == WAIT:
        flow.retrying()
        await _guarded(flow, _sleep(flow, flow.step[1]))
        flow.rested()
    elif kind == QUEUE:
        await _guarded(flow, _queue(flow))
    elif kind == LOOK_UP:
        await _guarded(flow, _look_up(flow))
    elif kind == FALL_BACK:
        await _guarded(flow, _fall_back(flow))
    else:
        return False
    return True


async def _guarded(flow: Flow, work: Any) -> None:
    try:
        await work
    except BaseException as error:
        flow.give_up(error)
        raise


async def _sleep(flow: Flow, nanos: int) -> None:
    time = flow.plan.registry.time
    if time is None:
        await library().sleep(nanos / 1e9)
    else:
        await time.apass_by(nanos, library())


async def attempt(flow: Flow) -> None:
    _, number, limit, _ = flow.step
    flow.enter(limit)
    try:
        if limit is None:
            value = await flow.fn(*flow.args, **flow.kwargs)
        else:
            done, value = await limited(flow, limit, flow.fn, flow.args, flow.kwargs)
            if not done:
                flow.expired(number)
                return
    except BaseException as error:
        if isinstance(error, _Expired):
            flow.expired(number, error.__cause__)
        else:
            flow.failed(number, error)
    else:
        flow.succeeded(number, value)
    finally:
        flow.leave()


class _Expired(Exception):
    """The work answered our cancellation with an error of its own, its cause."""


async def limited(
    flow: Flow, limit: int, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bool, Any]:
    """Runs at most `limit`; false when time ran out, whatever the work made of its cancellation."""
    time = flow.plan.registry.time
    scope = library().Limit(limit / 1e9 if time is None else None)
    timer = None if time is None else time.at(limit, scope.fire)
    value = None
    try:
        with scope:
            value = await fn(*args, **kwargs)
    except Exception as error:
        if scope.expired:
            raise _Expired from error
        raise
    finally:
        if timer is not None and time is not None:
            time.drop(timer)
    return not scope.expired, value


async def _look_up(flow: Flow) -> None:
    stale = flow.step[1]
    hit = flow.look_up(stale)
    if not hit:
        if (flight := flow.board()) is not None:
            waiter = library().Waiter()
            if flight.join(waiter):
                await waiter.wait(flow.patience())
        # Who flies looks again too: another may have landed since.
        hit = flow.look_up(stale)
    flow.step = flow.call.looked_up(hit)


async def _queue(flow: Flow) -> None:
    ticket = flow.step[1]
    if flow.record is not None:
        flow.record["queued_for"] = flow.step[2]
    waiter = library().Waiter()
    _wait.register(ticket, waiter)
    try:
        # A permit may have been handed over before the registration: ask before each wait.
        while (step := flow.call.woke())[0] == QUEUE and step[1] == ticket:
            flow.plan.registry.deliver()
            if flow.plan.registry.time is not None:
                await flow.plan.registry.time.await_(waiter, step[2])
            else:
                await waiter.wait(None if step[2] is None else step[2] / 1e9)
        flow.step = step
    finally:
        _wait.unregister(ticket, waiter)


async def _fall_back(flow: Flow) -> None:
    _, index, kind, limit = flow.step
    if flow.record is not None:
        flow.record["link"] = index
    if kind != FUNCTION:
        flow.fallback_value(kind)
        flow.step = flow.call.fell_back(True)
        return
    try:
        done, value = await limited(flow, limit or 2**62, _answer, (flow,), {})
    except Exception:
        from ._registry import log_failure

        log_failure("the fallback function failed")
        flow.step = flow.call.fell_back(False)
    else:
        flow.value = value
        flow.step = flow.call.fell_back(done)


async def _answer(flow: Flow) -> Any:
    value = flow.plan.spec.function(flow.cause(), *flow.args, **flow.kwargs)
    return await value if hasattr(value, "__await__") else value
