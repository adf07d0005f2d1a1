"""The auditor's verbs: history, log, verify. All of them only read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from jobledger.verbs.console import (
    dsn_option,
    emit_json,
    emit_json_text,
    emit_table,
    json_option,
    progress_bar,
    read_job_id,
    say,
    shorten,
)
from ledger.postgres.database import is_pooled
from ledger.postgres.feed import fold_history, read_history, read_log
from ledger.postgres.feed import verify as verify_ledger
from ledger.postgres.schema import open_ledger

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

LOOK_EVERY_S: Final = 5.0
LOOK_EVERY_POOLED_S: Final = 1.0


@click.command()
@click.argument("job")
@click.option("--as-of", metavar="SEQ|TIME", help="As it was after this number of the log, or at this time (RFC 3339).")
@json_option
@dsn_option
def history(job: str, as_of: str | None, as_json: bool, dsn: str) -> None:
    """Show everything that happened to JOB, in order, and what it adds up to.

    \b
    Example:
      jobledger history 01a20077-a74b-7112-b493-f73d2a69e3bf --as-of 1200
    """
    job_id = read_job_id(job)
    moment = _read_moment(as_of)
    with open_ledger(dsn, application_name="jobledger audit") as connection:
        rows = read_history(connection, job_id, as_of=moment)
    if as_json:
        for row in rows:
            emit_json_text(_event_text(row))
        return
    emit_table([_summary(row) for row in rows], ["seq", "recorded at", "type", "actor", "data"])
    state = fold_history(job_id, rows)
    parts = [f"{state.status or 'not requested yet'}", f"attempt {state.attempt}"]
    if state.error:
        parts.append(f"{state.error.type}: {shorten(state.error.message, 80)}")
    if state.result is not None:
        parts.append(f"result {shorten(json.dumps(state.result, ensure_ascii=False), 80)}")
    say("=> " + ", ".join(parts))


@click.command()
@click.option("--after", type=click.IntRange(min=0), default=0, show_default=True, help="Start after this number.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many events.")
@click.option("--owner", help="Only this owner's events.")
@click.option("--type", "event_type", help="Only events of this type.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until interrupted.")
@json_option
@dsn_option
def log(
    after: int, limit: int | None, owner: str | None, event_type: str | None, follow: bool, as_json: bool, dsn: str
) -> None:
    """Print the log: every event in its one order. With --json, an event a line.

    \b
    Example:
      jobledger log --after 1200 --type job.failed --json | jq .data.error
    """
    with open_ledger(dsn, application_name="jobledger audit") as connection:
        for row in _rows(connection, after, limit, owner, event_type, follow):
            if as_json:
                emit_json_text(_event_text(row))
            else:
                s = _summary(row)
                say(f"{s['seq']:>8}  {s['recorded at']}  {s['type']:<21}  {s['job']}  {s['actor']}  {s['data']}")


@click.command()
@json_option
@dsn_option
def verify(as_json: bool, dsn: str) -> None:
    """Replay the whole log through the fold and compare with the state that the server keeps.

    Ends with exit code 6 where they differ, or where the log has a gap. Reads only, from one snapshot, while the
    ledger goes on working.

    \b
    Example:
      jobledger verify --dsn postgresql://auditor@db.example/app
    """
    with open_ledger(dsn, application_name="jobledger audit") as connection:
        total = _estimate(connection)
        with progress_bar(total, "replaying", hidden=as_json) as bar:

            def advance(events: int) -> None:
                bar.update(max(0, events - bar.pos))

            done = verify_ledger(connection, on_progress=advance)
            advance(total)
    if as_json:
        emit_json({"verified": True, "events": done.events, "jobs": done.jobs, "unsequenced": done.unsequenced})
    else:
        waiting = f"; {done.unsequenced} events wait to be put in order" if done.unsequenced else ""
        say(f"verified: {done.events} events add up to the {done.jobs} jobs as the server has them{waiting}")


def _rows(
    connection: Connection[DictRow],
    after: int,
    limit: int | None,
    owner: str | None,
    event_type: str | None,
    follow: bool,
) -> Iterator[DictRow]:
    look_every_s = LOOK_EVERY_S
    if follow and is_pooled(connection):
        look_every_s = LOOK_EVERY_POOLED_S  # no notification comes through
    elif follow:
        connection.execute("listen ledger_feed")
    while True:
        for row in read_log(connection, after=after, owner=owner, type=event_type, limit=limit):
            after = row["seq"]
            limit = None if limit is None else limit - 1
            yield row
        if not follow or limit == 0:
            return
        # a notification is only a hint: look again after a while in any case
        for _ in connection.notifies(timeout=look_every_s, stop_after=1):
            pass


def _estimate(connection: Connection[DictRow]) -> int:
    row = connection.execute("select last_seq from ledger.sequencer").fetchone()
    return int(row["last_seq"]) if row else 0


def _read_moment(text: str | None) -> int | datetime | None:
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"--as-of {text!r} is neither a number of the log nor an RFC 3339 time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _summary(row: DictRow) -> dict[str, Any]:
    return {
        "seq": row["seq"] if row["seq"] is not None else "-",
        "recorded at": row["recorded_at"].astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z",
        "type": row["type"],
        "job": row["job_id"] or "-",
        "actor": row["actor"],
        "data": shorten(row["data"], 100),
    }


def _event_text(row: DictRow) -> str:
    """One event as JSON, with the text of its data as it is stored: reading and writing it anew would round numbers."""
    envelope = {
        key: value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for key, value in row.items()
        if key != "data" and value is not None
    }
    return json.dumps(envelope, default=str, ensure_ascii=False)[:-1] + f', "data": {row["data"]}}}'
