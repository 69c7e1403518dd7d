"""What an instance keeps in memory, and what importing the package takes; each in a process of its own."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from targets import TRIP_AFTER, ok

if TYPE_CHECKING:
    from peers import Peer

MANY = 4000
BARE = "import asyncio, inspect"
LOADED = "import sys, seawall; print(sum(name in sys.modules for name in ('asyncio', 'inspect')))"


def run(peers: dict[str, Peer], rounds: int) -> None:
    import ours

    makers = [("seawall", window) for window in ours.WINDOWS]
    makers += [(name, peer.rule) for name, peer in peers.items() if peer.breaker is not None]
    for library, variant in makers:
        resident = float(_child([__file__, library, variant]))
        _print("memory", library, variant, "bytes", [resident])
    loads = {"floor": BARE, "seawall": f"{BARE}, seawall"}
    samples: dict[str, list[float]] = {library: [] for library in loads}
    for _ in range(rounds):
        for library, code in loads.items():
            samples[library].append(round(_processor_ms(code), 3))
    floor = "an interpreter with asyncio and inspect"
    _print("floor", "floor", floor, "ms", samples["floor"])
    _print("load", "seawall", "over asyncio and inspect", "ms", samples["seawall"], floor=floor)
    _print("load", "seawall", "of asyncio and inspect, by itself", "count", [float(_child(["-c", LOADED]))])


def _print(case: str, library: str, variant: str, unit: str, samples: list[float], **more: Any) -> None:
    row = {"case": case, "library": library, "variant": variant, "unit": unit, "samples": samples, **more}
    print(json.dumps({"row": row}))


def _child(arguments: list[str]) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def _processor_ms(code: str) -> float:
    child = subprocess.Popen([sys.executable, "-I", "-c", code])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, code
    return (usage.ru_utime + usage.ru_stime) * 1e3


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _bytes_of_one(library: str, variant: str) -> float:
    """Resident memory, so that what a native part allocates is in it."""
    if library == "seawall":
        import ours
        import seawall

        def make() -> Any:
            return seawall.circuit_breaker(**ours.WINDOWS[variant])(ok)
    else:
        from peers import all_peers

        breaker = all_peers()[library].breaker
        assert breaker is not None

        def make() -> Any:
            return breaker(ok, TRIP_AFTER)

    def many(number: int) -> list[Any]:
        made = [make() for _ in range(number)]
        for protected in made:
            protected()
        gc.collect()
        return made

    kept = many(50)
    before = _resident()
    kept += many(MANY)
    return (_resident() - before) / MANY


if __name__ == "__main__":
    print(_bytes_of_one(sys.argv[1], sys.argv[2]))
