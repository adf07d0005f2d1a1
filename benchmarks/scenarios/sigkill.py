"""A processor is killed in the middle of a job: how soon does the job run elsewhere?"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Result, percentile
from benchmarks.filling import push_jobs, sequence_all, until
from benchmarks.notes import Notebook
from benchmarks.programs import program
from benchmarks.server import value
from ledger.errors import LedgerError
from ledger.postgres.feed import verify

if TYPE_CHECKING:
    from benchmarks.notes import Note
    from benchmarks.programs import Program


_ALIVE: Final = "select count(*) from ledger.processors p where p.stopped_at is null and p.lost_at is null"
_ENDED: Final = "select count(*) from ledger.jobs j where j.status = 'completed' and j.attempt = 2"


def sigkill(bench: Bench) -> Result:
    """From SIGKILL to the first line of the handler in another process, which was idle."""
    result = Result("sigkill")
    notebook, waited = Notebook(bench.folder), []
    with bench.server.database() as database, closing(database.look()) as looking, ExitStack() as opened:
        workers: dict[int, Program] = {}

        def begin() -> None:
            arguments = ("benchmarks.worker", database.dsn_as(database.processor))
            worker = opened.enter_context(program(bench.folder, *arguments, environment=notebook.environment))
            worker.until_ready()
            worker.go()
            workers[worker.pid] = worker
            until(lambda: value(looking, _ALIVE) == len(workers), "the processor to register", worker.check_alive)

        def started(times: int) -> Note:
            """The last note, as soon as there are so many."""
            notes: list[Note] = until(lambda: len(found := notebook.read()) >= times and found, "a job to start")
            return notes[times - 1]

        begin()
        for number in range(bench.size):
            bench.progress.say(f"kill {number + 1} of {bench.size}")
            begin()
            push_jobs(database, 1, "linger")
            first = started(2 * number + 1)
            killed = time.time()
            workers.pop(first.pid).kill()
            second = started(2 * number + 2)
            if (second.i, second.pid) == (first.i, first.pid):
                raise LedgerError("the job started twice in a process that was killed")
            waited.append(second.at - killed)
            until(lambda: value(looking, _ENDED) == len(waited), "the job to end")
        opened.close()
        sequence_all(database)
        verify(looking)
    result.figures += [
        Figure("killed to running elsewhere: p50", "s", [percentile(waited, 0.5)]),
        Figure("killed to running elsewhere: p99", "s", [percentile(waited, 0.99)]),
    ]
    result.notes.append(f"{bench.size} kills, one job at a time: {', '.join(f'{s:.2f}' for s in sorted(waited))} s.")
    result.checks.append("every job ended once, in its second attempt; the projection is the fold of the log")
    return result
