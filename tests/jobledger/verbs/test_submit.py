"""``jobledger submit``: one request, or many from a file of lines."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest
from client_verbs import Verb

from client_sync import JobClient


def test_submit_prints_the_id_of_the_job(verb: Verb, path: Path) -> None:
    printed = verb("submit", "count-words", "--params", '{"path": "a.txt"}', "--label", "team=docs", "--priority", "5")
    with JobClient(path) as jobs:
        job = jobs.get(printed.strip())
        assert (job.name, job.priority, job.labels) == ("count-words", 5, {"team": "docs"})


def test_everything_that_can_be_asked_for(verb: Verb) -> None:
    row = json.loads(
        verb(
            "submit", "count-words", "--run-at", "2030-01-01T00:00:00Z", "--expires-at", "2031-01-01T00:00:00Z",
            "--namespace", "night", "--key", "daily", "--max-attempts", "3", "--timeout", "2.5", "--json",
        )
    )  # fmt: skip
    assert (row["namespace"], row["key"], row["shown"]) == ("night", "daily", "saved")
    assert (row["run_at"], row["expires_at"]) == ("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z")
    again = verb("submit", "count-words", "--namespace", "night", "--key", "daily")
    assert again.strip() == row["job_id"], "one unfinished job a key"


def test_params_come_from_a_file_or_from_standard_input(verb: Verb, tmp_path: Path, path: Path) -> None:
    (tmp_path / "params.json").write_text('{"n": 1}')
    first = verb("submit", "a", "--params", f"@{tmp_path / 'params.json'}").strip()
    second = verb("submit", "a", "--params", "-", stdin='{"n": 2}').strip()
    with JobClient(path) as jobs:
        found = [json.loads(jobs.history(job)[0].model_dump_json())["data"]["params"] for job in (first, second)]
    assert found == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "which job? Give its NAME"),
        (("a", "--params", "{"), 1, "--params is not JSON"),
        (("a", "--params", "[]"), 1, "--params is not a JSON object"),
        (("a", "--params", '{"x": NaN}'), 1, "NaN is not JSON"),
        (("a", "--label", "x"), 2, "write KEY=VALUE"),
        (("a", "--run-at", "tomorrow"), 1, "'tomorrow' is not a time"),
        (("a", "--timeout", "0"), 1, "limits.timeout"),
        (("",), 1, "at least 1 character"),
        (("--many", "missing.ndjson"), 1, "cannot read missing.ndjson"),
        (("--many", "-", "--params", "{}"), 2, "each line has its own params"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(
    verb: Verb, path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    printed = verb("submit", *arguments, code=code)
    assert said in printed
    assert "Traceback" not in printed
    assert not path.exists()


def test_many_requests_come_from_a_file_of_lines(verb: Verb, tmp_path: Path, path: Path) -> None:
    lines = [{"params": {"n": n}} for n in range(1100)] + [{"name": "other", "priority": 3}]
    file = tmp_path / "requests.ndjson"
    file.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    printed = verb("submit", "count-words", "--many", str(file), "--namespace", "bulk").split()
    assert len({UUID(line) for line in printed}) == 1101
    with JobClient(path) as jobs:
        assert jobs.unsent == 1101
        last = jobs.get(printed[-1])
        assert (last.name, last.priority, last.namespace) == ("other", 3, "bulk")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "is not JSON"),
        ("[]", "not a JSON object"),
        ('{"parms": {}}', "no field parms"),
        ('{"priority": "high"}', "priority: 'high' is not a whole number"),
        ('{"params": []}', "params: "),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_saved(verb: Verb, path: Path, line: str, said: str) -> None:
    printed = verb("submit", "a", "--many", "-", code=1, stdin="{}\n" * 600 + line + "\n")
    assert "-, line 601: " in printed
    assert said in printed
    assert "nothing of it was saved" in printed
    assert not path.exists()


def test_many_needs_no_name_where_each_line_has_one(verb: Verb) -> None:
    assert len(verb("submit", "--many", "-", stdin='{"name": "a"}\n{"name": "b"}\n').split()) == 2
    assert "line 1: a request needs a name" in verb("submit", "--many", "-", code=1, stdin="{}")
