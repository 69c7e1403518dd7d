"""A worker of the chaos run: two threads that call the upstream without pause until stdin ends.

Ten times a second it prints: calls that were counted, those among them that failed, refusals by the
breaker, refusals by the bulkhead, faults of Seawall, and the longest stay inside Seawall in microseconds.
"""

import http.client
import os
import sys
import threading
import time
import urllib.parse

import seawall

policy = seawall.policy("upstream")
where = urllib.parse.urlsplit(os.environ["UPSTREAM"])
me = str(os.getpid())
faults: list[object] = []
seawall.listen(faults.append, kinds=["internal"])
ending = threading.Event()


class Caller(threading.Thread):
    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        self.calls = self.failed = self.refused = self.full = 0
        self.longest = self.outside = 0.0
        self.protected = policy(self.work)

    def work(self) -> None:
        begun = time.perf_counter()
        try:
            self.connection.request("GET", "/work", headers={"X-Sender": me})
            answer = self.connection.getresponse()
            answer.read()
        finally:
            self.outside = time.perf_counter() - begun
        if answer.status >= 500:
            raise ConnectionError(answer.status)

    def run(self) -> None:
        while not ending.is_set():
            begun, self.outside = time.perf_counter(), 0.0
            try:
                self.protected()
                self.calls += 1
            except ConnectionError:
                self.calls += 1
                self.failed += 1
            except seawall.CircuitOpenError:
                self.refused += 1
            except seawall.BulkheadFullError:
                self.full += 1
            self.longest = max(self.longest, time.perf_counter() - begun - self.outside)
            if self.outside == 0.0:
                time.sleep(0.005)


callers = [Caller(), Caller()]


def report() -> None:
    sums = [sum(getattr(caller, name) for caller in callers) for name in ("calls", "failed", "refused", "full")]
    longest = max(caller.longest for caller in callers)
    for caller in callers:
        caller.longest = 0.0
    print(*sums, len(faults), int(longest * 1e6), flush=True)


def reporter() -> None:
    while not ending.wait(0.1):
        report()


for caller in callers:
    caller.start()
telling = threading.Thread(target=reporter, daemon=True)
telling.start()
sys.stdin.read()
ending.set()
for thread in [*callers, telling]:
    thread.join()
report()
