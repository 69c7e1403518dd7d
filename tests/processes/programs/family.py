"""Children made by multiprocessing: family.py fork|spawn

The parent uses its policy before the children are made: two calls, and a place in the bulkhead
that it keeps. Each child calls until it is refused. Printed: what each showed.
"""

import json
import multiprocessing
import sys
from typing import Any

from common import call, policy, shown


def child(outcomes: Any) -> None:
    before = shown("", 0)
    answers = [call()]
    while answers[-1] == "failed":
        answers.append(call())
    outcomes.put({"before": before, "answers": answers, "after": shown(answers[-1], 0)})


def main() -> None:
    context = multiprocessing.get_context(sys.argv[1])
    call()
    call()
    with policy.enter():
        outcomes = context.Queue()
        children = [context.Process(target=child, args=(outcomes,)) for _ in range(3)]
        told = []
        # One after another, so that nothing is under way at a trip.
        for process in children:
            process.start()
            told.append(outcomes.get(timeout=30))
            process.join(30)
        inside = shown("", 0)
    print(json.dumps({"children": told, "inside": inside, "after": shown("", 0)}))


if __name__ == "__main__":
    main()
