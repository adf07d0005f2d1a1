"""The shape of the code: small modules, and in each folder a docstring that says what is in it."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("ledger", "client_sync", "processor", "jobledger")
MEDIAN = 120
MOST = 300
LONGER: Final = {
    "ledger/ports/store.py": "one port, one file: each call with what it promises",
}
"""What has more lines, and why."""
MODULES = [
    path.relative_to(ROOT) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if path.stem != "__init__"
]
FOLDERS = sorted({module.parent for module in MODULES})


def lines(path: Path) -> int:
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def test_the_median_module_is_small() -> None:
    median = statistics.median(map(lines, MODULES))
    print(f"{len(MODULES)} modules, median {median:.0f} lines")  # noqa: T201  with -s, for whoever asks
    assert median <= MEDIAN


def test_no_module_is_long_without_a_reason() -> None:
    long = {module.as_posix() for module in MODULES if lines(module) > MOST}
    assert long <= set(LONGER), "divide it, or name the reason"


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_each_folder_says_what_is_in_it_and_who_may_import_whom(folder: Path) -> None:
    said = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8")))
    assert said is not None
    assert "import" in said.lower()
