"""``jobledger wait``."""

from __future__ import annotations

import json

from client_verbs import Verb
from stepwise import Server

from client_sync import JobClient


def test_wait_prints_the_result(verb: Verb, online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    online.sync()
    server.complete("count-words", {"words": 17})
    printed = verb("wait", str(job.id), "--sync", "--dsn", server.dsn, "--timeout", "30")
    assert json.loads(printed) == {"words": 17}
    assert json.loads(verb("wait", str(job.id), "--json"))["status"] == "completed"


def test_wait_ends_with_5_when_the_job_did_not_complete(verb: Verb, online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    online.cancel(job.id)
    online.sync()
    server.sequence()
    online.sync()
    assert "was cancelled" in verb("wait", str(job.id), code=5)
    printed = verb("wait", str(job.id), "--json", code=5)
    assert json.loads(printed.splitlines()[0])["shown"] == "cancelled"


def test_wait_gives_up_in_time(verb: Verb) -> None:
    job_id = verb("submit", "count-words").strip()
    assert "is still saved" in verb("wait", job_id, "--timeout", "0.05", code=1)
