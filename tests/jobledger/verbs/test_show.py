"""``jobledger show``, and what all verbs that look at a job have in common."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from client_verbs import Verb

from client_sync import JobClient

UNKNOWN = "01970000-0000-7000-8000-000000000001"


def test_show_and_its_alias_show_what_is_known(verb: Verb) -> None:
    job_id = verb("submit", "count-words", "--label", "team=docs").strip()
    text = verb("show", job_id)
    assert job_id in text
    assert '{"team": "docs"}' in text
    assert "result" not in text, "there is none yet"
    row = json.loads(verb("status", job_id, "--json"))
    assert (row["job_id"], row["shown"], row["standing"], row["finished_at"]) == (job_id, "saved", "saved", None)


def test_show_says_why_a_job_waits(verb: Verb) -> None:
    later = verb("submit", "count-words", "--run-at", "2999-01-01T00:00:00Z").strip()
    assert "due: its time has not come" in verb("show", later)
    assert json.loads(verb("show", later, "--json"))["waits_for"] == "due"
    ready = verb("submit", "count-words").strip()
    assert "waits_for" not in verb("show", ready)
    past = verb("submit", "count-words", "--run-at", "2020-01-01T00:00:00Z").strip()
    assert json.loads(verb("show", past, "--json"))["waits_for"] is None


@pytest.mark.parametrize("name", ["show", "cancel", "watch", "wait"])
def test_an_unknown_job_is_not_found(verb: Verb, path: Path, name: str) -> None:
    JobClient(path).close()
    assert f"no job {UNKNOWN}" in verb(name, UNKNOWN, code=3)
    assert "is not a job id" in verb(name, "nonsense", code=2)


@pytest.mark.parametrize("name", ["show", "cancel", "watch", "wait", "list"])
def test_a_missing_file_is_not_made_by_looking(verb: Verb, path: Path, name: str) -> None:
    arguments = [] if name == "list" else [UNKNOWN]
    assert "no such file" in verb(name, *arguments, code=1)
    assert not path.exists()
