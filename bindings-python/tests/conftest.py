from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from seawall.testing import Sandbox, sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox whose clock moves instead of anybody waiting."""
    with sandbox(seed=7) as made:
        yield made


def side_by_side(works: Sequence[Callable[[], object]], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Runs each in a thread of its own, and waits for all."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    meanwhile()
    for thread in threads:
        thread.join()
