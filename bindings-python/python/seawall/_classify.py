"""How an attempt ended, as far as only Python can see it. The tables are the core's.

Order: the user's function, the user's lists, the tables, else `failure`.
"""

from __future__ import annotations

import sys

from . import _native
from .errors import ConfigError, RejectedError, TimedOutError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Judged = tuple[int, "int | None"]
    Kinds = tuple[type[BaseException], ...]

OUTCOMES: dict[str, int] = {name: number for number, name in enumerate(_native.OUTCOMES)}
SUCCESS, FAILURE, TIMEOUT, THROTTLED, PERMANENT, IGNORED, REFUSED, CANCELLED = range(8)

#: The attributes by which an error says more than its class.
WORDS = ("response", "status_code", "status", "code", "retry_after", "headers")
#: The same of a class, with what could answer in their place or keep a note away.
_SAYING = frozenset({*WORDS, "__getattribute__", "__getattr__", "__setattr__", "__class__", "__seawall__"})
#: Types that are remembered, of errors and of results each: beyond that all are forgotten, for a program may make
#: types as it goes.
_MOST = 256
#: Exception types that were looked up in the tables, with what they said.
_known: dict[type, int | None] = {}
#: Modules whose response objects carry a status, and the attribute that holds it.
_RESPONSES = {
    "httpx": "status_code",
    "requests": "status_code",
    "starlette": "status_code",
    "fastapi": "status_code",
    "aiohttp": "status",
    "urllib3": "status",
    "http": "status",
    "urllib": "status",
}
_responses: dict[type, str | None] = {}


def is_cancellation(error: BaseException) -> bool:
    """Whether the caller gave up: judged by the caller's task, not by the error alone."""
    if isinstance(error, Exception):
        return False
    if isinstance(error, BaseExceptionGroup):
        return all(is_cancellation(inner) for inner in error.exceptions)
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and isinstance(error, asyncio.CancelledError):
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return True
        # A task that nobody cancelled met somebody else's cancelled future: an error like any other.
        return task is None or task.cancelling() > 0
    return True


def by_tables(error: BaseException) -> tuple[int, int | None]:
    """What the core's tables say: a status of a response first, then the type and its bases."""
    if isinstance(error, RejectedError):
        return REFUSED, None if error.retry_after is None else round(error.retry_after * 1e9)
    if isinstance(error, TimedOutError):
        return TIMEOUT, None
    if isinstance(error, (ConfigError, UsageError)):
        return IGNORED, None
    status = _status_of(error)
    if status is not None:
        return _native.http_status(status), retry_after_of(error)
    return _by_name(type(error)), retry_after_of(error)


def by_kind(kind: type[BaseException]) -> int | None:
    """What the tables say of every error of a class that has no words of its own; `None`: look at each error."""
    if type(kind) is not type or not issubclass(kind, Exception):
        return None
    bases = (base for base in kind.__mro__ if base not in (BaseException, object))
    return _by_name(kind) if all(_SAYING.isdisjoint(vars(base)) for base in bases) else None


def _by_name(kind: type[BaseException]) -> int:
    if kind not in _known:
        if len(_known) == _MOST:
            _known.clear()
        names = [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]
        _known[kind] = next(filter(lambda found: found is not None, map(_native.error_name, names)), None)
    found = _known[kind]
    return FAILURE if found is None else found


def by_status(result: Any) -> tuple[int, int | None] | None:
    """A response that says no although nothing was raised; `None` for everything else."""
    kind = type(result)
    name = _responses.get(kind, "")
    if name == "":
        if len(_responses) == _MOST:
            _responses.clear()
        root = kind.__module__.partition(".")[0]
        name = _responses[kind] = _RESPONSES.get(root) if "Response" in kind.__name__ else None
    if name is None:
        return None
    status = getattr(result, name, None)
    if type(status) is not int:
        return None
    outcome = _native.http_status(status)
    return None if outcome == SUCCESS else (outcome, retry_after_of(result))


def has_status(kind: type) -> bool:
    """Whether objects of a type that was judged before carry a status."""
    return _responses.get(kind) is not None


