"""The driver for blocking callers."""

from __future__ import annotations

from . import _pool, _wait
from ._flow import ABANDON, FALL_BACK, FUNCTION, LOOK_UP, QUEUE, RUN, WAIT, Flow
from ._kinds import check_result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._plan import Plan


def call(plan: Plan, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return drive(Flow(plan, fn, args, kwargs).open(), attempt)


def drive(flow: Flow, attempt: Any) -> Any:
    """Carries out the steps of the core until it says that the call is decided."""
    try:
        while True:
            kind = flow.step[0]
            if kind == RUN:
                attempt(flow)
            elif not step(flow, kind):
                return flow.finish()
    finally:
        flow.land()
        flow.error = flow.value = None


def step(flow: Flow, kind: int) -> bool:
    """Any step but an attempt; false when the call is decided."""
    if kind == WAIT:
        flow.retrying()
        _guarded(flow, flow.plan.registry.sleep, flow.step[1])
        flow.rested()
    elif kind == QUEUE:
        _guarded(flow, _queue, flow)
    elif kind == LOOK_UP:
        _guarded(flow, _look_up, flow)
    elif kind == FALL_BACK:
        _guarded(flow, _fall_back, flow)
    else:
        return False
    return True


def _guarded(flow: Flow, fn: Any, *args: Any) -> None:
    try:
        fn(*args)
    except BaseException as error:
        # Ctrl-C or the like between attempts: the permits must not stay with a caller who left.
        flow.give_up(error)
        raise


def attempt(flow: Flow) -> None:
    _, number, limit, mode = flow.step
    if mode is None and limit is not None:
        flow.unenforced()
        limit = flow.call.remaining()
    flow.enter(limit)
    try:
        if mode == ABANDON and limit is not None and flow.plan.registry.time is None:
            _in_pool(flow, number, limit)
            return
        value = flow.fn(*flow.args, **flow.kwargs)
        check_result(flow.fn, value)
    except BaseException as error:
        flow.failed(number, error)
    else:
        flow.succeeded(number, value)
    finally:
        flow.leave()


def _in_pool(flow: Flow, number: int, limit: int) -> None:
    fn, args, kwargs = flow.fn, flow.args, flow.kwargs

    def work() -> Any:
        value = fn(*args, **kwargs)
        check_result(fn, value)
        return value

    value = in_pool(work, limit, _LATE)
    if value is _LATE:
        flow.expired(number)
    else:
        flow.succeeded(number, value)


_LATE: Any = object()


def in_pool(work: Any, limit: int, late: Any) -> Any:
    """What `work` returns in a thread, or raises; `late` if that takes longer than `limit`."""
    job = _pool.pool.start(work, limit / 1e9)
    if job is None:
        return late
    try:
        ended = job.wait(limit / 1e9)
    except BaseException:
        _pool.pool.abandon(job)
        raise
    if not ended:
        _pool.pool.abandon(job)
        return late
    if job.error is not None:
        error, job.error = job.error, None
        try:
            raise error
        finally:
            del error  # the traceback holds this frame
    return job.value


def _look_up(flow: Flow) -> None:
    stale = flow.step[1]
    hit = flow.look_up(stale)
    if not hit:
        if (flight := flow.board()) is not None:
            waiter = _wait.ThreadWaiter()
            if flight.join(waiter):
                waiter.wait(flow.patience())
        # Who flies looks again too: another may have landed since.
        hit = flow.look_up(stale)
    flow.step = flow.call.looked_up(hit)


def _queue(flow: Flow) -> None:
    ticket = flow.step[1]
    if flow.record is not None:
        flow.record["queued_for"] = flow.step[2]
    waiter = _wait.ThreadWaiter()
    _wait.register(ticket, waiter)
    try:
        # A permit may have been handed over before the registration: ask before each wait.
        while (step := flow.call.woke())[0] == QUEUE and step[1] == ticket:
            flow.plan.registry.deliver()
            if flow.plan.registry.time is not None:
                flow.plan.registry.time.wait(waiter, step[2])
            else:
                waiter.wait(None if step[2] is None else step[2] / 1e9)
        flow.step = step
    finally:
        _wait.unregister(ticket, waiter)


def _fall_back(flow: Flow) -> None:
    _, index, kind, limit = flow.step
    if flow.record is not None:
        flow.record["link"] = index
    if kind != FUNCTION:
        flow.fallback_value(kind)
        flow.step = flow.call.fell_back(True)
        return
    function = flow.plan.spec.function
    try:
        if limit is not None and flow.plan.registry.time is None and flow.plan.core.mode() == ABANDON:
            job = _pool.pool.start(lambda: function(flow.cause(), *flow.args, **flow.kwargs), limit / 1e9)
            ended = job is not None and job.wait(limit / 1e9)
            if job is not None and not ended:
                _pool.pool.abandon(job)
            if job is None or not ended or job.error is not None:
                flow.step = flow.call.fell_back(False)
                return
            value = job.value
        else:
            value = function(flow.cause(), *flow.args, **flow.kwargs)
    except Exception:
        from ._registry import log_failure

        log_failure("the fallback function failed")
        flow.step = flow.call.fell_back(False)
    else:
        flow.value = value
        flow.step = flow.call.fell_back(True)
