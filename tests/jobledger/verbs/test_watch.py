"""``jobledger watch``."""

from __future__ import annotations

import json

from client_verbs import Verb
from stepwise import Server

from client_sync import JobClient


def test_watch_prints_a_line_for_each_change(verb: Verb, online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    online.sync()
    server.sequence()
    server.start("count-words")
    server.record(job.id, "attempt.progressed", n=1, percent=50.0, message="half")
    server.sequence()
    online.sync()
    server.record(job.id, "job.completed", result=17)
    server.sequence()
    lines = verb("watch", str(job.id), "--sync", "--dsn", server.dsn, "--timeout", "30").splitlines()
    assert lines == ["running    50% half", "completed  50% half"]
    (row,) = [json.loads(line) for line in verb("watch", str(job.id), "--json").splitlines()]
    assert (row["shown"], row["result"]) == ("completed", 17)
