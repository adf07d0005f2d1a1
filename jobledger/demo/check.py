"""Whether what came back is what must have, and what a job's history looks like."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from rich.console import Console

from jobledger import JobClient
from jobledger.console.output import printable, shorten
from jobledger.demo.files import Fingerprint, fingerprint
from jobledger.demo.jobs import count
from ledger.postgres.admin.watching import count_endings
from ledger.postgres.feed import read_history, verify

if TYPE_CHECKING:
    from ledger.postgres.database import Session

LONGEST_DATA: Final = 400


@dataclass
class Plan:
    """What was asked for, and so what must come back."""

    files: dict[UUID, Path]
    prints: dict[UUID, Fingerprint | None]
    cancelled: set[UUID]
    retried: set[UUID]
    missing: UUID

    def changed(self) -> set[UUID]:
        """The jobs whose files are no longer what they were: others write to them, or have removed them."""
        return {job_id for job_id, path in self.files.items() if fingerprint(path) != self.prints[job_id]}


def check(console: Console, jobs: JobClient, admin: Session, plan: Plan) -> list[str]:
    """Compare what came back with what must have; print the summary; give the faults."""
    faults = []
    found = {job.id: job for job in jobs.list(limit=len(plan.files) + 2)}
    submitted = {*plan.files, plan.missing}
    ids = {s: {job.id for job in found.values() if job.status == s} for s in ("completed", "failed", "cancelled")}
    ended = sum(map(len, ids.values()))
    changed = plan.changed()
    compared = ids["completed"] - changed
    wrong = [job_id for job_id in compared if found[job_id].result != count(plan.files[job_id]).model_dump(mode="json")]
    if changed:
        console.print(f"   {len(changed)} files were changed by others meanwhile; their results are not compared")
    endings = count_endings(admin)
    audit = verify(admin)
    for ok, text in (
        (set(found) == submitted, f"{len(submitted)} jobs submitted, {len(found)} in the file"),
        (ended == len(submitted), " + ".join(f"{len(which)} {s}" for s, which in ids.items()) + f" = {ended}"),
        (not wrong, f"every result equals a direct computation ({len(compared)} files counted again)"),
        (ids["cancelled"] == plan.cancelled, "exactly the cancelled jobs are cancelled"),
        (ids["failed"] - changed == {plan.missing}, "exactly the missing file failed"),
        (
            len(endings) == len(submitted) and set(endings.values()) == {1},
            "each job has exactly one terminal event",
        ),
        (audit.jobs == len(submitted), f"the log replays to the same state ({audit.events} events verified)"),
    ):
        console.print(f"   {'[green]ok[/]  ' if ok else '[red]FAULT[/]'} {text}")
        if not ok:
            faults.append(text)
    return faults


def show_histories(console: Console, admin: Session, plan: Plan) -> None:
    """The events of one completed, one retried and one cancelled job, as far as there are such."""
    plain = plan.files.keys() - plan.cancelled - plan.retried
    for word, jobs in (("completed", plain), ("retried", plan.retried), ("cancelled", plan.cancelled)):
        if not jobs:
            continue
        console.print(f"   [bold]{word}[/] {min(jobs)}")
        for row in read_history(admin, min(jobs)):
            recorded = row["recorded_at"].strftime("%H:%M:%S.%f")[:-3]
            _print(console, f"{row['seq']:>6}  {recorded}  {row['type']:<21}  {row['actor']}", indent=3)
            _print(console, _brief(row["data"]), indent=11)


def _brief(data: str) -> str:
    """An event's data without what only a debugger reads."""
    read = json.loads(data)
    if isinstance(error := read.get("error"), dict):
        error.pop("traceback", None)
    return shorten(json.dumps(read, ensure_ascii=False), LONGEST_DATA)


def _print(console: Console, text: str, *, indent: int) -> None:
    """Print a text whole, on as many lines as this terminal needs."""
    width = max(console.width - indent, 20)
    for line in textwrap.wrap(printable(text), width, drop_whitespace=False, break_on_hyphens=False):
        console.print(" " * indent + line, markup=False, soft_wrap=True)
