"""A notebook that works offline: each note is saved at once, and its words are counted when a server can be reached.

    python app.py add "Buy milk, and bread"
    python app.py list
    python app.py sync

NOTEBOOK_FILE names its file (notebook.db where it is not set), NOTEBOOK_DSN the server.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from jobledger import Job, JobClient, LedgerError, ServerUnreachable


@dataclass(frozen=True)
class Note:
    """What the person wrote, and the job that counts its words."""

    text: str
    job: Job


class Notebook:
    """The app's own table and its requests, side by side in one file."""

    def __init__(self, path: str, dsn: str | None = None) -> None:
        self._jobs = JobClient(path, dsn)
        with self._jobs.transaction() as db:
            db.execute("create table if not exists notes (id integer primary key, text text, job_id text)")

    def __enter__(self) -> Notebook:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.close()

    def add(self, text: str) -> Note:
        """Save a note and request the counting of its words: both, or neither. Needs no network."""
        with self._jobs.transaction() as db:
            job = self._jobs.submit("count-words", {"text": text})
            db.execute("insert into notes (text, job_id) values (:text, :job)", {"text": text, "job": str(job.id)})
        return Note(text, job)

    def notes(self) -> list[Note]:
        """All notes, in the order in which they were written."""
        with self._jobs.transaction() as db:
            rows = db.execute("select text, job_id from notes order by id").fetchall()
        return [Note(text, self._jobs.get(job_id)) for text, job_id in rows]

    def sync(self, show: Callable[[Note], None]) -> None:
        """Send what is new, and show each change until every note is counted. Raises ServerUnreachable when offline."""
        self._jobs.sync()
        self._jobs.start_sync()  # in the background, from here on
        for note in self.notes():
            if not note.job.finished:
                for job in self._jobs.watch(note.job.id):
                    show(Note(note.text, job))


def line(note: Note) -> str:
    """A note as the person sees it: what is known of its job, and the note."""
    job = note.job
    known: str = job.shown
    if job.status == "completed":
        known = f"{job.result} words"
    elif job.progress is not None and job.progress.percent is not None:
        known = f"{job.shown} {job.progress.percent:.0f}%"
    return f"{known:<12} {note.text}"


def main(arguments: list[str]) -> int:
    """Do what the command line says; gives the exit code."""
    with Notebook(os.environ.get("NOTEBOOK_FILE", "notebook.db"), os.environ.get("NOTEBOOK_DSN")) as notebook:
        match arguments:
            case ["add", text]:
                print(line(notebook.add(text)))
            case ["list"]:
                for note in notebook.notes():
                    print(line(note))
            case ["sync"]:
                try:
                    notebook.sync(lambda note: print(line(note), flush=True))
                except ServerUnreachable as error:
                    print(f"offline, and every note is safe here: {error}")
            case _:
                print(__doc__)
                return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LedgerError as error:
        sys.exit(f"error: {error}" + (f" ({error.hint})" if error.hint else ""))
