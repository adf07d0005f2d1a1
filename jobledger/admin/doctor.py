"""Looking for what keeps jobs from running, and saying what to do about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from jobledger.admin.doctor_rights import examine_prepared, examine_rights
from jobledger.admin.stats import LOG, PROCESSORS, SEQUENCER
from ledger.errors import LedgerError
from ledger.finding import Finding
from ledger.postgres.schema import VERSION, check
from processor.work.reports import STOPPING

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

SILENT_S: Final = 5.0
"""A heartbeat this old is a bad sign: it is written every half second."""
BACKLOG_S: Final = 10.0
CLOCK_S: Final = 2.0
LONG_TRANSACTION: Final = "5 minutes"

UNSERVED: Final = """
    select w.namespace, w.name, w.jobs, count(*) over () as names, (sum(w.jobs) over ())::bigint as all_jobs
    from (
        select c.namespace, c.name, sum(c.jobs)::bigint as jobs
        from (select * from ledger.counts union all select * from ledger.tally) c
        where c.standing in ('ready', 'scheduled')
        group by c.namespace, c.name having sum(c.jobs) > 0) w
    where not exists (
        select from ledger.processors p
        where p.stopped_at is null and p.lost_at is null
          and w.namespace = any (p.namespaces) and w.name = any (p.names))
    order by w.jobs desc, w.namespace, w.name limit %(most)s
"""
OVERDUE: Final = """
    select count(*) as jobs, round(extract(epoch from now() - min(q.run_at)))::integer as oldest_s
    from ledger.queue q where q.run_at < now() - %(backlog)s * interval '1 second'
"""
LEFT_BEHIND: Final = """
    select count(distinct c.processor) as processors, count(*) as claims
    from ledger.claims c join ledger.processors p on p.processor = c.processor
    where p.stopped_at < now() - interval '10 seconds' or p.lost_at < now() - interval '10 seconds'
"""
STOPPING_ATTEMPTS: Final = """
    select c.processor, p.host, p.pid, count(*) as attempts, min(j.job_id::text) as job_id
    from ledger.claims c
    join ledger.processors p on p.processor = c.processor
    cross join lateral unnest(c.job_ids, c.attempts) x (job_id, attempt)
    join ledger.jobs j
        on j.job_id = x.job_id and j.attempt = x.attempt and j.processor = c.processor and j.status = 'running'
    cross join lateral (
        select e.data ->> 'message' as message from ledger.events e
        where e.job_id = j.job_id and e.type = 'attempt.progressed' and e.data ->> 'attempt' = j.attempt::text
        order by e.txid desc, e.id desc limit 1) s
    where s.message = %(stopping)s
    group by c.processor, p.host, p.pid order by c.processor
"""
LONG_TRANSACTIONS: Final = """
    select a.pid, a.usename, a.application_name, a.state,
           round(extract(epoch from now() - a.xact_start))::integer as age_s
    from pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid()
      and a.xact_start < now() - %(age)s::interval
    order by a.xact_start
"""
CLOCK: Final = "select extract(epoch from clock_timestamp())::float8 as server_time"
QUEUE_USAGE: Final = "select pg_notification_queue_usage() as used"
HINTS_STOP_AT: Final = 0.5
"""As ``ledger.hint`` has it."""
AHEAD: Final = """
    select count(distinct t.replica_id) as replicas from ledger.replica_turns t
    where t.what = 'replica.rewound' and t.life = ledger.current_life()
"""
LIFE: Final = """
    select (l.system_identifier, l.timeline, l.database_oid) = (i.system_identifier, i.timeline, i.database_oid) as same
    from ledger.lives l, ledger.identity() i where l.life = ledger.current_life()
"""


LATEST: Final = 10_000
UNREADABLE: Final = """
    select count(*) as events, min(e.id::text) as first
    from (select l.event_id from ledger.log l order by l.seq desc limit %(latest)s) l
    join ledger.events e on e.id = l.event_id
    where ledger.is_suspect(e.data::text) and ledger.why_unreadable(e.data::text) is not null
