"""The client's verbs, as a person or a script types them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from stepwise import Server
from waiting import until

from client_sync import JobClient
from jobledger.cli import run

UNKNOWN = "01970000-0000-7000-8000-000000000001"
Verb = Callable[..., str]


@pytest.fixture
def verb(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Run a verb on the test's file. Gives what it printed; fails unless it ends with ``code``."""
    monkeypatch.setenv("JOBLEDGER_DB", str(path))

    def verb(*arguments: str, code: int = 0, stdin: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        found = run(arguments)
        out, err = capsys.readouterr()
        assert found == code, err
        return out if code == 0 else out + err

    return verb


@pytest.mark.parametrize("name", ["submit", "cancel", "show", "list", "watch", "wait", "sync"])
def test_every_verb_explains_itself_with_an_example(verb: Verb, name: str) -> None:
    text = verb(name, "--help")
    assert f"jobledger {name}" in text
    assert "Example:" in text
    assert "--json" in text


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


def test_show_and_its_alias_tell_what_is_known(verb: Verb) -> None:
    job_id = verb("submit", "count-words", "--label", "team=docs").strip()
    text = verb("show", job_id)
    assert job_id in text
    assert '{"team": "docs"}' in text
    assert "result" not in text, "there is none yet"
    row = json.loads(verb("status", job_id, "--json"))
    assert (row["job_id"], row["shown"], row["standing"], row["finished_at"]) == (job_id, "saved", "saved", None)


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


def test_sync_says_what_it_exchanged(verb: Verb, server: Server) -> None:
    verb("submit", "count-words")
    assert verb("sync", "--dsn", server.dsn) == "pushed 1, refused 0, pulled 0\n"
    server.complete("count-words", 17)
    assert json.loads(verb("sync", "--dsn", server.dsn, "--json")) == {
        "pushed": 0, "refused": 0, "pulled": 2, "forked": False, "rewound": False, "new_epoch": False,
        "confirmed": 1,
    }  # fmt: skip


def test_sync_names_what_was_refused(
    verb: Verb, server: Server, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    JobClient(path).close()
    with JobClient(path) as jobs, jobs.transaction() as db:
        db.execute('insert into events (type, data) values (\'job.requested\', \'{"name": "a", "parent": "x"}\')')
    assert run(["sync", "--dsn", server.dsn]) == 0
    out, err = capsys.readouterr()
    assert out == "pushed 0, refused 1, pulled 0\n"
    assert err.startswith("refused job.requested of ")


def test_sync_without_a_server_ends_with_7(verb: Verb) -> None:
    verb("submit", "count-words")
    assert verb("sync", "--dsn", "postgresql://127.0.0.1:1/nothing", code=7).startswith(
        "error: no session with Postgres"
    )


def test_sync_with_the_login_of_somebody_else_ends_with_4(verb: Verb, online: JobClient, server: Server) -> None:
    online.sync()
    assert "belongs to app_alice" in verb("sync", "--dsn", server.other_dsn, code=4)


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


def test_sync_can_go_on_until_it_is_interrupted(verb: Verb, path: Path, server: Server) -> None:
    job_id = verb("submit", "count-words").strip()
    process = subprocess.Popen(
        [sys.executable, "-m", "jobledger", "sync", "--watch", "--dsn", server.dsn],
        env={**os.environ, "JOBLEDGER_DB": str(path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    until(lambda: server.count("job.requested") == 1, "the push")
    server.complete("count-words", 17)
    with JobClient(path) as jobs:
        assert jobs.wait(job_id, timeout=30).result == 17
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out.splitlines()[0] == "pushed 1, refused 0, pulled 0"
