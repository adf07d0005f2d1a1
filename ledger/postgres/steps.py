"""The steps of an upgrade, as they are written: ``upgrades/NNNN_name.sql``, and the code half of schema.sql.

Step NNNN makes the data half of version NNNN from that of the version before. It opens with what the operator is told:

    -- A line that says what it is for.
    -- oldest code: 1                       (code made for this version of the schema, or a later one, may still use it)
    -- locks: ledger.events, ledger.jobs    (what nobody else can use meanwhile, in the order of schema.sql)

Two kinds of steps have the number of such a step, and come after all of these and after the code half, while the ledger
works: so nothing may rely on them. They name no locks, and ledger.schema_version says which of them are left.

    -- in batches      one statement, run again, each time in a transaction of its own, until it changes no row
    -- concurrently    statements that make or drop an index concurrently, a blank line after each

No step changes a row of ledger.events (its triggers refuse it): what old events lack is null, or kept beside them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.errors import LedgerError

FOLDER: Final = Path(__file__).parent / "upgrades"
CODE_BEGINS: Final = "-- Code. From here on, everything can be run again, and an upgrade does."
"""The line of schema.sql that divides it: what holds data above, what can be replaced below."""
_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_HEAD: Final = re.compile(r"-- (?:(oldest code|locks): )?(.*)")
_TABLE: Final = re.compile(r"ledger\.[a-z_]+")


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``number`` is the version that it makes."""

    number: int
    name: str
    purpose: str
    oldest_code: int
    locks: Sequence[str]
    in_batches: bool
    text: str
    concurrently: bool = False

    @property
    def comes_after(self) -> bool:
        """Whether it runs beside the ledger at work, when the version is there."""
        return self.in_batches or self.concurrently


def read_schema() -> str:
    """The text of schema.sql: in the package, where it is installed, at the top of a source checkout."""
    here = Path(__file__).parent
    for path in (here.parent / "schema.sql", here.parents[1] / "schema.sql"):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise LedgerError("schema.sql is missing from this installation", hint="install jobledger again")


def read_code_half(schema: str) -> Step:
    """The second half of schema.sql, as the step that every upgrade ends with."""
    _, mark, text = schema.partition(f"{CODE_BEGINS}\n")
    assert mark, "schema.sql has lost the line that divides it"
    return _parse(0, "code", f"-- functions, triggers, views, policies and grants\n{text}")


def read_steps(folder: Path = FOLDER) -> list[Step]:
    """All steps of a folder, in order: the versions follow one another, from 2."""
    steps = []
    for path in sorted(folder.glob("*.sql")):
        name = _NAME.fullmatch(path.name)
        assert name, f"{path.name} is no step"
        steps.append(_parse(int(name[1]), path.stem, path.read_text(encoding="utf-8")))
    versions = [step.number for step in steps if not step.comes_after]
    assert versions == list(range(2, len(versions) + 2)), "a step is missing"
    assert {step.number for step in steps} == set(versions), "what comes after a step has its number"
    return steps


def _parse(number: int, name: str, text: str) -> Step:
    purpose, oldest_code, locks, in_batches, concurrently = "", number, list[str](), False, False
    for line in text.splitlines():
        head = _HEAD.fullmatch(line)
        if head is None:
            break
        match head.groups():
            case "oldest code", said:
                oldest_code = int(said)
            case "locks", said:
                locks = said.split(", ")
            case _, "in batches":
                in_batches = True
            case _, "concurrently":
                concurrently = True
            case _, said:
                purpose = purpose or said
    assert all(map(_TABLE.fullmatch, locks)), f"{name}: {locks}"
    return Step(number, name, purpose, oldest_code, locks, in_batches, text, concurrently)
