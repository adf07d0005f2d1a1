"""The one path of the design, end to end: a file, a server, a processor of its own process, and the result back."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from databases import Database
from ledger_calls import assert_projection_is_fold
from serving import processor
from waiting import until

from client_sync import JobClient

PLAIN_SQL = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
with db:
    db.execute('''insert into events (type, data)
                  values ('job.requested', '{"name": "square", "params": {"n": 12}}')''')
print(db.execute("select job_id from jobs").fetchone()[0])
"""


def test_what_is_submitted_offline_comes_back_with_its_result(database: Database, tmp_path: Path) -> None:
    with JobClient(tmp_path / "app.db") as offline:
        job = offline.submit("square", {"n": 7})
        assert job.shown == "saved"
    with (
        JobClient(tmp_path / "app.db", dsn=database.dsn_as("app_alice")) as jobs,
        processor(database.dsn_as("worker"), tmp_path / "log"),
    ):
        jobs.start_sync()
        assert jobs.wait(job.id, timeout=30).result == {"square": 49}
        assert [event.type for event in jobs.history(job.id)] == [
            "job.requested",
            "attempt.started",
            "attempt.progressed",
            "job.completed",
        ]
    assert_projection_is_fold(database.connect())


def test_a_replica_written_by_plain_sql_syncs_and_runs(database: Database, tmp_path: Path) -> None:
    """Nothing of ours is imported where the job is requested and where its result is read."""
    file = tmp_path / "app.db"
    JobClient(file).close()
    written = subprocess.run([sys.executable, "-I", "-c", PLAIN_SQL, file], capture_output=True, text=True, check=True)
    job_id = written.stdout.strip()
    sync = [sys.executable, "-m", "jobledger", "sync", "--db", str(file), "--dsn", database.dsn_as("app_alice")]
    with processor(database.dsn_as("worker"), tmp_path / "log"), sqlite3.connect(file) as reader:

        def result() -> object:
            subprocess.run(sync, check=True, capture_output=True)
            return reader.execute("select result from jobs where job_id = ?", [job_id]).fetchone()[0]

        assert until(result, "the result") == '{"square":144}'
    reader.close()
    assert_projection_is_fold(database.connect())
