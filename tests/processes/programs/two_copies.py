"""The wheel and a Go library with a copy of Seawall of its own, in one interpreter: two_copies.py LIBRARY

The Go copy calls until it is refused, then the wheel does. Printed: how the calls of each ended.
"""

import ctypes
import json
import sys

from common import call, shown

ANSWERS = ["ok", "failed", "circuit_open", "bulkhead_full"]


def main() -> None:
    library = ctypes.CDLL(sys.argv[1])

    def through_go() -> str:
        return ANSWERS[library.CallUpstream()]

    answers: dict[str, list[str]] = {}
    for name, act in {"go": through_go, "wheel": call}.items():
        answers[name] = [act()]
        while answers[name][-1] == "failed":
            answers[name].append(act())
    print(json.dumps({"go": answers["go"], "wheel": answers["wheel"], "go_open": library.IsOpen(), "after": shown("", 0)}))


main()
