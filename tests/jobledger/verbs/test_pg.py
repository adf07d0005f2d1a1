"""``jobledger pg``: what a user types, and what comes back."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from jobledger.cli import run
from jobledger.embedded import EmbeddedPostgres

pytestmark = pytest.mark.usefixtures("servers_in_memory")


@pytest.fixture
def data() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="jobledger-test-"))
    folder.chmod(0o711)
    yield str(folder / "pg")
    EmbeddedPostgres(folder / "pg").stop()
    shutil.rmtree(folder)


def test_start_prints_a_dsn_to_connect_with_and_can_be_repeated(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pg", "start", "--data", data]) == 0
    dsn = capsys.readouterr().out.strip()
    psycopg.connect(dsn).close()

    assert run(["pg", "start", "--data", data]) == 0
    assert capsys.readouterr().out.strip() == dsn

    assert run(["pg", "url", "--data", data]) == 0
    assert capsys.readouterr().out.strip() == dsn


def test_stop_ends_the_server_and_says_nothing(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(["pg", "start", "--data", data])
    capsys.readouterr()
    assert run(["pg", "stop", "--data", data]) == 0
    assert run(["pg", "stop", "--data", data]) == 0
    assert capsys.readouterr().out == ""
    assert not EmbeddedPostgres(Path(data)).running


def test_json_says_whether_it_runs_and_where(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(["pg", "start", "--data", data, "--port", "0", "--json"])
    started = json.loads(capsys.readouterr().out)
    assert started["running"] is True
    assert started["data"] == str(Path(data).resolve())
    psycopg.connect(started["dsn"]).close()

    run(["pg", "url", "--data", data, "--database", "template1", "--user", "postgres", "--json"])
    assert "@/template1?" in json.loads(capsys.readouterr().out)["dsn"]

    run(["pg", "stop", "--data", data, "--json"])
    assert json.loads(capsys.readouterr().out) == {"running": False, "dsn": None, "data": started["data"]}


def test_url_of_a_server_that_is_not_there_is_one_clean_line(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pg", "url", "--data", data]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: no server is running in ")
    assert said.err.endswith("(start one with `jobledger pg start`)\n")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("verb", ["start", "stop", "url"])
def test_every_verb_shows_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pg", verb, "--help"]) == 0
    assert "Example:" in capsys.readouterr().out
