"""A policy of the core together with what only Python can hold: functions, values, hooks."""

from __future__ import annotations

from . import _classify, _native, _registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

    from ._registry import Registry
    from ._store import Store

NOTHING: Any = object()


class Spec:
    """The host's half of a policy: what the caller gave besides the options of the core."""

    __slots__ = (
        "actual", "bad_result", "cache_key", "classify", "code_idle", "code_timeout", "deadline", "empty", "estimate", "fail_closed", "fail_open",
        "function", "ignore", "key", "on", "on_fallback", "on_retry", "on_slow", "on_timeout", "value",
    )  # fmt: skip

    def __init__(self, **given: Any) -> None:
        self.on: Any = None
        self.ignore: Any = None
        self.classify: Any = None
        self.bad_result: Any = None
        self.key: Any = None
        self.cache_key: Any = None
        self.estimate: Any = None
        self.actual: Any = None
        self.deadline: int | None = None
        self.function: Any = None
        self.value: Any = NOTHING
        self.empty: Any = None
        self.fail_open: Any = True
        self.fail_closed: Any = False
        self.on_retry: Any = None
        self.on_timeout: Any = None
        self.on_fallback: Any = None
        self.on_slow: Any = None
        #: The attempt timeout was given in code, so that it must be one that can be kept.
        self.code_timeout = False
        #: The same for the limit of the gaps in a stream.
        self.code_idle = False
        for name, value in given.items():
            setattr(self, name, value)
        for name in ("on_retry", "on_timeout", "on_fallback", "on_slow", "key", "cache_key", "classify", "bad_result"):
            hook = getattr(self, name)
            if hook is not None:
                _require_plain(name, hook)

    def but(self, **changes: Any) -> Spec:
        """A copy with some of it replaced."""
        given = {name: getattr(self, name) for name in self.__slots__}
        given.update(changes)
        return Spec(**given)


def _require_plain(option: str, hook: Any) -> None:
    from ._kinds import PLAIN, kind_of
    from .errors import config_error

    if not callable(hook):
        raise config_error("wrong_type", f"/{option}", f"a function is needed, not {type(hook).__name__}", source="code")
    if kind_of(hook) != PLAIN:
        raise config_error("wrong_type", f"/{option}", "must be a plain function: nothing would await it", source="code")


class Plan:
    """What every driver works from. `core` and `port` lead elsewhere when a test moves policies."""

    __slots__ = (
        "__weakref__", "_base", "_source", "_told", "classify", "core", "home", "judge", "key_text", "of_kind",
        "port", "registry", "spec",
    )  # fmt: skip

    def __init__(
        self,
        source: tuple[str, str],
        spec: Spec,
        key_text: str | None = None,
        base: Plan | None = None,
    ) -> None:
        #: A method of the native registry and its argument: what makes the policy there.
        self._source = source
        self._base = base
        self._told = False
        self.key_text = key_text
        self.spec = spec
        self.classify, self.of_kind = _classify.make(spec.on, spec.ignore, spec.classify)
        self.judge = _classify.make_result(spec.bad_result)
        self.registry: Registry = None  # type: ignore[assignment]
        #: Where the guards of this plan find `core`.
        self.port: _native.Port | None = None
        #: Where it was made: one that was made in a test stays in that test.
        self.home: Registry = _registry.current() if base is None else base.home
        self.move_to(_registry.current() if base is None else base.registry)
        _registry.plans.add(self)

    def move_to(self, registry: Registry) -> None:
        if self.registry is registry:
            return
        if self._base is not None:
            # A view shares the cells of its policy, so it takes them from there.
            self._base.move_to(registry)
            core: _native.Policy = self._base.core
            self.core: _native.Policy = core if self.key_text is None else core.at(self.key_text)
        else:
            self.core = getattr(registry.native, self._source[0])(self._source[1])
        self.registry = registry
        spec = self.spec
        # The pass path keeps no deadline: a caller with one of its own always asks.
        asks = spec.deadline is not None
        hooks = (spec.estimate, spec.actual, spec.on_slow)
        alone = not asks and registry.time is None and all(hook is None for hook in hooks)
        if self.port is None:
            self.port = _native.Port(self.core, asks, alone, spec.bad_result is not None)
        else:
            self.port.move_to(self.core, asks, alone)

    def keyed(self, key: str) -> Plan:
        """The same policy on the cells of `key`."""
        return Plan(self._source, self.spec, key, self._base or self)

    def with_spec(self, **changes: Any) -> Plan:
        return Plan(self._source, self.spec.but(**changes), self.key_text, self._base or self)

    @property
    def store(self) -> Store | None:
        """The values of this policy, one store for all its keys."""
        if self._base is not None:
            return self._base.store
        cache = self.core.cache()
        if cache is None:
            return None
        stores = self.registry.stores
        store = stores.get(self)
        if store is None:
            from ._store import Store

            # Of callers who come first at once, all get the same.
            store = stores.setdefault(self, Store(self.registry.now, *cache))
        return store

    def tell_unenforced(self) -> None:
        """Says once that the attempt timeout of a preset or a file cannot stop blocking work."""
        if not self._told:
            self._told = True
            self.core.internal(
                "the attempt timeout is not enforced on blocking functions: "
                'give mode="cooperative" or mode="abandon" in code'
            )

    def store_key(self, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Hashable, ...]:
        from ._store import key_of

        cache_key = self.spec.cache_key
        own = cache_key(*args, **kwargs) if cache_key is not None else key_of(args, kwargs)
        return self.key_text, getattr(fn, "__qualname__", None), own

    def for_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        """The plan of the key that these arguments belong to."""
        key = self.spec.key
        text = key(*args, **kwargs)
        return self.at(text if isinstance(text, str) else str(text))

    def at(self, key: str) -> Plan:
        """A view for one call on one key."""
        return _Keyed(self, key)  # type: ignore[return-value]


class _Keyed:
    """A view of a plan for the length of one call on one key."""

    __slots__ = ("_plan", "core", "key_text")

    def __init__(self, plan: Plan, key: str) -> None:
        self._plan = plan
        self.key_text = key
        self.core = plan.core.at(key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plan, name)

    def store_key(self, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Hashable, ...]:
        _, name, own = self._plan.store_key(fn, args, kwargs)
        return self.key_text, name, own
