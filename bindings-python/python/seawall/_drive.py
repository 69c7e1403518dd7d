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
from ._native import enter, leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from . import _native
    from ._plan import Plan

    Args = tuple[Any, ...]
    Kwargs = dict[str, Any]

# -- coroutines --------------------------------------------------------------------------------


async def _run(guard: Any, fn: Any, args: Args, kwargs: Kwargs | None) -> Any:
    passed = enter(guard)
    if passed is None:
        return await _async.call(guard._plan, fn, args, kwargs or {})
    try:
        result = await (fn(*args) if kwargs is None else fn(*args, **kwargs))
    except BaseException as error:
        flow = Flow(guard._plan, fn, args, kwargs or {}).passed(passed)
        flow.ended(error, None)
    else:
        if leave(guard, passed, result):
            return result
        flow = Flow(guard._plan, fn, args, kwargs or {}).passed(passed)
        flow.ended(None, result)
    return await _async.drive(flow, _async.attempt)


async def _run_keyed(guard: Any, fn: Any, args: Args, kwargs: Kwargs | None) -> Any:
    plan = guard._plan.for_arguments(args, kwargs or {})
    return await _async.call(plan, fn, args, kwargs or {})


def driver(fn: Any, keyed: bool) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The coroutine function behind a guard of `fn`; its coroutines bear the name of `fn`."""
    code = (_run_keyed if keyed else _run).__code__
    made = types.FunctionType(code, globals(), getattr(fn, "__name__", "protected"))
    made.__qualname__ = getattr(fn, "__qualname__", made.__name__)
    return made


# -- results -----------------------------------------------------------------------------------


def look(plan: Plan, fn: Any, result: Any) -> int:
    """0: the result is a failure, 1: it is not, 2: nothing of its type ever is.

    `fn` is given where the result must not be work yet to be done.
    """
    kind = type(result)
    deferred = is_deferred(kind)
    if deferred and fn is not None:
        refuse_deferred(fn, result)
    if plan.judge(result) is not None:
        return 0
    return 1 if deferred or plan.spec.bad_result is not None or has_status(kind) else 2


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
    call: _native.Call, step: Any, value: Any,
) -> Any:  # fmt: skip
    """A call that stands at `step`."""
    flow = _flow(plan, fn, args, kwargs, key)
    flow.call, flow.step, flow.value = call, step, value
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
