"""One word, one meaning: words of our own are in the glossary and used, and words that were riddles stay away."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
WORDS = re.findall(r"^\| \*\*(.+?)\*\* \|", GLOSSARY, re.MULTILINE)
BANNED: Final = {
    "besieged": "attacked",
    "bystanders?": "environment",
    "hungry": "with free places",
    "strays?": "claims whose answer was lost",
    "tenures?": "worker, or registration",
    "victims?": "killed",
}
"""What each is called now, as a regular expression."""
KEPT: Final = ("tests/upgrades/", "ledger/postgres/upgrades/", "client_sync/file/upgrades/", "tests/test_words.py")
"""Where old versions are as they were."""
PLACES: Final = ("ledger", "client_sync", "processor", "jobledger", "benchmarks", "examples", "tests", "docs")


def texts() -> dict[str, str]:
    """Code and documentation by path."""
    files = [ROOT / "schema.sql", ROOT / "README.md"]
    files += [file for place in PLACES for kind in ("py", "sql", "md") for file in (ROOT / place).rglob(f"*.{kind}")]
    found = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}
    return {path: text for path, text in found.items() if not path.startswith(KEPT)}


TEXTS = texts()
CODE = "\n".join(text for path, text in TEXTS.items() if not path.startswith(("tests", "docs")))


@pytest.mark.parametrize("word", BANNED)
def test_a_word_that_nobody_knew_does_not_come_back(word: str) -> None:
    pattern = re.compile(rf"(?<![a-z])({word})(?![a-z])", re.IGNORECASE)
    assert {path: found.group() for path, text in TEXTS.items() if (found := pattern.search(text))} == {}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_our_own_is_used(word: str) -> None:
    assert re.search(r"\b" + word.replace(" ", "[ _]?"), CODE, re.IGNORECASE)


def test_the_glossary_is_in_order_with_one_line_a_word() -> None:
    assert sorted(set(WORDS)) == WORDS
    assert len(WORDS) > 20
