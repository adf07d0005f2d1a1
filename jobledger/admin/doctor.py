"""Looking for what keeps jobs from running, and saying what to do about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Final

from jobledger.admin.doctor_rights import examine_prepared, examine_rights
from jobledger.admin.stats import read_waiting
from ledger.errors import LedgerError
from ledger.finding import Finding
from ledger.postgres.admin import symptoms
from ledger.postgres.admin.stats import read_leader, read_log_state, read_processors
from ledger.postgres.schema import check, installed_version
from ledger.postgres.upgrade_plan import find_unfinished
from processor.work.reports import STOPPING

if TYPE_CHECKING:
    from ledger.postgres.database import Session

SILENT_S: Final = 5.0
"""A heartbeat this old is a bad sign: it is written every half second."""
BACKLOG_S: Final = 10.0
CLOCK_S: Final = 2.0
LONG_TRANSACTION: Final = "5 minutes"

HINTS_STOP_AT: Final = 0.5
"""As ``ledger.hint`` has it."""
LATEST: Final = 10_000


def examine_server(connection: Session, *, most: int | None = None) -> Iterator[Finding]:
    """Run all checks, the most basic first. Reads only. Without a schema that fits, that is the one finding.

    With ``most``, only so many handlers that nobody serves get a finding of their own: clients choose the names.
    """
    try:
        check(connection)
    except LedgerError as error:
        yield Finding("fail", "schema", error.message, error.hint)
        return
    yield _examine_schema(connection)
    yield from examine_rights(connection)
    yield _examine_clock(connection)
    yield _examine_epoch(connection)
    yield _examine_leader(connection)
    yield from _examine_duties(connection)
    yield _examine_backlog(connection)
    yield from _examine_processors(connection)
    yield from _examine_unserved(connection, most)
    yield _examine_waiting(connection)
    yield _examine_overdue(connection)
    yield _examine_events(connection)
    yield from _examine_stopping(connection)
    yield _examine_left_behind(connection)
    yield from _examine_transactions(connection)
    yield from examine_prepared(connection)
    yield _examine_notifications(connection)


def _examine_schema(connection: Session) -> Finding:
    version = f"version {installed_version(connection)}"
    if left := find_unfinished(connection):
        return Finding("warn", "schema", f"{version}; left to do: {', '.join(left)}", "finish it: jobledger init")
    return Finding("ok", "schema", version)


def _examine_clock(connection: Session) -> Finding:
    asked = time.time()
    server_time = symptoms.read_clock(connection)
    off_s = (asked + time.time()) / 2 - server_time
    if abs(off_s) <= CLOCK_S:
        return Finding("ok", "clock", f"{abs(off_s):.1f} s from the server's")
    direction = "ahead of" if off_s > 0 else "behind"
    message = f"this machine's clock is {abs(off_s):.1f} s {direction} the server's"
    return Finding("warn", "clock", message, "synchronise both with NTP; schedules go by the server's clock")


def _examine_epoch(connection: Session) -> Finding:
    if symptoms.is_same_database(connection):
        ahead = symptoms.count_replicas_ahead(connection)
        if not ahead:
            return Finding("ok", "epoch", "this database is the one that the ledger was written in")
        message = f"{ahead} client files say that they had sent more in this epoch than is here"
        advice = "if the server's files were put back to an earlier moment: jobledger epoch --begin 'restored'"
        return Finding("warn", "epoch", message, advice)
    message = "this database was restored, promoted or copied since the ledger was last sequenced"
    return Finding("warn", "epoch", message, "start a processor: it begins a new epoch, and clients notice")


def _examine_leader(connection: Session) -> Finding:
    start = "start a processor: jobledger serve --app ..."
    leader = read_leader(connection)
    if leader is None:
        return Finding("fail", "leader", "none is elected: nothing is put in order, so no new job starts", start)
    who = f"{leader.host} pid {leader.pid} (server process {leader.backend_pid})"
    since = f"elected {leader.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if leader.idle_s <= SILENT_S:
        return Finding("ok", "leader", f"{who}, {since}")
    message = f"{who}, {since}, has done nothing for {leader.idle_s:.0f} s, and no other processor has taken over"
    return Finding("fail", "leader", message, f"is it stopped, or its event loop blocked? {start}")


def _examine_duties(connection: Session) -> Iterator[Finding]:
    leader = read_leader(connection)
    failing = leader.failing if leader is not None else {}
    if not failing:
        yield Finding("ok", "duties", "none of the leader's duties fails")
    for duty in failing.values():
        message = f"{duty['trouble']}: failed {duty['times']} times since {duty['since']:.19}: {duty['error']}"
        yield Finding("fail", "duties", message, "it is tried again; look at the log of the leader's processor")


def _examine_backlog(connection: Session) -> Finding:
    log = read_log_state(connection)
    age_s = log.oldest_unsequenced_s or 0.0
    message = f"{log.unsequenced} events wait to be put in order"
    if age_s <= BACKLOG_S:
        return Finding("ok", "log", f"at number {log.last_seq}; {message}")
    return Finding(
        "fail", "log", f"{message}, the oldest for {age_s:.0f} s", "look at the log of the leader's processor"
    )


def _examine_processors(connection: Session) -> Iterator[Finding]:
    processors = read_processors(connection)
    if not processors:
        yield Finding("fail", "processors", "none is running", "start one: jobledger serve --app ...")
    for found in processors:
        who = f"{found.host} pid {found.pid} ({found.processor})"
        age_s = found.heartbeat_age_s
        if not found.holds_lock:
            advice = "its jobs are taken over within seconds, if there is a leader"
            yield Finding("warn", "processors", f"{who} is gone", advice)
        elif age_s > SILENT_S:
            advice = "is it stopped, or starved of CPU? it is given up when its lease is over"
            yield Finding("warn", "processors", f"{who} has been silent for {age_s:.1f} s", advice)
        elif found.loop_still_s > SILENT_S:
            message = f"{who}: its event loop has not moved for {found.loop_still_s:.0f} s"
            yield Finding("warn", "processors", message, "an async handler blocks it: make that a plain one")
        else:
            yield Finding("ok", "processors", f"{who} serves {', '.join(found.names)} in {', '.join(found.namespaces)}")


def _examine_unserved(connection: Session, most: int | None) -> Iterator[Finding]:
    unserved = symptoms.find_unserved(connection, most=most)
    if not unserved.shown:
        yield Finding("ok", "handlers", "every waiting job has a processor that serves it")
    for found in unserved.shown:
        message = f"{found.jobs} jobs wait: no live processor serves {found.name!r} in namespace {found.namespace!r}"
        yield Finding("fail", "handlers", message, "deploy its handler, start its processor, or cancel the jobs")
    if more := unserved.names - len(unserved.shown):
        jobs = unserved.jobs - sum(found.jobs for found in unserved.shown)
        yield Finding(
            "fail", "handlers", f"so do {jobs} jobs of {more} more names", "see them all with --all or --json"
        )


def _examine_events(connection: Session) -> Finding:
    found = symptoms.find_unreadable(connection, among=LATEST)
    if not found.events:
        return Finding("ok", "events", f"of the latest {LATEST}, every reader can read all")
    message = f"of the latest {LATEST} events, {found.events} cannot be read by every reader, as {found.first}"
    return Finding("warn", "events", message, "they have no effect and stop nobody; jobledger verify names all of them")


def _examine_waiting(connection: Session) -> Finding:
    waiting = read_waiting(connection)
    message = ", ".join(f"{jobs} {reason}" for reason, jobs in waiting.items())
    return Finding("ok", "waiting", f"why pending jobs do not start yet: {message}" if waiting else "no job waits")


def _examine_overdue(connection: Session) -> Finding:
    found = symptoms.find_overdue(connection, later_than_s=BACKLOG_S)
    if not found.jobs:
        return Finding("ok", "schedule", "no job is overdue")
    message = f"{found.jobs} jobs are due and cannot be claimed yet, the first for {found.oldest_s} s"
    return Finding("fail", "schedule", message, "look at the log of the leader's processor")


def _examine_left_behind(connection: Session) -> Finding:
    found = symptoms.find_left_behind(connection)
    if not found.claims:
        return Finding("ok", "claims", "none is left by a processor that is gone")
    message = f"{found.claims} claims are left by {found.processors} processors that are gone"
    return Finding("warn", "claims", message, "the leader takes them back within seconds; if not, look at its log")


def _examine_stopping(connection: Session) -> Iterator[Finding]:
    found = symptoms.find_stopping(connection, STOPPING)
    if not found:
        yield Finding("ok", "timeouts", "no attempt goes on after its time")
    for row in found:
        who = f"{row.host} pid {row.pid} ({row.processor})"
        message = f"{row.attempts} attempts on {who} {STOPPING}; one is of job {row.job_id}"
        advice = "they hold their places until their functions return: restart that processor if these never do"
        yield Finding("warn", "timeouts", message, advice)


def _examine_transactions(connection: Session) -> Iterator[Finding]:
    found = symptoms.find_long_transactions(connection, longer_than=LONG_TRANSACTION)
    if not found:
        yield Finding("ok", "transactions", f"none is older than {LONG_TRANSACTION}, of those this login may see")
    for row in found:
        who = f"server process {row.pid} ({row.usename}, {row.application_name or 'no name'}, {row.state})"
        advice = "jobs go on, but the tables grow meanwhile: end it, or find out why it stays"
        yield Finding("warn", "transactions", f"{who} has been in one for {row.age_s} s", advice)


def _examine_notifications(connection: Session) -> Finding:
    used = symptoms.read_queue_usage(connection)
    message = f"the cluster's queue of notifications is {used:.0%} full"
    if used < HINTS_STOP_AT:
        return Finding("ok", "notify", message)
    advice = "some session listens and stays in a transaction, maybe in another database: end it"
    return Finding("warn", "notify", f"{message}: hints are held back, and work waits for the next poll", advice)
