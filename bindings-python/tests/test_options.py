"""The words of the decorators: all of the schema, and nothing misunderstood in silence."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import seawall
from seawall import _config, _given, _options, _policy, errors
from seawall.testing import Sandbox

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/seawall.schema.json").read_text())["$defs"]
#: Options of a part that the decorator says with other words, or that belong to nothing but a whole policy.
SAID_OTHERWISE = {
    "Breaker": {"name": "name"},
    "Retry": {},
    "Timeout": {"name": "name", "attempt": "seconds"},
    "Bulkhead": {"name": "name"},
    "Fallback": {"value": "value"},
    "Policy": {"name": "name"},
}
DECORATORS: dict[str, Callable[..., Any]] = {
    "Breaker": seawall.circuit_breaker,
    "Retry": seawall.retry,
    "Timeout": seawall.timeout,
    "Bulkhead": seawall.bulkhead,
    "Fallback": seawall.fallback,
    "Policy": seawall.policy,
}


def fields(name: str) -> set[str]:
    """The options of a table, whatever short forms it has beside."""
    found = SCHEMA[name]
    forms = [found, *found.get("anyOf", []), *found.get("oneOf", [])]
    return {key for form in forms for key in form.get("properties", {})}


@pytest.mark.parametrize("part", DECORATORS)
def test_every_option_of_the_schema_is_a_keyword_with_words(part: str) -> None:
    decorator = DECORATORS[part]
    keywords = inspect.signature(decorator).parameters
    assert fields(part)
    for option in fields(part):
        said = SAID_OTHERWISE[part].get(option, option)
        assert said in keywords, option
    assert decorator.__doc__
    for keyword in keywords:
        if part != "Policy" and keyword not in ("host", "name"):
            assert f"`{keyword}`" in decorator.__doc__, keyword


def test_a_retried_block_has_the_options_of_retry() -> None:
    block, decorator = inspect.signature(seawall.retry_context), inspect.signature(seawall.retry)
    assert block.parameters == decorator.parameters


def test_the_hosts_half_has_the_same_words_for_checkers_and_at_run_time() -> None:
    assert set(_given.HostOn.__annotations__) | set(_given.Host.__annotations__) == _policy.HOST


def test_every_length_of_time_of_the_schema_may_be_seconds() -> None:
    spans: set[str] = set()
    for table in vars(_config).values():
        if isinstance(table, type) and hasattr(table, "__total__"):
            for name, hint in get_type_hints(table).items():
                if "timedelta" in str(hint):
                    spans.add(name)
    # Parts and tables of the file whose short form is a length of time are turned as a whole.
    assert spans - {"timeout", "cache", "operation", "adaptive", "half_open"} <= _options._DURATIONS


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"slow_call": 2, "window": "count"}, None),
        ({"slow_call": "soon", "window": "count"}, "/breaker/slow_call"),
        ({"failuers": 3}, "/breaker/failuers"),
        ({"open_for": -1}, "/breaker/open_for"),
        ({"window": {"kind": "time", "span": 30, "slice": 3}}, "/breaker/window/slice"),
    ],
)
def test_options_of_a_breaker(options: dict[str, Any], path: str | None) -> None:
    if path is None:
        assert seawall.circuit_breaker(**options).state == "closed"
        return
    with pytest.raises(seawall.ConfigError) as wrong:
        seawall.circuit_breaker(**options)
    assert wrong.value.path.startswith(path), wrong.value


def test_a_list_of_delays_is_seconds(box: Sandbox) -> None:
    slept: list[float] = []

    @seawall.retry(attempts=4, backoff=[0.1, 0.5, 2], jitter="none", on_retry=lambda _n, _e, s: slept.append(s))
    def fails() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        fails()
    assert slept == [0.1, 0.5, 2.0]


# -- no function stays unprotected without a word ----------------------------------------------


def target() -> str:
    return "answer"


@pytest.mark.parametrize(
    "decorator",
    [
        seawall.policy, seawall.circuit_breaker, seawall.retry, seawall.timeout, seawall.bulkhead, seawall.fallback,
        seawall.fail_open, seawall.fail_closed, seawall.empty_on_error, seawall.cached_fallback,
        seawall.stale_fallback, seawall.cost_budget,
    ],
)  # fmt: skip
def test_a_decorator_without_its_parentheses_is_an_error(decorator: Any) -> None:
    with pytest.raises((seawall.UsageError, TypeError)) as wrong:
        decorator(target)
    assert not isinstance(wrong.value, seawall.UsageError) or "parentheses" in str(wrong.value)


@pytest.mark.parametrize(
    "wrapper",
    [
        property,
        functools.cached_property,
        functools.singledispatchmethod,
        functools.partialmethod,
    ],
)
def test_a_decorator_above_a_descriptor_is_an_error_that_says_where_it_belongs(wrapper: Any) -> None:
    with pytest.raises(seawall.UsageError, match=f"below @{wrapper.__name__}"):
        seawall.retry()(wrapper(target))


def test_a_decorator_below_a_descriptor_protects(box: Sandbox) -> None:
    calls: list[int] = []

    class Held:
        @functools.cached_property
        @seawall.retry(attempts=2)
        def value(self) -> int:
            calls.append(1)
            if len(calls) == 1:
                raise ConnectionError
            return 7

    assert Held().value == 7 and len(calls) == 2


def test_work_that_is_handed_out_undone_is_an_error() -> None:
    breaker = seawall.circuit_breaker()

    @breaker
    @contextlib.contextmanager
    def block() -> Iterator[None]:
        yield

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        submits = breaker(lambda: pool.submit(target))
        for handed_out in (block, submits, breaker(lambda: map(str, [1])), breaker(lambda: (x for x in [1]))):
            for _ in range(3):
                with pytest.raises(seawall.UsageError, match="would run unprotected"):
                    handed_out()
    assert breaker.total_failures == 0 and breaker.total_successes == 0


def test_a_block_below_contextmanager_is_protected() -> None:
    breaker = seawall.circuit_breaker(failures=2)

    @contextlib.contextmanager
    @breaker
    def block() -> Iterator[int]:
        yield 1

    with block() as number:
        assert number == 1
    for _ in range(2):
        with pytest.raises(ConnectionError), block():
            raise ConnectionError
    with pytest.raises(seawall.CircuitOpenError), block():
        pass
    assert errors.CircuitOpenError is seawall.CircuitOpenError
