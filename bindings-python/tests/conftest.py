from __future__ import annotations

from collections.abc import Iterator

import pytest

from seawall.testing import Sandbox, sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox whose clock moves instead of anybody waiting."""
    with sandbox(seed=7) as made:
        yield made
