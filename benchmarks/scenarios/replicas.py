"""Very many files, each with a little to say: one server for all of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result, percentile
from benchmarks.filling import sequence_all
from benchmarks.handlers import params
from benchmarks.measure import metered
from benchmarks.server import value
from client_sync import JobClient
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.server import Database
    from client_sync.sync.result import SyncResult

EVENTS: Final = 10
AT_A_TIME: Final = 8
OWNERS: Final = 100


def replicas(bench: Bench) -> Result:
    """Each file connects and pushes; then all is put in order, and each connects again and pulls its owner's."""
    result = Result("replicas")
    with bench.server.database(owners=min(OWNERS, bench.size)) as database:

        def sync(number: int) -> tuple[str, float, float, SyncResult | None]:
            """The error's text, if there is one; seconds until the events were with the server, and until the end."""
            pushed_s: list[float] = []
            began = time.perf_counter()
            with _open(bench, database, number) as client:
                opened = time.perf_counter()
                try:
                    told = client.sync(report=lambda _: pushed_s.append(time.perf_counter() - opened))
                except LedgerError as error:
                    return str(error), 0.0, 0.0, None
            return "", pushed_s[0] if pushed_s else 0.0, time.perf_counter() - began, told

        for number in range(bench.size):
            with _open(bench, database, number) as client:
                client.submit_many({"name": "noop", "params": params(i)} for i in range(EVENTS))
        with metered(bench.server) as run:
            pushed = _all(bench, "push", sync)
            sequence_all(database)
            pulled = _all(bench, "pull", sync)
        errors = [error for error, *_ in (*pushed, *pulled) if error]
        events = bench.size * EVENTS
        with database.look() as connection:
            stored = value(connection, "select count(*) from ledger.events where type = 'job.requested'")
            heads = value(connection, "select sum(head) from ledger.replicas")
        of_others = sum(told.pulled for *_, told in pulled if told)
        sharing = [len(range(n, bench.size, len(database.apps))) for n in range(len(database.apps))]
        if not errors and (stored, heads, of_others) != (events, events, sum(n * (n - 1) for n in sharing) * EVENTS):
            raise LedgerError(f"{events} events were pushed; stored {stored}, heads {heads}, pulled {of_others}")
    for what, done in (("connect and push", pushed), ("whole second sync, with a pull", pulled)):
        times = [(push_s if done is pushed else whole_s) * 1000 for _, push_s, whole_s, _ in done]
        result.figures += [
            Figure(f"{what}: p50", "ms", [percentile(times, 0.5)], noisy=run.noisy),
            Figure(f"{what}: p99", "ms", [percentile(times, 0.99)], noisy=run.noisy),
        ]
    result.figures.append(Figure("errors", "", [len(errors)], Goal(0)))
    result.figures.append(
        Figure("replicas served per second, both ways", "/s", [bench.size / run.wall_s], noisy=run.noisy)
    )
    result.notes.append(
        f"{bench.size:,} files of {len(database.apps)} owners, {EVENTS} events each, {AT_A_TIME} at a time from one "
        "process, each over a new connection." + (f" First error: {errors[0]}." if errors else "")
    )
    result.checks.append("every event of every file is stored once, and every file pulled those of its owner's others")
    return result


def _open(bench: Bench, database: Database, number: int) -> JobClient:
    owner = database.apps[number % len(database.apps)]
    return JobClient(bench.folder / f"replica-{number}.db", dsn=database.dsn_as(owner))


def _all(
    bench: Bench, what: str, sync: Callable[[int], tuple[str, float, float, SyncResult | None]]
) -> list[tuple[str, float, float, SyncResult | None]]:
    bench.progress.say(what)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(sync, range(bench.size)))
