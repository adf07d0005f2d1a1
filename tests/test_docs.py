"""What the documentation names is there: files, modules, settings of the environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
TOP = r"(?:ledger|client_sync|processor|jobledger|tests|docs|examples|benchmarks)"
CODE = "\n".join(file.read_text(encoding="utf-8") for room in ("ledger", "client_sync", "processor", "jobledger")
                 for file in (ROOT / room).rglob("*.py"))  # fmt: skip


def names(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    paths = re.findall(rf"`({TOP}/[\w./-]*)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_the_variables_that_a_page_names_are_read(page: Path) -> None:
    variables = set(re.findall(r"\bJOBLEDGER_[A-Z]+\b", page.read_text(encoding="utf-8")))
    assert {name for name in variables if name not in CODE} == set()
