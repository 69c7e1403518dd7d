"""Which kind of callable something is, without loading `inspect` or `asyncio`."""

from __future__ import annotations

import functools
import sys
import types

from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PLAIN = "plain"
COROUTINE = "coroutine"
GENERATOR = "generator"
ASYNC_GENERATOR = "async_generator"

_CO_GENERATOR = 0x20
_CO_COROUTINE = 0x80
_CO_ASYNC_GENERATOR = 0x200
_CO_ITERABLE_COROUTINE = 0x100

_DEFERRED = frozenset({types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType, map, filter})
#: Bases of results that stand for work under way, by the modules that have them.
_DEFERRED_BASES = (("contextlib", "_GeneratorContextManagerBase"), ("concurrent.futures", "Future"))


def is_deferred(kind: type) -> bool:
    """Whether a plain function that returns this hands out work that has not ended: it would run unprotected."""
    if kind in _DEFERRED or hasattr(kind, "__await__"):
        return True
    for module, name in _DEFERRED_BASES:
        # An object of it can only be there if its module is.
        base = getattr(sys.modules.get(module), name, None)
        if base is not None and issubclass(kind, base):
            return True
    return False


#: Results that cannot be work yet to be done: no need to look.
_BARE = frozenset({type(None), bool, int, float, str, bytes, list, tuple, dict, set, frozenset})


def check_result(fn: Any, result: Any) -> None:
    """Refuses work that a plain function handed out instead of doing it."""
    if type(result) not in _BARE and is_deferred(type(result)):
        refuse_deferred(fn, result)


def name_of(fn: Any) -> str:
    """What to call something that has no name of its own."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    name: str = getattr(fn, "__name__", type(fn).__name__)
    return name


def kind_of(fn: Any) -> str:
    """The kind of a callable; raises `UsageError` for what cannot be protected."""
    if isinstance(fn, (staticmethod, classmethod)):
        return kind_of(fn.__func__)
    if isinstance(fn, type):
        raise UsageError(f"cannot protect the class {fn.__qualname__}: decorate its methods, or a function that makes it")
    if not callable(fn):
        hint = f": write the decorator below @{type(fn).__name__}" if hasattr(type(fn), "__get__") else ""
        raise UsageError(f"cannot protect {fn!r}: a function or another callable is needed, not {type(fn).__name__}{hint}")
    while isinstance(fn, (functools.partial, types.MethodType)):
        fn = fn.func if isinstance(fn, functools.partial) else fn.__func__
    code = getattr(fn, "__code__", None)
    if code is None and not isinstance(fn, types.BuiltinFunctionType):
        code = getattr(getattr(type(fn), "__call__", None), "__code__", None)
    flags = getattr(code, "co_flags", 0)
    if flags & (_CO_COROUTINE | _CO_ITERABLE_COROUTINE) or _marked(fn):
        return COROUTINE
    if flags & _CO_ASYNC_GENERATOR:
        return ASYNC_GENERATOR
    return GENERATOR if flags & _CO_GENERATOR else PLAIN


def _marked(fn: Any) -> bool:
    # A mark can only have been made by a module that is loaded.
    inspect = sys.modules.get("inspect")
    if inspect is not None and inspect.iscoroutinefunction(fn):
        return True
    coroutines = sys.modules.get("asyncio.coroutines")
    mark = getattr(coroutines, "_is_coroutine", None)
    return mark is not None and getattr(fn, "_is_coroutine", None) is mark


def refuse_deferred(fn: Any, result: Any) -> None:
    """A plain function gave a coroutine or a generator: nothing was protected, so say so."""
    close = getattr(result, "close", None) or getattr(result, "cancel", None)
    if close is not None:
        close()
    name = getattr(fn, "__qualname__", repr(fn))
    raise UsageError(
        f"{name} is a plain function but returned {type(result).__name__}: its work would run unprotected. "
        "Decorate the function that does the work, or make this one `async def`, or a generator"
    )
