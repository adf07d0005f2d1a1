"""P16: code of the version before goes on beside that of the next one, through the upgrade and after it."""

from __future__ import annotations

import shutil
from pathlib import Path

from databases import Database
from old_version import V1, OldVersion
from serving import processor
from waiting import until

from jobledger import JobClient
from ledger.postgres.feed import verify
from ledger.postgres.upgrade import upgrade

SUBMIT_AND_WAIT = """
import sys
from client_sync import JobClient
with JobClient(sys.argv[1], sys.argv[2]) as jobs:
    jobs.start_sync()
    asked = [jobs.submit("square", {"n": n}) for n in range(int(sys.argv[3]))]
    print(*(jobs.wait(job.id, timeout=100).status for job in asked))
"""
SUBMIT_CANCEL_AND_ASK = """
import sys
from client_sync import JobClient
with JobClient(sys.argv[1], sys.argv[2]) as jobs:
    cancelled = jobs.submit("nobody-serves-this")
    jobs.cancel(cancelled.id)
    jobs.sync()
    print(jobs.limits.max_batch_events, jobs.unsent, jobs.last_error)
"""
STARTED = """
    select count(*) as n from ledger.events e join ledger.processors p on e.data ->> 'processor' = p.processor::text
    where e.type = 'attempt.started' and p.pid = %(pid)s
"""


def test_p16_running_processors_and_clients_of_the_version_before_go_on(
    v1: Database, old: OldVersion, tmp_path: Path
) -> None:
    owner = v1.connect()
    file = tmp_path / "file.sqlite"
    shutil.copy(V1 / "file.sqlite", file)
    worker, alice = v1.dsn_as("worker"), v1.dsn_as("app_alice")

    def started(pid: int) -> int:
        row = owner.execute(STARTED, {"pid": pid}).fetchone()
        assert row is not None
        return int(row["n"])

    with old.processor(worker, tmp_path / "old.log") as before:
        assert old.run(SUBMIT_AND_WAIT, str(file), alice, "2") == "completed completed\n"
        upgrade(owner)
        ran = started(before.pid)
        # old clients with an old processor alone, on the new schema
        assert old.run(SUBMIT_AND_WAIT, str(file), alice, "3") == "completed completed completed\n"
        assert started(before.pid) >= ran + 3
        assert old.run(SUBMIT_CANCEL_AND_ASK, str(file), alice) == "5000 0 None\n"
        with processor(worker, tmp_path / "new.log") as after:
            registered = "select 1 as one from ledger.processors where pid = %(pid)s"
            until(lambda: owner.execute(registered, {"pid": after.pid}).fetchone(), "the new processor to be there")
            # one dies, and the other takes over what is common: whichever leads
            assert old.run(SUBMIT_AND_WAIT, str(file), alice, "20").split() == 20 * ["completed"]
            before.kill()
            assert old.run(SUBMIT_AND_WAIT, str(file), alice, "3") == "completed completed completed\n"
            assert started(after.pid) > 0
    verify(owner)


def test_p16_a_file_of_the_version_before_goes_on_through_the_upgrade_with_a_newer_app(
    v1: Database, old: OldVersion, tmp_path: Path
) -> None:
    """Apps are upgraded when their users get to it: this one before its server, and with something in its outbox."""
    owner, worker = v1.connect(), v1.dsn_as("worker")
    file = tmp_path / "file.sqlite"
    shutil.copy(V1 / "file.sqlite", file)
    with JobClient(file, v1.dsn_as("app_alice")) as jobs:
        assert jobs.unsent == 2
        kept = {job.id: job.shown for job in jobs.list(limit=1000) if job.finished}
        with old.processor(worker, tmp_path / "old.log"):
            jobs.start_sync()
            assert jobs.wait(jobs.submit("square", {"n": 4}).id, timeout=100).result == 16
            assert jobs.unsent == 0
            upgrade(owner)
            assert jobs.wait(jobs.submit("square", {"n": 5}).id, timeout=100).result == 25
        with processor(worker, tmp_path / "new.log"):
            assert jobs.wait(jobs.submit("square", {"n": 6}).id, timeout=100).result == {"square": 36}
        assert jobs.last_error is None
        assert {job_id: jobs.get(job_id).shown for job_id in kept} == kept
    verify(owner)


def test_p16_an_old_processor_that_starts_anew_says_what_to_do(v1: Database, old: OldVersion) -> None:
    """0.1.0 compared versions for equality. From version 2 on code checks a range."""
    upgrade(v1.connect())
    ended = old.jobledger("serve", "--app", "make:jobs", "--dsn", v1.dsn_as("worker"))
    assert ended.returncode == 4
    assert "the database holds schema 2; this jobledger knows 1 (upgrade jobledger)" in ended.stderr
