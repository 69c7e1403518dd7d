"""Forks while other threads call, wait and hold permits: fork_under_load.py CHILDREN

Eight threads call without pause; the main thread forks one child after another, and each child
calls three times. No child may hang, whatever the parent's threads held when it was made.
"""

import json
import os
import signal
import sys
import threading
import time

from common import call, policy, shown, work

CALLERS = 8


def forked() -> int:
    """In the child; its exit status: 0, 1 if it shows permits that it does not hold, 2 if something is wrong."""
    signal.alarm(20)
    before = shown("", 0)
    answers = {call() for _ in range(3)}
    after = shown("", 0)
    if not answers <= {"ok", "bulkhead_full"} or after["state"] != "closed":
        return 2
    return 1 if before["in_use"] or after["in_use"] else 0


def main() -> None:
    enough, calls = threading.Event(), [0] * CALLERS

    def load(number: int) -> None:
        while not enough.is_set():
            call()
            calls[number] += 1

    # Python's sockets import a codec when they are first used. A child that was made while a thread imports waits for
    # that thread for ever, with or without Seawall; so this is over before there is a thread.
    work()
    threads = [threading.Thread(target=load, args=(number,)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    statuses, held = [], 0
    for _ in range(int(sys.argv[1])):
        deadline = time.monotonic() + 1
        while policy.snapshot()["bulkhead"]["in_use"] == 0 and time.monotonic() < deadline:
            pass
        held += policy.snapshot()["bulkhead"]["in_use"] > 0
        child = os.fork()
        if child == 0:
            status = 3
            try:
                status = forked()
            finally:
                os._exit(status)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    enough.set()
    for thread in threads:
        thread.join(30)
    stuck = sum(thread.is_alive() for thread in threads)
    print(json.dumps({"statuses": statuses, "held": held, "calls": sum(calls), "stuck": stuck, "after": shown("", 0)}))
    sys.stdout.flush()
    os._exit(0)


main()
