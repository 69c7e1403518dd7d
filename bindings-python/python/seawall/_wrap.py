"""Decorated functions: a native guard around a function, decided at decoration.

The guard asks the gate, runs the function and tallies its success. What the gate does not answer,
or what does not succeed, it hands to `_drive`. Streams are functions of Python around a plan.
"""

from __future__ import annotations

import functools

from . import _kinds, _native
from .errors import config_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._plan import Plan


def wrap(plan: Plan, fn: Any) -> Any:
    """The protected form of `fn`, of the same kind as `fn`."""
    if isinstance(fn, (staticmethod, classmethod)):
        return type(fn)(wrap(plan, fn.__func__))
    kind = _kinds.kind_of(fn)
    check(plan, fn, kind)
    if kind in (_kinds.GENERATOR, _kinds.ASYNC_GENERATOR) and plan.core.stream_exempt():
        return fn
    protected: Any = _MAKERS[kind](plan, fn)
    functools.update_wrapper(protected, fn)
    if not hasattr(fn, "__name__"):  # a partial, or an object that is called
        protected.__name__ = protected.__qualname__ = _kinds.name_of(fn)
    return protected


def check(plan: Plan, fn: Any, kind: str) -> None:
    """Refuses, at decoration, what could not be kept: a blocking function has no way to be stopped."""
    blocks = kind in (_kinds.PLAIN, _kinds.GENERATOR)
    limited = plan.spec.code_timeout or (kind == _kinds.GENERATOR and plan.spec.code_idle)
    if blocks and limited and plan.core.mode() is None:
        name = getattr(fn, "__qualname__", repr(fn))
        raise config_error(
            "required",
            f"/policy/{plan.core.name}/timeout/mode" if plan.core.name else "/timeout/mode",
            f"{name} blocks, and nothing can stop it at its attempt timeout: say mode=\"cooperative\" (it uses "
            'seawall.remaining()) or mode="abandon" (it is left behind in a thread), or give a deadline instead',
            source="code",
        )


def _plain(plan: Plan, fn: Any) -> Any:
    return _native.guard(fn, plan, plan.port, plan.spec.key, None)


def _coroutine(plan: Plan, fn: Any) -> Any:
    from ._drive import drivers

    return _native.guard(fn, plan, plan.port, plan.spec.key, drivers(fn))


def _generator(plan: Plan, fn: Any) -> Any:
    from . import _streams

    def protected(*args: Any, **kwargs: Any) -> Any:
        used = plan if plan.spec.key is None else plan.for_arguments(args, kwargs)
        return (yield from _streams.iterate(used, fn, args, kwargs))

    return protected


def _async_generator(plan: Plan, fn: Any) -> Any:
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
