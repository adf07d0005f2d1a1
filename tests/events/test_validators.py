"""The validators of a client's events say the same of client_events.json, but where that says why one differs.

- ``model``: whether the event reads as the catalogue says (pydantic);
- ``client``: what ``JobClient`` accepts from an app, which it has not got as JSON: it offers fewer fields;
- ``file``: what the triggers of the replica file accept from an app that writes SQL;
- ``server``: ``ledger.judge``, which has the last word; a ledger in memory says the same.

An entry is valid unless it says otherwise; ``differs`` names those that say something else, and ``note`` says why.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from databases import Database

from client_sync import JobClient
from client_sync.file.submission import Submission
from client_sync.file.valid_request import cancel_text, validate
from ledger.errors import LedgerError
from ledger.memory.clients import ClientLimits
from ledger.memory.judging import judge
from ledger.model.catalogue import KNOWN
from ledger.model.events import UnknownEvent, parse_event
from ledger.model.ids import new_id

ENTRIES: Final[list[dict[str, Any]]] = json.loads(Path(__file__).with_name("client_events.json").read_text())
JOB: Final = "01a20077-a74b-7112-b493-f73d2a69e3bf"
OFFERED: Final = set(Submission.__dataclass_fields__) - {"job_id", "max_attempts", "timeout", "expires_at"} | {"limits"}


def parts(entry: dict[str, Any]) -> tuple[str, int, str]:
    text = entry["text"] if "text" in entry else json.dumps(entry["data"])
    return entry.get("type", "job.requested"), entry.get("v", 1), text


def named(entry: dict[str, Any]) -> str:
    kind, v, text = parts(entry)
    return f"{kind} {v} {text}"


def by_model(kind: str, v: int, text: str) -> bool:
    row = {"id": new_id(), "job_id": new_id(), "type": kind, "v": v, "owner": "a", "actor": "a", "data": text}
    event = parse_event({**row, "occurred_at": "2026-01-01T00:00:00Z"})
    return (kind, v) in KNOWN and not isinstance(event, UnknownEvent)


def by_client(kind: str, v: int, text: str) -> bool | None:
    """None: an app cannot even say this to ``JobClient``."""
    try:
        data = json.loads(text)
    except ValueError:
        return None
    if v != 1 or type(data) is not dict or kind not in ("job.requested", "job.cancel_requested"):
        return None
    try:
        if kind == "job.cancel_requested":
            cancel_text(data.get("reason"))
            return True
        given = {**data, **(limits if isinstance(limits := data.get("limits"), dict) else {})}
        if data.keys() - OFFERED or isinstance(data.get("limits"), list):
            return None
        given.pop("limits", None)
        validate(given)
    except LedgerError:
        return False
    return True


def by_file(path: Path, kind: str, v: int, text: str) -> bool:
    with closing(sqlite3.connect(path)) as app:
        try:
            app.execute(
                "insert into events (job_id, type, v, data) values (:job_id, :type, :v, :data)",
                {"job_id": JOB, "type": kind, "v": v, "data": text},
            )
        except sqlite3.DatabaseError:
            return False
        finally:
            app.rollback()
    return True


def by_server(database: Database, kind: str, v: int, text: str) -> bool:
    try:
        row = (
            database.connect()
            .execute("select ledger.judge(%(type)s, %(v)s, %(data)s) as verdict", {"type": kind, "v": v, "data": text})
            .fetchone()
        )
    except psycopg.DataError:
        return False
    assert row is not None
    return row["verdict"] is None


def by_memory(kind: str, v: int, text: str) -> bool:
    return judge(kind, v, text, ClientLimits(), datetime.now(UTC)) is None


def test_the_validators_agree_but_where_a_note_says_why(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "replica.db"
    with JobClient(path):
        pass
    wrong = []
    for entry in ENTRIES:
        event = parts(entry)
        said = {
            "model": by_model(*event),
            "client": by_client(*event),
            "file": by_file(path, *event),
            "server": by_server(database, *event),
            "memory": by_memory(*event),
        }
        valid, differs = entry.get("valid", True), entry.get("differs", [])
        wanted = {who: valid is not (who in differs) for who in said}
        wanted["memory"] = wanted["server"]
        if any(found is not None and found is not wanted[who] for who, found in said.items()):
            wrong.append(f"{named(entry)}: {said}, not {wanted}")
        if differs and not entry.get("note"):
            wrong.append(f"{named(entry)}: no note says why {differs} differ")
    assert not wrong, "\n".join(wrong)


def test_what_the_server_accepts_the_model_reads() -> None:
    for entry in ENTRIES:
        accepted = entry.get("valid", True) is not ("server" in entry.get("differs", []))
        reads = entry.get("valid", True) is not ("model" in entry.get("differs", []))
        assert reads or not accepted, named(entry)


@pytest.mark.parametrize("kind", ["job.requested", "job.cancel_requested", "job.signalled"])
def test_there_are_valid_and_invalid_ones_of_each_type_that_a_client_writes(kind: str) -> None:
    verdicts = {entry.get("valid", True) for entry in ENTRIES if parts(entry)[0] == kind}
    assert verdicts == {True, False}
