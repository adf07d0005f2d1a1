"""docs/replica.md, run as it stands."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from stepwise import Server

from client_sync import JobClient
from client_sync.file.limits import ServerLimits
from client_sync.file.schema import APPLICATION_ID, VERSION
from client_sync.file.upgrade import statements

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "replica.md").read_text(encoding="utf-8")
SCHEMA = (ROOT / "client_sync" / "file" / "replica.sql").read_text(encoding="utf-8")


def blocks() -> Iterator[tuple[bool, str]]:
    """Each SQL block of the page, and whether it is there to be refused."""
    for mark, block in re.findall(r"```sql( refused)?\n(.*?)```", PAGE, re.DOTALL):
        yield bool(mark), re.sub(r" *--.*", "", block)


def test_every_sql_block_does_what_the_page_says(online: JobClient, server: Server, plain: sqlite3.Connection) -> None:
    finished = online.submit("finished")
    online.sync()
    server.complete("finished", 17)
    online.sync()
    plain.execute("update jobs set finished_at = '2025-12-31T00:00:00Z' where status = 'completed'")
    job_id = finished.id
    returned: dict[str, list[tuple[object, ...]]] = {}
    for refused, block in blocks():
        for statement in statements(block):
            names = re.findall(r":(job_id)\b", statement)
            values = {name: str(job_id) for name in names}
            if refused:
                with pytest.raises(sqlite3.IntegrityError) as error:
                    plain.execute(statement, values)
                assert str(error.value) in PAGE
                continue
            rows = plain.execute(statement, values).fetchall()
            returned[" ".join(statement.split())] = rows
            if "returning id as job_id" in statement:
                ((job_id,),) = rows

    job = online.get(job_id)
    assert (job.name, job.shown) == ("count-words", "cancelling")
    assert job.cancel_requested_at is not None
    assert returned["pragma application_id;"] == [(APPLICATION_ID,)]
    assert returned["pragma user_version;"] == [(VERSION,)]
    (row,) = next(rows for query, rows in returned.items() if query.startswith("select job_id, name, shown, status"))
    assert row[:5] == (str(job_id), "count-words", "cancelling", "cancelled", "saved")
    history = next(rows for query, rows in returned.items() if query.startswith("select type, coalesce"))
    assert [kind for kind, *_ in history] == ["job.requested", "job.cancel_requested", "job.signalled"]
    assert next(rows for query, rows in returned.items() if "as unsent" in query) == [(6,)]
    limits = ServerLimits()
    assert next(rows for query, rows in returned.items() if query.startswith("select max_event")) == [
        (262_144, 262_144, 64, limits.max_batch_events, limits.max_batch_bytes)
    ]
    assert online.list(name="finished") == [], "it has left"
    assert online.sync().pushed == 6


def test_the_page_names_every_refusal_of_an_apps_insert() -> None:
    messages = [text.replace("''", "'") for text in re.findall(r"raise\(abort, '((?:[^']|'')*)'\)", SCHEMA)]
    named = [text for text in messages if not text.startswith(("replica", "seq: "))]
    assert [text for text in named if f"`{text}`" not in PAGE] == []


def test_the_page_names_everything_in_the_file(plain: sqlite3.Connection) -> None:
    names = [name for (name,) in plain.execute("select name from sqlite_schema where type in ('table', 'view')")]
    assert "deep_events" in names
    assert [name for name in names if f"`{name}`" not in PAGE and not name.startswith(("sqlite_", "_sqlite_"))] == []
