"""Interleaved timing: round 1 of every row, then round 2 of every row, and so on.

Time is processor time, which a busy neighbour does not lengthen. With one interpreter lock two threads
take turns, so that the processor time of both over the calls of one is what a caller waits for.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import threading
import time
from dataclasses import dataclass, field
from itertools import cycle, islice, repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Fn = Callable[[], Any]
    AsyncFn = Callable[[], Awaitable[Any]]

clock = time.process_time_ns

# Objects of other rows that lie about would be looked through again and again.
GARBAGE = 50_000


@dataclass
class Row:
    """One thing to measure. `call` takes nothing; with `raises` every call must raise that."""

    case: str
    library: str
    variant: str
    call: Any
    raises: type[BaseException] | None = None
    threads: int = 1
    floor: str = "bare call"
    most: int = 1_000_000
    before: Fn | None = None
    #: Given to the call, one after the other.
    keys: list[str] | None = None
    count: int = 1
    samples: list[float] = field(default_factory=list)

    @property
    def awaited(self) -> bool:
        return "await" in self.case or self.variant == "bare await"


def _empty(n: int) -> int:
    it = repeat(None, n)
    start = clock()
    for _ in it:
        pass
    return clock() - start


def calls(fn: Fn, n: int) -> int:
    it = repeat(None, n)
    start = clock()
    for _ in it:
        fn()
    return clock() - start


def raising(fn: Fn, error: type[BaseException], n: int) -> int:
    it = repeat(None, n)
    start = clock()
    for _ in it:
        try:  # contextlib.suppress would be timed too
            fn()
        except error:
            pass
    return clock() - start


def _keyed(fn: Callable[[str], Any], keys: list[str], n: int) -> int:
    it = islice(cycle(keys), n)
    start = clock()
    for key in it:
        fn(key)
    return clock() - start


async def _awaits(fn: AsyncFn, n: int) -> int:
    it = repeat(None, n)
    start = clock()
    for _ in it:
        await fn()
    return clock() - start


def _together(fn: Fn, n: int, threads: int) -> int:
    line = threading.Barrier(threads + 1)

    def work() -> None:
        line.wait()
        for _ in repeat(None, n):
            fn()

    pool = [threading.Thread(target=work) for _ in range(threads)]
    for thread in pool:
        thread.start()
    start = clock()
    line.wait()
    for thread in pool:
        thread.join()
    return clock() - start


async def _time(row: Row, n: int) -> float:
    """Nanoseconds of one operation of one thread."""
    if row.before is not None:
        row.before()
    if row.call is None:
        return _empty(n) / n
    if row.threads > 1:
        return _together(row.call, n, row.threads) / n
    if row.awaited:
        return await _awaits(row.call, n) / n
    if row.keys is not None:
        return _keyed(row.call, row.keys, n) / n
    if row.raises is not None:
        return raising(row.call, row.raises, n) / n
    return calls(row.call, n) / n


async def _measure(rows: list[Row], rounds: int, slice_ms: float) -> None:
    for row in rows:
        await _time(row, min(50, row.most))
        # The quickest: a call that was held up once is no measure of how many there is time for.
        once = max(1.0, min([await _time(row, min(200, row.most)) for _ in range(3)]))
        # Threads take some time to start: more calls, so that it is lost among them.
        wanted = slice_ms * 1e6 * (4 if row.threads > 1 else 1) / once
        row.count = max(min(20, row.most), min(row.most, int(wanted)))
    order = list(rows)
    for _ in range(rounds):
        random.shuffle(order)
        for row in order:
            row.samples.append(round(await _time(row, row.count), 2))


def run(rows: list[Row], rounds: int, slice_ms: float) -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    asyncio.run(_measure(rows, rounds, slice_ms))
    _one_empty_call(rows)
    for row in rows:
        print(
            json.dumps(
                {
                    "row": {
                        "case": row.case,
                        "library": row.library,
                        "variant": row.variant,
                        "threads": row.threads,
                        "unit": "ns",
                        "floor": row.floor,
                        "base": row.floor if row.floor == "bare await" else "bare call",
                        "samples": row.samples,
                    }
                }
            )
        )


def _one_empty_call(rows: list[Row]) -> None:
    """A floor of its own: the bare call without the loop around it."""
    find = {row.variant: row for row in rows if row.case == "floor" and row.threads == 1}
    call, loop = find["bare call"], find["empty loop"]
    one = Row("floor", "floor", "one empty call", None)
    one.samples = [round(call - loop, 2) for call, loop in zip(call.samples, loop.samples, strict=True)]
    rows.append(one)