"""


def examine(connection: Connection[DictRow], *, most: int | None = None) -> Iterator[Finding]:
    """Run all checks, the most basic first. Reads only. Without a schema that fits, that is the one finding.

    With ``most``, only so many handlers that nobody serves get a finding of their own: clients choose the names.
    """
    try:
        check(connection)
    except LedgerError as error:
        yield Finding("fail", "schema", error.message, error.hint)
        return
    yield Finding("ok", "schema", f"version {VERSION}")
    yield from examine_rights(connection)
    yield _examine_clock(connection)
    yield _examine_life(connection)
    yield _examine_sequencer(connection)
    yield _examine_backlog(connection)
    yield from _examine_processors(connection)
    yield from _examine_unserved(connection, most)
    yield _examine_overdue(connection)
    yield _examine_events(connection)
    yield from _examine_stopping(connection)
    yield _examine_left_behind(connection)
    yield from _examine_transactions(connection)
    yield from examine_prepared(connection)
    yield _examine_notifications(connection)


def _examine_clock(connection: Connection[DictRow]) -> Finding:
    asked = time.time()
    [row] = _rows(connection, CLOCK)
    off_s = (asked + time.time()) / 2 - row["server_time"]
    if abs(off_s) <= CLOCK_S:
        return Finding("ok", "clock", f"{abs(off_s):.1f} s from the server's")
    direction = "ahead of" if off_s > 0 else "behind"
    message = f"this machine's clock is {abs(off_s):.1f} s {direction} the server's"
    return Finding("warn", "clock", message, "synchronise both with NTP; schedules go by the server's clock")


def _examine_life(connection: Connection[DictRow]) -> Finding:
    [row] = _rows(connection, LIFE)
    if row["same"]:
        [ahead] = _rows(connection, AHEAD)
        if not ahead["replicas"]:
            return Finding("ok", "life", "this database is the one that the ledger was written in")
        message = f"{ahead['replicas']} client files say that they had sent more in this epoch than is here"
        advice = "if the server's files were put back to an earlier moment: jobledger epoch --begin 'restored'"
        return Finding("warn", "life", message, advice)
    message = "this database was restored, promoted or copied since the ledger was last sequenced"
    return Finding("warn", "life", message, "start a processor: its sequencer begins a new life, and clients notice")


def _examine_sequencer(connection: Connection[DictRow]) -> Finding:
    start = "start a processor: jobledger serve --app ..."
    found = _rows(connection, SEQUENCER)
    if not found:
        return Finding("fail", "sequencer", "none is elected: nothing is put in order, so no new job starts", start)
    [leader] = found
    who = f"{leader['host']} pid {leader['pid']} (server process {leader['backend_pid']})"
    since = f"elected {leader['since'].astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if leader["idle_s"] <= SILENT_S:
        return Finding("ok", "sequencer", f"{who}, {since}")
    message = f"{who}, {since}, has done nothing for {leader['idle_s']:.0f} s, and no other processor has taken over"
    return Finding("fail", "sequencer", message, f"is it stopped, or its event loop blocked? {start}")


def _examine_backlog(connection: Connection[DictRow]) -> Finding:
    [log] = _rows(connection, LOG)
    age_s = log["oldest_unsequenced_s"] or 0.0
    message = f"{log['unsequenced']} events wait to be put in order"
    if age_s <= BACKLOG_S:
        return Finding("ok", "log", f"at number {log['last_seq']}; {message}")
    return Finding(
        "fail", "log", f"{message}, the oldest for {age_s:.0f} s", "look at the log of the sequencer's processor"
    )


def _examine_processors(connection: Connection[DictRow]) -> Iterator[Finding]:
    processors = _rows(connection, PROCESSORS)
    if not processors:
        yield Finding("fail", "processors", "none is running", "start one: jobledger serve --app ...")
    for row in processors:
        who = f"{row['host']} pid {row['pid']} ({row['processor']})"
        age_s = row["heartbeat_age_s"]
        if not row["holds_lock"]:
            advice = "its jobs are taken over within seconds, if a sequencer is elected"
            yield Finding("warn", "processors", f"{who} is gone", advice)
        elif age_s > SILENT_S:
            advice = "is it stopped, or starved of CPU? it is given up when its lease is over"
            yield Finding("warn", "processors", f"{who} has been silent for {age_s:.1f} s", advice)
        elif row["loop_still_s"] > SILENT_S:
            message = f"{who}: its event loop has not moved for {row['loop_still_s']:.0f} s"
            yield Finding("warn", "processors", message, "an async handler blocks it: make that a plain one")
        else:
            yield Finding(
                "ok", "processors", f"{who} serves {', '.join(row['names'])} in {', '.join(row['namespaces'])}"
            )


def _examine_unserved(connection: Connection[DictRow], most: int | None) -> Iterator[Finding]:
    unserved = _rows(connection, UNSERVED, most=most)
    if not unserved:
        yield Finding("ok", "handlers", "every waiting job has a processor that serves it")
    for row in unserved:
        message = f"{row['jobs']} jobs wait: no live processor serves {row['name']!r} in namespace {row['namespace']!r}"
        yield Finding("fail", "handlers", message, "deploy its handler, start its processor, or cancel the jobs")
    if unserved and (more := unserved[0]["names"] - len(unserved)):
        jobs = unserved[0]["all_jobs"] - sum(row["jobs"] for row in unserved)
        yield Finding(
            "fail", "handlers", f"so do {jobs} jobs of {more} more names", "see them all with --all or --json"
        )


def _examine_events(connection: Connection[DictRow]) -> Finding:
    [row] = _rows(connection, UNREADABLE, latest=LATEST)
    if not row["events"]:
        return Finding("ok", "events", f"of the latest {LATEST}, every reader can read all")
    message = f"of the latest {LATEST} events, {row['events']} cannot be read by every reader, as {row['first']}"
    return Finding("warn", "events", message, "they have no effect and stop nobody; jobledger verify names all of them")


def _examine_overdue(connection: Connection[DictRow]) -> Finding:
    [row] = _rows(connection, OVERDUE, backlog=BACKLOG_S)
    if not row["jobs"]:
        return Finding("ok", "schedule", "no job is overdue")
    message = f"{row['jobs']} jobs are due and were not let go, the first for {row['oldest_s']} s"
    return Finding("fail", "schedule", message, "look at the log of the sequencer's processor")


def _examine_left_behind(connection: Connection[DictRow]) -> Finding:
    [row] = _rows(connection, LEFT_BEHIND)
    if not row["claims"]:
        return Finding("ok", "claims", "none is left by a processor that is gone")
    message = f"{row['claims']} claims are left by {row['processors']} processors that are gone"
    return Finding("warn", "claims", message, "a sequencer takes them back within seconds; if not, look at its log")


def _examine_stopping(connection: Connection[DictRow]) -> Iterator[Finding]:
    found = _rows(connection, STOPPING_ATTEMPTS, stopping=STOPPING)
    if not found:
        yield Finding("ok", "timeouts", "no attempt goes on after its time")
    for row in found:
        who = f"{row['host']} pid {row['pid']} ({row['processor']})"
        message = f"{row['attempts']} attempts on {who} {STOPPING}; one is of job {row['job_id']}"
        advice = "they hold their places until their functions return: restart that processor if these never do"
        yield Finding("warn", "timeouts", message, advice)


def _examine_transactions(connection: Connection[DictRow]) -> Iterator[Finding]:
    found = _rows(connection, LONG_TRANSACTIONS, age=LONG_TRANSACTION)
    if not found:
        yield Finding("ok", "transactions", f"none is older than {LONG_TRANSACTION}, of those this login may see")
    for row in found:
        who = f"server process {row['pid']} ({row['usename']}, {row['application_name'] or 'no name'}, {row['state']})"
        advice = "jobs go on, but the tables grow meanwhile: end it, or find out why it stays"
        yield Finding("warn", "transactions", f"{who} has been in one for {row['age_s']} s", advice)


def _examine_notifications(connection: Connection[DictRow]) -> Finding:
    [row] = _rows(connection, QUEUE_USAGE)
    message = f"the cluster's queue of notifications is {row['used']:.0%} full"
    if row["used"] < HINTS_STOP_AT:
        return Finding("ok", "notify", message)
    advice = "some session listens and stays in a transaction, maybe in another database: end it"
    return Finding("warn", "notify", f"{message}: hints are held back, and work waits for the next poll", advice)


def _rows(connection: Connection[DictRow], query: str, **parameters: Any) -> list[DictRow]:
    return connection.execute(query.encode(), parameters or None).fetchall()
