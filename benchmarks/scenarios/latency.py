"""How soon a job starts on a server that has nothing else to do, beside a bare notification and the peers."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, LiteralString

import psycopg

from benchmarks.bench import Bench
from benchmarks.echo import NOTIFY, STORE_AND_NOTIFY
from benchmarks.figures import Figure, Goal, Result, percentile, ratios
from benchmarks.filling import until
from benchmarks.handlers import params
from benchmarks.measure import Run, metered, noisy, take_turns
from benchmarks.notes import Notebook
from benchmarks.peers.environment import KINDS
from benchmarks.programs import program
from benchmarks.server import value
from ledger.errors import LedgerError
from ledger.postgres.database import connect

if TYPE_CHECKING:
    from benchmarks.peers.environment import Kind
    from benchmarks.server import Database

GAP_S: Final = 0.05
"""Between two jobs: by then the one before is done, and all is at rest."""
WARM_UP: Final = 5
OURS, FLOOR, DURABLE_FLOOR = "jobledger", "NOTIFY round trip", "NOTIFY round trip, each way with a row"


def latency(bench: Bench) -> Result:
    """From the call that appends a request on the server to the handler's first line, one job at a time."""
    result = Result("latency")
    contenders = {
        FLOOR: partial(_round_trip, bench, NOTIFY),
        DURABLE_FLOOR: partial(_round_trip, bench, STORE_AND_NOTIFY),
        OURS: partial(_ours, bench),
    }
    if bench.peers:
        contenders |= {kind.name: partial(_peer, bench, kind) for kind in KINDS}
    done = take_turns(contenders, bench.runs, bench.progress)
    for name, runs in done.items():
        for part in ("p50", "p99"):
            values = [r.values[part] for r in runs]
            result.figures.append(Figure(f"{name}: {part}", "ms", values, noisy=noisy(runs)))
    of = {name: {part: [r.values[part] for r in runs] for part in ("p50", "p99")} for name, runs in done.items()}
    to_floor = ratios(of[OURS]["p50"], of[FLOOR]["p50"])
    result.figures.append(Figure("our p50 to the round trip's", "×", to_floor, Goal(2.5)))
    to_durable = ratios(of[OURS]["p50"], of[DURABLE_FLOOR]["p50"])
    result.figures.append(Figure("our p50 to that of the round trip with rows", "×", to_durable))
    result.figures += [
        Figure(f"our p99 to {kind.name}'s", "×", ratios(of[OURS]["p99"], of[kind.name]["p99"]), Goal(1.0))
        for kind in KINDS
        if kind.name in of
    ]
    result.notes.append(
        f"{bench.size:,} jobs, one every {GAP_S * 1000:.0f} ms; the time includes the appending call and its commit. "
        "The round trip: one session notifies, another process hears it and notifies back; nothing waits for the disk, "
        "unless each adds a row. A job waits for it three times: for its request, its number and its claim."
    )
    result.checks.append("every job started, once")
    return result


def time_starts(bench: Bench, database: Database) -> Run:
    """Start a processor, append ``bench.size`` requests one by one, and see when each started."""
    notebook = Notebook(bench.folder)
    arguments = ("benchmarks.worker", database.dsn_as(database.processor))
    with (
        program(bench.folder, *arguments, environment=notebook.environment) as worker,
        connect(database.dsn_as(database.apps[0])) as client,
        database.look() as looking,
    ):
        worker.until_ready()
        worker.go()
        until(lambda: is_serving(looking), "the processor to register", worker.check_alive)
        began: list[float] = []

        def append(i: int) -> None:
            began.append(time.time())
            client.execute("select ledger.submit('note', %(params)s::json)", {"params": json.dumps(params(i))})

        with metered(bench.server) as run:
            for i in range(bench.size + WARM_UP):
                append(i)
                time.sleep(GAP_S)
            until(lambda: len(notebook.read()) >= len(began), "every job to start", worker.check_alive)
        started = {note.i: note.at for note in notebook.read()}
    return _timed(run, [started[i] - at for i, at in enumerate(began)], len(notebook.read()))


def is_serving(connection: psycopg.Connection[dict[str, object]]) -> bool:
    """Whether a processor has registered and one is elected."""
    return bool(
        value(
            connection,
            """
            select exists (select from ledger.processors p where p.stopped_at is null and p.lost_at is null)
                   and exists (select from ledger.leader)""",
        )
    )


def _ours(bench: Bench) -> Run:
    with bench.server.database() as database:
        return time_starts(bench, database)


def _round_trip(bench: Bench, ping: LiteralString) -> Run:
    with (
        bench.server.database(ledger=False) as database,
        psycopg.connect(database.dsn, autocommit=True) as connection,
        program(bench.folder, "benchmarks.echo", database.dsn, ping) as echo,
    ):
        connection.execute("create table stored ()")
        connection.execute("listen pong")
        echo.until_ready()
        echo.go()

        def hear() -> None:
            if not list(connection.notifies(stop_after=1, timeout=60)):
                raise LedgerError("no notification came back")

        hear()
        taken = []
        with metered(bench.server) as run:
            for _ in range(bench.size + WARM_UP):
                began = time.time()
                connection.execute(ping, {"channel": "ping"})
                hear()
                taken.append(time.time() - began)
                time.sleep(GAP_S)
    return _timed(run, taken, len(taken))


def _peer(bench: Bench, kind: Kind) -> Run:
    assert bench.peers is not None
    notebook, jobs = Notebook(bench.folder), bench.size + WARM_UP
    with bench.server.database(ledger=False) as database:
        bench.peers.call(kind, "setup", database)
        bench.peers.call(kind, "fill", database, "1")
        with (
            bench.peers.start(kind, "work", bench.folder, database, environment=notebook.environment) as worker,
            bench.peers.start(kind, "send", bench.folder, database, str(jobs), str(GAP_S)) as sender,
        ):
            worker.until_ready()
            worker.go()
            until(notebook.read, f"{kind.name} to do its first job", worker.check_alive)
            sender.until_ready()
            with metered(bench.server) as run:
                sender.go()
                began = [float(sender.read()["began"]) for _ in range(jobs)]
                until(lambda: len(notebook.read()) > jobs, f"{kind.name} to start every job", worker.check_alive)
    notes = notebook.read()[1:]
    started = {note.i: note.at for note in notes}
    return _timed(run, [started[i] - at for i, at in enumerate(began)], len(notes))


def _timed(run: Run, taken_s: Sequence[float], starts: int) -> Run:
    if starts != len(taken_s):
        raise LedgerError(f"{len(taken_s)} jobs were sent, and {starts} started")
    counted = [seconds * 1000 for seconds in taken_s[WARM_UP:]]
    run.values = {"p50": percentile(counted, 0.5), "p99": percentile(counted, 0.99)}
    return run
