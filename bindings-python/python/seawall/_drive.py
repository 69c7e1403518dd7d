"""What a guard hands over: the coroutines it makes, and calls that did not simply succeed.

Each function gets the plan, the function and its arguments, and the key of the call if its
arguments name one.
"""

from __future__ import annotations

import sys
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


# The usual call in as few steps as can be, with as few names: each coroutine has room for all of them, and lets go of
# each. `entry` becomes what goes on after a failure. The operators are of the native entry: `+entry` is the function if
# it may run at once, and else raises `Asks`; `entry[result]` counts a success.


async def _run(entry: Any) -> Any:
    try:
        return entry[await (+entry)()]
    except BaseException:
        entry = entry.failed((), None, None)
        if entry is None:
            raise
    return await entry


async def _run_with(entry: Any, args: Args, kwargs: Kwargs | None) -> Any:
    try:
        fn = +entry
        return entry[await (fn(*args) if kwargs is None else fn(*args, **kwargs))]
    except BaseException:
        entry = entry.failed(args, kwargs, None)
        if entry is None:
            raise
    return await entry


class Asks(BaseException):
    """A call cannot begin like that, against what it looked like when it was made. Only `entry.failed` gets it."""


async def ask_in_task(entry: Any, args: Args, kwargs: Kwargs | None) -> Any:
    """A call with a key, with another step before its attempt, or that a driver is to ask for."""
    entry = entry.own()
    fn = entry.function
    how, key, *stands = entry.begin(args, kwargs)
    if how == _RUNS:
        try:
            return entry[await (fn(*args) if kwargs is None else fn(*args, **kwargs))]
        except BaseException:
            entry = entry.failed(args, kwargs, key)
            if entry is None:
                raise
        return await entry
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


def failed(entry: Any, args: Args, kwargs: Kwargs | None, key: str | None, *after: Any) -> Coroutine[Any, Any, Any]:
    """What goes on after a first attempt that ended with the error that is handled now: see `entry.failed`."""
    flow = _flow(entry.plan, entry.function, args, kwargs or {}, key)
    error, value = sys.exception(), None
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
    return _async.drive(flow, _async.attempt)


def drivers(fn: Any) -> tuple[Callable[..., Coroutine[Any, Any, Any]], ...]:
    """The coroutine functions behind a guard of `fn`: without arguments, with, and for calls that `+entry` would not
    let run. Their coroutines bear its name."""
    name = getattr(fn, "__name__", "protected")
    made = tuple(types.FunctionType(drive.__code__, globals(), name) for drive in (_run, _run_with, ask_in_task))
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


__all__ = ["Asks", "Judged", "after_pass", "ask", "ask_in_task", "drivers", "failed", "go_on", "is_always_good", "look", "ran"]
