"""Nanoseconds of a protected call, ours and the peers', as JSON lines: `python bench/python ROUNDS SLICE_MS [CASE]`."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import sys
from typing import TYPE_CHECKING

import footprint
import harness
import ours
from harness import Row
from peers import Peer, all_peers
from targets import NEVER, TRIP_AFTER, Boom, aok, failing, ok, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (10, 100, 1_000, 10_000, 100_000)


def floors() -> list[Row]:
    return [
        Row("floor", "floor", "bare call", ok),
        Row("floor", "floor", "bare call", ok, threads=2),
        Row("floor", "floor", "empty loop", None),
        Row("floor", "floor", "bare await", aok),
        Row("floor", "floor", "a plain raise", failing(), raises=Boom),
    ]


def peer_rows(name: str, peer: Peer) -> Iterator[Row]:
    """Every case that the peer has a pattern for."""
    if peer.breaker is not None:
        closed = peer.breaker(ok, TRIP_AFTER)
        yield Row("closed", name, peer.rule, closed)
        yield Row("closed", name, peer.rule, closed, threads=2)
        breaker = peer.breaker
        protected, error = opened(lambda fn: breaker(fn, TRIP_AFTER))
        yield Row("open", name, peer.rule, protected, raises=error, floor="a plain raise")
        yield Row("failing", name, peer.rule, peer.breaker(failing(), NEVER), raises=Boom, floor="a plain raise")
    one = {"retry": peer.retry, "bulkhead": peer.bulkhead, "slow-call rule": peer.slow_calls}
    together = {"retry + breaker": peer.both, "retry + breaker + bulkhead": peer.all_three}
    for case, wrap in (one | together).items():
        if wrap is not None:
            yield Row(case, name, peer.rule if "breaker" in case else "", wrap(ok))
    if peer.async_breaker is not None:
        yield Row("closed, awaited", name, peer.rule, peer.async_breaker(aok, TRIP_AFTER), floor="bare await")
    for case, wrap in {"retry": peer.async_retry, "retry + breaker": peer.async_both}.items():
        if wrap is not None:
            yield Row(f"{case}, awaited", name, peer.rule if "breaker" in case else "", wrap(aok), floor="bare await")
    if peer.keyed is not None:
        yield Row("keyed", name, "512 keys", peer.keyed(ours.for_tenant), keys=ours.KEYS)
    if peer.window is not None:
        for size in SIZES:
            row = Row("window sweep", name, f"count of {size}", None, raises=Boom, floor="a plain raise")
            row.call = peer.window(failing(min(64, size - 2)), size)
            ours.fill(row, size)
            yield row


def main() -> None:
    logging.disable(logging.CRITICAL)
    words = sys.argv[1:]
    rounds, slice_ms = int(words[0]) if words else 15, float(words[1]) if len(words) > 1 else 2.0
    peers = all_peers()
    for name in peers:
        if " + " not in name:
            print(json.dumps({"peer": name, "version": importlib.metadata.version(name)}))
    rows = ours.rows() + [row for name, peer in peers.items() for row in peer_rows(name, peer)]
    if len(words) > 2:
        rows = [row for row in rows if words[2] in row.case]
    harness.run(floors() + rows, rounds, slice_ms)
    if len(words) < 3:
        footprint.run(peers, rounds)


if __name__ == "__main__":
    main()
