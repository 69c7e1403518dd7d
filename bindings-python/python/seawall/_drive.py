"""What a guard hands over: the coroutines it makes, and calls that did not simply succeed.

Each function gets the plan, the function and its arguments, and the key of the call if its
arguments name one.
"""

from __future__ import annotations

import types

from . import _async, _sync
from ._classify import has_status
from ._flow import Flow
from ._kinds import is_deferred, refuse_deferred

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from . import _native
    from ._plan import Plan

    Args = tuple[Any, ...]
    Kwargs = dict[str, Any]

# -- coroutines --------------------------------------------------------------------------------


# The usual call in as few steps as can be, with as few names: each coroutine has room for all of them. The operators
# are of the native entry: `+entry` is the function if it may run at once, `entry[result]` counts a success.


async def _run(entry: Any) -> Any:
    fn = +entry
    if fn is None:
        return await _ask(entry, (), None)
    try:
        return entry[await fn()]
    except BaseException as error:
        flow = entry.failed(error)
        if flow is None:
            raise
        flow = _failed(entry, (), None, None, flow, error)
    return await _async.drive(flow, _async.attempt)


async def _run_with(entry: Any, args: Args, kwargs: Kwargs | None) -> Any:
    fn = +entry
    if fn is None:
        return await _ask(entry, args, kwargs)
    try:
        return entry[await (fn(*args) if kwargs is None else fn(*args, **kwargs))]
    except BaseException as error:
        flow = entry.failed(error)
        if flow is None:
            raise
        flow = _failed(entry, args, kwargs, None, flow, error)
    return await _async.drive(flow, _async.attempt)


async def _ask(entry: Any, args: Args, kwargs: Kwargs | None) -> Any:
    """A call that `+entry` had no leave for: its key, another step than its attempt, or a driver's question."""
    entry = entry.own()
    fn = entry.function
    how, key, *stands = entry.begin(args, kwargs)
    if how == _RUNS:
        try:
            return entry[await (fn(*args) if kwargs is None else fn(*args, **kwargs))]
        except BaseException as error:
            flow = entry.failed(error)
            if flow is None:
                raise
            flow = _failed(entry, args, kwargs, key, flow, error)
    else:
        flow = _flow(entry.plan, fn, args, kwargs or {}, key)
        if stands:
            flow.call, flow.step = stands
        else:
            flow.open()
    return await _async.drive(flow, _async.attempt)


#: How a call began: see `begin` of the native half.
_RUNS = 1


class Judged(BaseException):
    """A result on its way out of `entry[result]`: it may be a failure, or is not the end of its call."""


def _failed(
    entry: Any, args: Args, kwargs: Kwargs | None, key: str | None, after: tuple[Any, ...], error: BaseException | None
) -> Flow:
    """The flow of a call whose first attempt ended so: see `entry.failed`."""
    flow = _flow(entry.plan, entry.function, args, kwargs or {}, key)
    value = None
    if isinstance(error, Judged):
        value, error = error.args[0], None
    try:
        if len(after) == 2:
            flow.goes_on(*after, error, value)
        elif after:
            flow.runs_under(*after).ended(error, value)
        else:
            flow.passed(entry.words()).ended(error, value)
    finally:
        del error, value  # the traceback holds this frame: they would be part of a cycle
    return flow


def drivers(fn: Any) -> tuple[Callable[..., Coroutine[Any, Any, Any]], Callable[..., Coroutine[Any, Any, Any]]]:
    """The coroutine functions behind a guard of `fn`, without arguments and with; their coroutines bear its name."""
    name = getattr(fn, "__name__", "protected")
    made = types.FunctionType(_run.__code__, globals(), name), types.FunctionType(_run_with.__code__, globals(), name)
    for drive in made:
        drive.__qualname__ = getattr(fn, "__qualname__", name)
    return made


# -- results -----------------------------------------------------------------------------------


def look(plan: Plan, fn: Any, result: Any) -> int:
    """0: the result is a failure, 1: it is not, 2: nothing of its type ever is."""
    kind = type(result)
    if is_deferred(kind):
        refuse_deferred(fn, result)
    if plan.judge(result) is not None:
        return 0
    return 2 if is_always_good(plan, kind) else 1


def is_always_good(plan: Plan, kind: type) -> bool:
    """Whether results of a type that was judged before are never failures, nor work yet to be done."""
    return not (plan.spec.bad_result is not None or has_status(kind) or is_deferred(kind))


# -- blocking calls ----------------------------------------------------------------------------


def _flow(plan: Plan, fn: Any, args: Args, kwargs: Kwargs, key: str | None) -> Flow:
    return Flow(plan if key is None else plan.at(key), fn, args, kwargs)


def ask(plan: Plan, fn: Any, args: Args, kwargs: Kwargs, key: str | None) -> Any:
    """The whole call."""
    return _sync.drive(_flow(plan, fn, args, kwargs, key).open(), _sync.attempt)


def after_pass(
    plan: Plan, fn: Any, args: Args, kwargs: Kwargs, key: str | None,
    passed: bytes, error: BaseException | None, value: Any,
) -> Any:  # fmt: skip
    """A call whose first attempt ran under a pass, and raised `error` or gave a value that is a failure."""
    flow = _flow(plan, fn, args, kwargs, key).passed(passed)
    _ended(flow, error, value)
    del error, value  # the traceback holds this frame: they would be part of a cycle
    return _sync.drive(flow, _sync.attempt)


def go_on(
    plan: Plan, fn: Any, args: Args, kwargs: Kwargs, key: str | None,
    call: _native.Call, step: Any, value: Any, error: BaseException | None,
) -> Any:  # fmt: skip
    """A call that stands at `step`, after an attempt gave `value` or raised `error`, if one ran."""
    flow = _flow(plan, fn, args, kwargs, key)
    flow.goes_on(call, step, error, value)
    del error, value  # the traceback holds this frame: they would be part of a cycle
    return _sync.drive(flow, _sync.attempt)


def ran(
    plan: Plan, fn: Any, args: Args, kwargs: Kwargs, key: str | None,
    call: _native.Call, error: BaseException | None, value: Any,
) -> Any:  # fmt: skip
    """A call whose first attempt was asked for, and raised `error` or gave a value that is a failure."""
    flow = _flow(plan, fn, args, kwargs, key)
    flow.call = call
    _ended(flow, error, value)
    del error, value
    return _sync.drive(flow, _sync.attempt)


def _ended(flow: Flow, error: BaseException | None, value: Any) -> None:
    try:
        flow.ended(error, value)
    finally:
        del error, value


__all__ = ["Judged", "after_pass", "ask", "drivers", "go_on", "is_always_good", "look", "ran"]