def _status_of(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    for holder in (response, error):
        for name in ("status_code", "status", "code"):
            status = getattr(holder, name, None)
            if type(status) is int and 100 <= status <= 599:
                return status
    return None


def retry_after_of(carrier: Any) -> int | None:
    """Nanoseconds that a server asked to wait, from an error or a response; negative: never."""
    direct = getattr(carrier, "retry_after", None)
    if isinstance(direct, (int, float)) and not isinstance(direct, bool) and direct == direct:
        return max(-1, round(min(float(direct), 9e9) * 1e9)) if direct >= 0 else -1
    headers = getattr(getattr(carrier, "response", None), "headers", None) or getattr(carrier, "headers", None)
    get = getattr(headers, "get", None)
    if get is None:
        return None
    text = get("retry-after") or get("Retry-After")
    return None if not isinstance(text, str) else _native.parse_retry_after(text, _unix_now())


def _unix_now() -> int:
    import time

    return int(time.time())


def outcome_number(value: Any) -> int | None:
    """An outcome by name; anything else is a mistake of the user's function."""
    if value is None:
        return None
    number = OUTCOMES.get(value)
    if number is None:
        raise UsageError(f"an outcome is one of {', '.join(OUTCOMES)}, not {value!r}")
    return number


def make(
    on: Any, ignore: Any, classify: Callable[[BaseException], Any] | None
) -> tuple[Callable[[BaseException], tuple[int, int | None]], Callable[[type[BaseException]], int | None]]:
    """The classifier of one policy, and that of classes for errors that have no words of their own."""
    if on is None and ignore is None and classify is None:
        return by_tables, by_kind
    wanted, unwanted = _matcher("on", on), _matcher("ignore", ignore)
    named, unnamed = _kinds_of(on), _kinds_of(ignore)

    def judge(error: BaseException) -> tuple[int, int | None]:
        try:
            if classify is not None:
                said = _said(classify(error), error)
                if said is not None:
                    return said
            if unwanted is not None and unwanted(error):
                return IGNORED, None
            if wanted is None:
                return by_tables(error)
            if not wanted(error):
                return (by_tables(error) if isinstance(error, RejectedError) else (IGNORED, None))
            outcome, hint = by_tables(error)
            return _wanted(outcome), hint
        except Exception:
            from ._registry import log_failure

            log_failure("a classifier failed on %r; the built-in tables decide", type(error).__name__)
            return by_tables(error)

    def of_kind(kind: type[BaseException]) -> int | None:
        said = by_kind(kind)
        if said is None or classify is not None or named is None or unnamed is None:
            return None
        if issubclass(kind, unnamed) or (on is not None and not issubclass(kind, named)):
            return IGNORED
        return said if on is None else _wanted(said)

    return judge, of_kind


def _wanted(outcome: int) -> int:
    """What counts as a failure whatever the tables say of it."""
    return outcome if outcome in (TIMEOUT, THROTTLED) else FAILURE


def make_result(bad_result: Callable[[Any], Any] | None) -> Callable[[Any], tuple[int, int | None] | None]:
    """The judge of results: `None` means success."""
    if bad_result is None:
        return by_status

    def judge(result: Any) -> tuple[int, int | None] | None:
        try:
            said = bad_result(result)
            if said is None or said is False:
                return by_status(result)
            return (FAILURE, retry_after_of(result)) if said is True else _said(said, result)
        except Exception:
            from ._registry import log_failure

            log_failure("a predicate on results failed; the result counts by its status")
            return by_status(result)

    return judge


def _said(said: Any, carrier: Any) -> tuple[int, int | None] | None:
    if isinstance(said, tuple):
        name, seconds = said
        number = outcome_number(name)
        hint = None if seconds is None else (-1 if seconds < 0 else round(seconds * 1e9))
        return None if number is None else (number, hint)
    number = outcome_number(said)
    return None if number is None else (number, retry_after_of(carrier))


def _matcher(option: str, given: Any) -> Callable[[BaseException], bool] | None:
    if given is None:
        return None
    kinds = tuple(given) if isinstance(given, (tuple, list, set, frozenset)) else (given,)
    if all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
        return lambda error: isinstance(error, kinds)
    if callable(given) and not isinstance(given, type):
        return lambda error: bool(given(error))
    from .errors import config_error

    raise config_error(
        "wrong_type", f"/{option}", f"exception types or a function of the error, not {given!r}", source="code"
    )


def _kinds_of(given: Any) -> Kinds | None:
    """The classes that an option lists; `None` where it takes a look at each error."""
    listed = given if isinstance(given, (tuple, list, set, frozenset)) else () if given is None else (given,)
    return tuple(listed) if all(type(kind) is type for kind in listed) else None
