"""Policy objects: decorators, context managers, callers and the parts of a policy by hand."""

from __future__ import annotations

from . import _options, _registry
from ._kinds import COROUTINE, PLAIN, kind_of
from ._plan import Plan, Spec
from ._wrap import check, wrap
from .errors import UsageError, WrongOrderError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType
    from typing import Any, ParamSpec, Self, TypeVar

    from . import _async, _blocks, _permits, _sync
    from ._permits import BulkheadPlace, CostReservation, Permit, RetryBudget, RetrySchedule

    P = ParamSpec("P")
    R = TypeVar("R")
    F = TypeVar("F", bound=Callable[..., Any])

#: Keywords of the host's half; everything else belongs to the schema of the core.
HOST = frozenset(
    {"on", "ignore", "classify", "bad_result", "key", "cache_key", "estimate", "actual", "on_retry", "on_timeout",
     "on_fallback", "on_slow"}
)  # fmt: skip


class Policy:
    """An immutable composition of parts. Decorate with it, enter it, or call through it.

    Any number of threads, tasks and nested blocks may use one policy at the same time.
    """

    __slots__ = ("__weakref__", "_plan")

    def __init__(self, plan: Plan) -> None:
        _load_drivers()
        self._plan = plan

    @classmethod
    def _build(cls, config: Mapping[str, Any] | None, name: str | None, host: Mapping[str, Any]) -> Self:
        given = {key: value for key, value in host.items() if value is not None}
        if config is None:
            assert name is not None
            return cls(Plan(("named", name), _spec(given)))
        timeout = config.get("timeout")
        if timeout is not None:
            given["code_timeout"] = _limits_attempts(timeout)
            given["code_idle"] = isinstance(timeout, dict) and timeout.get("idle") is not None
        return cls(Plan(("policy", _json(config)), _spec(given)))

    @classmethod
    def from_config(cls, config: Mapping[str, Any], **host: Any) -> Self:
        """A policy from plain data in the shape of one `[policy.NAME]` table, with its `name` inside.

        Durations are text with a unit here (`"250ms"`), as in the file.
        """
        return cls._build(config, None, host)

    # -- use ---------------------------------------------------------------------------------

    def __call__(self, fn: F) -> F:
        """Protects a function, coroutine function, generator, async generator or method."""
        return wrap(self._plan, fn)  # type: ignore[no-any-return]

    def call(self, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls a blocking function under this policy."""
        if kind_of(fn) != PLAIN:
            raise UsageError("call() is for blocking functions: use `await policy.acall(fn)`, or decorate a generator")
        check(self._plan, fn, PLAIN)
        return _sync.call(self._for(args, kwargs), fn, args, kwargs)  # type: ignore[no-any-return]

    async def acall(self, fn: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Awaits a coroutine function, or any function that gives an awaitable, under this policy."""
        if kind_of(fn) not in (COROUTINE, PLAIN):
            raise UsageError("acall() is for coroutine functions: decorate a generator instead")
        return await _async.call(self._for(args, kwargs), fn, args, kwargs)  # type: ignore[no-any-return]

    def _for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        return self._plan if self._plan.spec.key is None else self._plan.for_arguments(args, kwargs)

    def key(self, key: str) -> Policy:
        """The same policy on the cells of one key (a model, a tenant, a host)."""
        return type(self)(self._plan.keyed(key))

    def within(self, deadline: Any = None, *, estimate: Mapping[str, int] | None = None) -> Policy:
        """The same policy for callers with a deadline of their own (seconds), or a cost estimate."""
        changes: dict[str, Any] = {}
        if deadline is not None:
            changes["deadline"] = _options.nanos(deadline)
        if estimate is not None:
            changes["estimate"] = dict(estimate)
        return type(self)(self._plan.with_spec(**changes))

    def block(self) -> _blocks.Block:
        """One protected block: `with policy.block():` or `async with policy.block():`."""
        return _blocks.Block(self._plan)

    def attempts(self) -> _blocks._Attempts:
        """The attempts of one retried block: `for attempt in policy.attempts(): with attempt: ...`."""
        return _blocks.attempts(self._plan)

    def __enter__(self) -> Self:
        self._push(_blocks.Block(self._plan).__enter__())
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: TracebackType | None) -> bool:
        return self._pop().__exit__(kind, error, traceback)

    async def __aenter__(self) -> Self:
        self._push(await _blocks.Block(self._plan).__aenter__())
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, traceback: TracebackType | None) -> bool:
        return await self._pop().__aexit__(kind, error, traceback)

    def _push(self, block: _blocks.Block) -> None:
        _blocks.open_blocks.set((*_blocks.open_blocks.get(), (self, block)))

    def _pop(self) -> _blocks.Block:
        blocks = _blocks.open_blocks.get()
        for index in range(len(blocks) - 1, -1, -1):
            if blocks[index][0] is self:
                _blocks.open_blocks.set(blocks[:index] + blocks[index + 1 :])
                return blocks[index][1]
        raise WrongOrderError("a block was left in another context than it was entered in: use policy.block()")

    # -- looking -----------------------------------------------------------------------------

    @property
    def name(self) -> str | None:
        return self._plan.core.name

    @property
    def enabled(self) -> bool:
        return self._plan.core.enabled()

    @property
    def cache_ttl(self) -> float:
        """Seconds that a cached value is fresh; 0 without a cache."""
        cache = self._plan.core.cache()
        return 0.0 if cache is None else cache[0] / 1e9

    @property
    def state(self) -> str | None:
        """The state of the circuit, with a due transition applied; `None` without a breaker."""
        return self._plan.core.state()

    def snapshot(self) -> dict[str, Any]:
        """All counts of all parts, as plain data."""
        import json

        found: dict[str, Any] = json.loads(self._plan.core.snapshot_json())
        return found

    def __repr__(self) -> str:
        name = self.name
        return f"<seawall.{type(self).__name__} {name or 'without a name'} ({', '.join(self._plan.core.parts())})>"

    # -- parts by hand -----------------------------------------------------------------------

    def acquire(self) -> Permit:
        """A permit of the breaker, to be reported; raises `CircuitOpenError`."""
        return _permits.Permit(self._plan, self._plan.core.acquire())

    def enter(self, max_wait: Any = None) -> BulkheadPlace:
        """A place in the bulkhead, waiting in the calling thread; raises `BulkheadFullError`."""
        return _permits.enter(self._plan, max_wait)

    async def aenter(self, max_wait: Any = None) -> BulkheadPlace:
        """A place in the bulkhead, waiting in the event loop."""
        return await _permits.aenter(self._plan, max_wait)

    def line_up(self, max_wait: Any = None) -> BulkheadPlace:
        """A place in the bulkhead or in its queue, without waiting; `inf` queues without limit."""
        return _permits.BulkheadPlace(self._plan.core.enter(*_permits.wait_of(max_wait)))

    def budget(self) -> RetryBudget:
        """The retry budget of this policy."""
        return _permits.RetryBudget(self._plan.core.budget())

    def schedule(self) -> RetrySchedule:
        """The delays that a call of this policy would wait, one after the other."""
        return _permits.RetrySchedule(self._plan.core.schedule())

    def reserve(self, **amounts: int) -> CostReservation:
        """Takes amounts from the cost budgets, to be settled; raises `CostExceededError`."""
        return _permits.CostReservation(self._plan.core.reserve(_options.amounts(amounts)))

    def resize(self, limit: int) -> None:
        """Changes the limit of the bulkhead: growing admits waiters, shrinking takes permits as they return."""
        self._plan.core.resize(limit)

    def open(self, seconds: Any = None, *, until: Any = None) -> None:
        """Opens the circuit: for the configured time, for `seconds`, or until `time.monotonic()` is `until`."""
        if until is not None:
            self._plan.core.control("open_until", _options.nanos(until))
        else:
            self._plan.core.control("open", None if seconds is None else _options.nanos(seconds))
        self._plan.registry.deliver()

    def _control(self, what: str) -> None:
        self._plan.core.control(what, None)
        self._plan.registry.deliver()

    def half_open(self) -> None:
        self._control("half_open")

    def close(self) -> None:
        self._control("close")

    def force_open(self) -> None:
        """Opens the circuit until somebody ends it."""
        self._control("force_open")

    def disable(self) -> None:
        """Lets everything through and records nothing."""
        self._control("disable")

    def metrics_only(self) -> None:
        """Lets everything through and records."""
        self._control("metrics_only")

    def reset(self) -> None:
        """Empties the statistics and closes the circuit."""
        self._control("reset")

    def remember(self, fn: Callable[..., Any], value: Any, *args: Any, age: Any = 0, **kwargs: Any) -> None:
        """Puts a value into the cache, as if `fn` had returned it for these arguments `age` seconds ago."""
        plan = self._for(args, kwargs)
        if plan.store is None:
            raise plan.core.lacks("cache")
        plan.store.put(plan.store_key(fn, args, kwargs), value, _options.nanos(age))

    def forget(self) -> None:
        """Empties the cache of this policy."""
        store = self._plan.store
        if store is not None:
            store.clear()


