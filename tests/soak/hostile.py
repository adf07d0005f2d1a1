"""Bytes that some program may put into a file, which no reader elsewhere can be expected to hold."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import UUID

from ledger.model.ids import new_id

NUL_IN_ID: Final = "NUL at the end of the id"
DATA: Final[dict[str, bytes]] = {
    "NUL at the end": b'{"name": "soak"}\x00',
    "NUL in a text": b'{"name": "so\x00ak"}',
    "NUL, escaped": b'{"name": "soak", "params": {"text": "\\u0000"}}',
    "not UTF-8": b'{"name": "soak \xff"}',
    "half of a pair": b'{"name": "soak \xed\xa0\x80"}',
    "5,000 digits": b'{"name": "soak", "params": {"n": ' + b"9" * 5000 + b"}}",
    "200 levels": b'{"name": "soak", "params": ' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}",
    NUL_IN_ID: b'{"name": "soak"}',
}


def write(path: Path, what: str, job_id: UUID, *, unchecked: bool) -> None:
    """Insert such a request with plain SQL; ``unchecked`` as a file of old, or another program, would take it.

    Raises sqlite3.Error where the file refuses it.
    """
    asked = {"job": str(job_id), "data": DATA[what]}
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        if unchecked:
            connection.execute("pragma ignore_check_constraints = on")
        if what == NUL_IN_ID:
            connection.execute(
                """
                insert into events (id, job_id, type, data)
                values (:id || char(0), :job, 'job.requested', cast(:data as text))""",
                {"id": str(new_id()), **asked},
            )
        else:
            connection.execute(
                "insert into events (job_id, type, data) values (:job, 'job.requested', cast(:data as text))", asked
            )
