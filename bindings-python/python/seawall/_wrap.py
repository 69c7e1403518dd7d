"""Decorated functions: thin Python functions around a plan, decided at decoration.

The wrapper asks the gate (`pass_`), runs the function and tallies its success (`succeed`). Only
what the gate does not answer, or what does not succeed, makes a `Flow`.
"""

from __future__ import annotations

import functools

from . import _async, _context, _kinds, _sync
from ._flow import Flow
from .errors import config_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._plan import Plan

_around = _context.deadline.get
#: Results that carry no status: no need to look.
_BARE = frozenset({type(None), bool, int, float, str, bytes, list, tuple, dict, set, frozenset})


def wrap(plan: Plan, fn: Any) -> Any:
    """The protected form of `fn`, of the same kind as `fn`."""
    if isinstance(fn, (staticmethod, classmethod)):
        return type(fn)(wrap(plan, fn.__func__))
    kind = _kinds.kind_of(fn)
    check(plan, fn, kind)
    if kind in (_kinds.GENERATOR, _kinds.ASYNC_GENERATOR) and plan.core.stream_exempt():
        return fn
    protected: Any = _MAKERS[kind](plan, fn)
    try:
        functools.update_wrapper(protected, fn)
    except AttributeError:
        protected.__wrapped__ = fn
    return protected


def check(plan: Plan, fn: Any, kind: str) -> None:
    """Refuses, at decoration, what could not be kept: a blocking function has no way to be stopped."""
    if kind in (_kinds.PLAIN, _kinds.GENERATOR) and plan.spec.code_timeout and plan.core.mode() is None:
        name = getattr(fn, "__qualname__", repr(fn))
        raise config_error(
            "required",
            f"/policy/{plan.core.name}/timeout/mode" if plan.core.name else "/timeout/mode",
            f"{name} blocks, and nothing can stop it at its attempt timeout: say mode=\"cooperative\" (it uses "
            'seawall.remaining()) or mode="abandon" (it is left behind in a thread), or give a deadline instead',
            source="code",
        )


def _plain(plan: Any, fn: Callable[..., Any]) -> Callable[..., Any]:
    if plan.spec.key is not None and not plan.is_keyed:

        def keyed(*args: Any, **kwargs: Any) -> Any:
            return _plain(plan.for_arguments(args, kwargs), fn)(*args, **kwargs)

        return keyed

    plain_results = plan.spec.bad_result is None

    def protected(*args: Any, **kwargs: Any) -> Any:
        # The pass path keeps no deadline: inside another call's, ask.
        if _around() is not None or (passed := plan.pass_()) is None:
            return _sync.call(plan, _checked(fn), args, kwargs)
        try:
            result = fn(*args, **kwargs)
        except BaseException as error:
            flow = Flow(plan, _checked(fn), args, kwargs).open_after(passed, error)
        else:
            if (plain_results and type(result) in _BARE) or _is_good(plan, fn, result):
                plan.succeed(passed)
                return result
            flow = Flow(plan, _checked(fn), args, kwargs).open_after(passed, None, result)
        return _sync.drive(flow, _sync.attempt)

    return protected


def _is_good(plan: Plan, fn: Callable[..., Any], result: Any) -> bool:
    """Whether a result is no failure; refuses one that is work yet to be done."""
    if type(result) not in _BARE and _kinds.is_deferred(type(result)):
        _kinds.refuse_deferred(fn, result)
    return plan.judge(result) is None


def _checked(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn`, refusing to hand out work that has not begun."""

    def run(*args: Any, **kwargs: Any) -> Any:
        result = fn(*args, **kwargs)
        if type(result) not in _BARE and _kinds.is_deferred(type(result)):
            _kinds.refuse_deferred(fn, result)
        return result

    run.__qualname__ = getattr(fn, "__qualname__", "function")
    return run


def _coroutine(plan: Any, fn: Callable[..., Any]) -> Callable[..., Any]:
    if plan.spec.key is not None and not plan.is_keyed:

        async def keyed(*args: Any, **kwargs: Any) -> Any:
            return await _coroutine(plan.for_arguments(args, kwargs), fn)(*args, **kwargs)

        return keyed

    plain_results = plan.spec.bad_result is None

    async def protected(*args: Any, **kwargs: Any) -> Any:
        if _around() is not None or (passed := plan.pass_()) is None:
            return await _async.call(plan, fn, args, kwargs)
        try:
            result = await fn(*args, **kwargs)
        except BaseException as error:
            flow = Flow(plan, fn, args, kwargs).open_after(passed, error)
        else:
            if (plain_results and type(result) in _BARE) or plan.judge(result) is None:
                plan.succeed(passed)
                return result
            flow = Flow(plan, fn, args, kwargs).open_after(passed, None, result)
        return await _async.drive(flow, _async.attempt)

    return protected


def _generator(plan: Plan, fn: Callable[..., Any]) -> Callable[..., Any]:
    from . import _streams

    def protected(*args: Any, **kwargs: Any) -> Any:
        used = plan if plan.spec.key is None else plan.for_arguments(args, kwargs)
        return (yield from _streams.iterate(used, fn, args, kwargs))

    return protected


def _async_generator(plan: Plan, fn: Callable[..., Any]) -> Callable[..., Any]:
    from . import _streams

    async def protected(*args: Any, **kwargs: Any) -> Any:
        used = plan if plan.spec.key is None else plan.for_arguments(args, kwargs)
        stream = _streams.AsyncStream(used, fn, args, kwargs)
        item = await stream.first()
        while item is not _streams.ENDED:
            try:
                sent = yield item
            except GeneratorExit:
                await stream.close()
                raise
            except BaseException as error:
                item = await stream.resume("athrow", error)
            else:
                item = await (stream.resume("__anext__") if sent is None else stream.resume("asend", sent))

    return protected


_MAKERS = {
    _kinds.PLAIN: _plain,
    _kinds.COROUTINE: _coroutine,
    _kinds.GENERATOR: _generator,
    _kinds.ASYNC_GENERATOR: _async_generator,
}

__all__ = ["check", "wrap"]