def _load_drivers() -> None:
    """What runs calls is loaded with the first policy: to import the package alone is to be quick, and a call
    imports nothing."""
    global _async, _blocks, _permits, _sync
    from . import _async, _blocks, _permits, _sync


#: What policies have whose caller gave nothing but options of the core.
_PLAIN_SPEC = Spec()


def _spec(given: dict[str, Any]) -> Spec:
    return Spec(**given) if given else _PLAIN_SPEC


def _limits_attempts(timeout: Any) -> bool:
    if isinstance(timeout, dict):
        return not {"attempt", "operation", "adaptive"}.isdisjoint(timeout)
    return isinstance(timeout, str)  # the short form


def _json(config: Mapping[str, Any]) -> str:
    import json

    try:
        return json.dumps(config)
    except (TypeError, ValueError, UnicodeError, RecursionError) as error:
        from .errors import config_error

        named = config.get("name")
        root = _join("/policy", named) if isinstance(named, str) else ""
        place, what = _unfit(config, root) or ("", str(error))
        raise config_error("wrong_type", place, f"not plain data: {what}", source="code") from None


def _unfit(value: Any, place: str) -> tuple[str, str] | None:
    """Where in a configuration something stands that is no setting, and what it is."""
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list | tuple):
        inner = list(enumerate(value))
    else:
        return None if isinstance(value, str | int | float | None) else (place, type(value).__name__)
    return next(filter(None, (_unfit(each, _join(place, key)) for key, each in inner)), None)


def _join(place: str, key: object) -> str:
    return f"{place}/" + str(key).replace("~", "~0").replace("/", "~1")


def config_of(name: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The code layer of a policy: its name and what was given, durations as text."""
    config = _options.plain(options)
    if name is not None:
        config["name"] = name
    return config


def policies() -> list[Policy]:
    """All named policies of the process."""
    return [Policy(Plan(("named_or_made", name), _PLAIN_SPEC)) for name in _names()]


def _names() -> list[str]:
    return _registry.current().native.policies()


def find(name: str) -> Policy | None:
    """The policy of that name, if there is one."""
    if name not in _names():
        return None
    return Policy(Plan(("named_or_made", name), _PLAIN_SPEC))


__all__ = ["HOST", "Policy", "config_of", "find", "policies"]
