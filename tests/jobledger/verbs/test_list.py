"""``jobledger list``."""

from __future__ import annotations

import json

from client_verbs import Verb


def test_list_shows_the_latest_first(verb: Verb) -> None:
    ids = [verb("submit", name).strip() for name in ("a", "b", "c")]
    header, *lines = verb("list").splitlines()
    assert header.split() == ["job_id", "name", "shown", "progress", "requested_at"]
    assert [line.split()[0] for line in lines] == ids[::-1]
    rows = [json.loads(line) for line in verb("list", "--limit", "2", "--json").splitlines()]
    assert [row["name"] for row in rows] == ["c", "b"]
    assert verb("list", "--before", ids[1], "--json").count("\n") == 1
    assert verb("list", "--status", "running", "--json") == ""
    assert "is not one of" in verb("list", "--status", "lost", code=2)
