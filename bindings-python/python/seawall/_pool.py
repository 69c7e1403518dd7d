"""Daemon threads for blocking functions whose attempt may be abandoned at its limit.

An abandoned attempt goes on in its thread until it ends; until then it is an orphan and counts
against the bound, so that a hanging dependency cannot make threads without end.
"""

from __future__ import annotations

import os
import threading
from contextvars import copy_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Threads at most, working and orphaned together.
MAX_THREADS = 64


class Job:
    """One attempt in a thread of its own."""

    __slots__ = ("_done", "abandoned", "error", "fn", "value")

    def __init__(self, fn: Callable[[], Any]) -> None:
        self.fn: Callable[[], Any] | None = fn
        self.value: Any = None
        self.error: BaseException | None = None
        self.abandoned = False
        self._done = threading.Event()

    def run(self) -> None:
        fn, self.fn = self.fn, None
        try:
            assert fn is not None
            self.value = fn()
        except BaseException as error:
            self.error = error

    def wait(self, seconds: float | None) -> bool:
        return self._done.wait(None if seconds is None else min(seconds, threading.TIMEOUT_MAX))


class Pool:
    def __init__(self, limit: int = MAX_THREADS) -> None:
        self._limit = limit
        self._free = threading.Semaphore(limit)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._orphans = 0

    @property
    def orphans(self) -> int:
        """Abandoned attempts that still run."""
        return self._orphans

    def start(self, fn: Callable[[], Any], seconds: float | None) -> Job | None:
        """Runs `fn` in a thread of the pool; `None` if no thread is free within `seconds`."""
        if not self._free.acquire(timeout=None if seconds is None else min(seconds, threading.TIMEOUT_MAX)):
            return None
        context = copy_context()
        job = Job(lambda: context.run(fn))
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = _Worker(self)
        worker.take(job)
        return job

    def abandon(self, job: Job) -> None:
        """The caller goes on without it."""
        with self._lock:
            if not job._done.is_set():
                job.abandoned = True
                self._orphans += 1

    def _ended(self, worker: _Worker, job: Job) -> None:
        with self._lock:
            # Under the lock, so that the end of the work and `abandon` agree on who was first.
            job._done.set()
            if job.abandoned:
                self._orphans -= 1
            self._idle.append(worker)
        self._free.release()


class _Worker:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._job: Job | None = None
        self._has_job = threading.Lock()
        self._has_job.acquire()
        threading.Thread(target=self._work, name="seawall-attempt", daemon=True).start()

    def take(self, job: Job) -> None:
        self._job = job
        self._has_job.release()

    def _work(self) -> None:
        while True:
            self._has_job.acquire()
            job, self._job = self._job, None
            assert job is not None
            job.run()
            self._pool._ended(self, job)
            del job


pool = Pool()


def orphans() -> int:
    """Abandoned attempts of blocking functions that still run in this process."""
    return pool.orphans


def _forked() -> None:
    global pool
    pool = Pool()


os.register_at_fork(after_in_child=_forked)
