"""The programs of the page, as they are printed there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "README.md").read_text()
PROGRAMS = [rest.partition("```")[0] for rest in PAGE.split("```python\n")[1:]]


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_of_the_page_runs(number: int, tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAMS[number])
    ran = subprocess.run([sys.executable, "-W", "error", file], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr


def test_there_are_programs() -> None:
    assert len(PROGRAMS) >= 6
