"""``jobledger cancel``."""

from __future__ import annotations

import json

from client_verbs import Verb
from stepwise import Server

from client_sync import JobClient


def test_cancel_says_what_becomes_of_the_job(verb: Verb) -> None:
    job_id = verb("submit", "count-words").strip()
    assert verb("cancel", job_id, "--reason", "wrong file") == "cancelling\n"
    assert json.loads(verb("cancel", job_id, "--json"))["cancel_requested_at"]


def test_a_job_that_has_ended_cannot_be_cancelled(verb: Verb, online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    online.sync()
    server.complete("count-words", 17)
    online.sync()
    assert "has ended: completed" in verb("cancel", str(job.id), code=4)
