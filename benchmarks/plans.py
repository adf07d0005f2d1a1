"""How Postgres carries out the hot statements, nested ones too: asked with auto_explain in one session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from benchmarks.filling import push_jobs, sequence_all
from ledger.feed import read_history
from ledger.ids import new_id

if TYPE_CHECKING:
    from psycopg.errors import Diagnostic

    from benchmarks.server import Database

BATCH: Final = 100
GROWING: Final = ("events", "log", "jobs", "queue")
"""The tables of which no hot statement may read the whole."""
_SETTINGS: Final = (
    "load 'auto_explain'",
    "set auto_explain.log_min_duration = 0",
    "set auto_explain.log_nested_statements = on",
    "set auto_explain.log_analyze = on",
    "set auto_explain.log_buffers = on",
    "set auto_explain.log_timing = off",
    "set auto_explain.log_format = 'json'",
    "set client_min_messages = log",
)


@dataclass(slots=True)
class Seen:
    """What a call touched: pages, and which growing tables were read from end to end."""

    pages: int = 0
    whole_tables: list[str] = field(default_factory=list)


def look_at_plans(database: Database) -> dict[str, Seen]:
    """Run a claim, a record, a pull, a listing and a history on ``BATCH`` jobs. The database must have no processor."""
    sequence_all(database)
    push_jobs(database, BATCH)
    seen: dict[str, Seen] = {}
    current = Seen()

    def hear(notice: Diagnostic) -> None:
        _, _, plan = (notice.message_primary or "").partition("plan:")
        if plan:
            top = json.loads(plan)["Plan"]
            current.pages = max(current.pages, top["Shared Hit Blocks"] + top["Shared Read Blocks"])
            current.whole_tables += [
                node["Relation Name"]
                for node in _nodes(top)
                if node["Node Type"] == "Seq Scan" and node["Relation Name"] in GROWING and node["Actual Loops"]
            ]

    with database.look() as connection:
        for setting in _SETTINGS:
            connection.execute(setting)
        connection.add_notice_handler(hear)

        def call(name: str, query: str, login: str, **parameters: object) -> list[dict[str, Any]]:
            nonlocal current
            connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(login)))
            current = seen[name] = Seen()
            rows = connection.execute(query.encode(), parameters).fetchall()
            current = Seen()
            connection.execute("reset session authorization")
            return rows

        worker, app, processor = database.processor, database.apps[0], new_id()
        before = connection.execute("select last_seq from ledger.sequencer").fetchall()[0]["last_seq"]
        call("sequence", "select * from ledger.sequence()", worker)
        connection.execute(
            "select ledger.register_processor(%(processor)s, 'bench', 1, '{default}', '{noop}')",
            {"processor": processor},
        )
        claimed = call(
            "claim",
            "select c.job_id::text from ledger.claim(%(processor)s, %(claim)s, '{default}', '{noop}', %(limit)s) c",
            worker, processor=processor, claim=new_id(), limit=BATCH,
        )  # fmt: skip
        jobs = [row["job_id"] for row in claimed]
        call(
            "record",
            """
            select * from ledger.record(
                %(processor)s, %(ids)s::uuid[], %(jobs)s::uuid[], array_fill(1, array[%(n)s]),
                array_fill('job.completed'::text, array[%(n)s]), array_fill(now(), array[%(n)s]),
                array_fill('{"attempt":1}'::text, array[%(n)s]))""",
            worker, processor=processor, ids=[str(new_id()) for _ in jobs], jobs=jobs, n=len(jobs),
        )  # fmt: skip
        call("pull", "select * from ledger.pull(%(after)s::bigint, null, %(limit)s)", app, after=before, limit=BATCH)
        call("list", "select * from ledger.my_jobs order by job_id desc limit %(limit)s", app, limit=BATCH)
        current = seen["history"] = Seen()
        read_history(connection, jobs[0])
    return seen


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
