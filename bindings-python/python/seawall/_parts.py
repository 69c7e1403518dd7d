"""From the words of one decorator to a policy: what the core gets, and what stays here."""

from __future__ import annotations

from ._plan import NOTHING
from ._policy import HOST, config_of
from .errors import UsageError, config_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Given = tuple[dict[str, Any], None, dict[str, Any]]


#: Answers of a fallback that stay here.
_ANSWERS = frozenset({"function", "value", "empty", "fail_open", "fail_closed"})


def part(name: str | None, part: str, options: dict[str, Any], host: Mapping[str, Any], **others: Any) -> Given:
    """A policy around one part. What the host half does not know is the core's to refuse, with its place."""
    known = HOST | _ANSWERS
    own = {key: value for key, value in host.items() if key not in known}
    config = {part: options | own} | others
    return config_of(name, config), None, {key: value for key, value in host.items() if key in known}


def fallback(given: Any, host: dict[str, Any]) -> Any:
    """Values and functions go to `host`; the core gets the order of the chain."""
    if not isinstance(given, dict):
        return given
    options = dict(given)
    chain = []
    if "function" in options:
        host["function"] = _callable(options.pop("function"))
        chain.append("function")
    if "value" in options:
        host["value"] = options.pop("value")
        chain.append("value")
    for name in ("empty", "fail_open", "fail_closed"):
        if name in options:
            host[name] = options.pop(name)
            chain.append(name)
    if options.get("chain") is None:
        options["chain"] = chain
    return options


def _callable(function: Any) -> Any:
    """A function of (error, *arguments), or a strategy object with a method `compute` of them."""
    function = getattr(function, "compute", function)
    if not callable(function):
        raise config_error("wrong_type", "/fallback/function", f"a function is needed, not {function!r}", source="code")
    return function


def backoff(kind: Any, base: Any, factor: Any, cap: Any) -> Any:
    """The words of a delay, where they are given one by one."""
    if isinstance(kind, str) or (kind is None and (base, factor, cap) != (None, None, None)):
        return {"kind": kind or "exponential", "base": base, "factor": factor, "cap": cap}
    return kind


def refuse_bare(decorator: str, value: Any) -> None:
    """`@decorator` without its parentheses would leave the function unprotected, under another name."""
    if callable(value) and value is not NOTHING and hasattr(value, "__code__"):
        name = getattr(value, "__qualname__", repr(value))
        raise UsageError(
            f"{name} is not protected: write @seawall.{decorator}(...) with parentheses, "
            "or function=... for an answer that a function gives"
        )
