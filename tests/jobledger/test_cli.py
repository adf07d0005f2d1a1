"""The command ``jobledger`` as a whole: every verb is found, explains itself, and ends as a command should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from databases import Database
from ledger_calls import push_jobs, sequence

from client_sync import JobClient
from jobledger.cli import INTERRUPTED, cli, run
from jobledger.verbs import ALIASES, VERBS, first_line

ROOT = Path(__file__).parents[2]
SILENT = {"serve", "demo"}  # one logs, one tells a story: neither prints data
# A shell's background job starts with SIGINT ignored, and so do its children: this one listens again.
COMMAND = (
    "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nfrom jobledger.cli import main\nmain()\n"
)


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No settings but those of the test: the folder that the commands run in, where a jobledger.toml is read."""
    for name in [name for name in os.environ if name.startswith(("JOBLEDGER_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(*arguments: str, program: str = COMMAND) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def command_of(verb: str) -> click.Command:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    return command


def leaves(verb: str) -> Iterator[tuple[list[str], click.Command]]:
    """What can be typed to run something: the verb itself, or the verbs of a group."""
    command = command_of(verb)
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield [verb, name], inner
    else:
        yield [verb], command


@pytest.mark.parametrize("verb", [*VERBS, *ALIASES])
def test_every_verb_is_a_command(verb: str) -> None:
    assert command_of(verb).name == ALIASES.get(verb, verb)


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_in_a_line_what_a_verb_does_and_shows_an_example(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, command in [([verb], command_of(verb)), *leaves(verb)]:
        assert run([*words, "--help"]) == 0
        told = capsys.readouterr().out
        assert command.get_short_help_str(limit=1000) in " ".join(told.split())
        assert "\n  Example:\n" in told
        assert f"jobledger {' '.join(words)}" in told.partition("Example:")[2]


def test_help_lists_every_verb_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed = {tuple(line.split(maxsplit=1)) for line in capsys.readouterr().out.splitlines()}
    assert {(verb, first_line(verb)) for verb in VERBS} <= listed


def test_every_file_in_the_folder_of_verbs_is_listed() -> None:
    files = {path.stem for path in (ROOT / "jobledger" / "verbs").glob("*.py")} - {"__init__"}
    assert sorted(VERBS) == sorted(files)


@pytest.mark.parametrize("verb", VERBS)
def test_the_line_of_a_verb_stands_at_the_top_of_its_help(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line = first_line(verb)
    assert (command_of(verb).help or "").startswith(f"{line}\n\n")
    monkeypatch.setattr("jobledger.verbs.__file__", "/nonexistent/__init__.py")  # no sources: as in an archive
    assert first_line(verb) == line


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in SILENT])
def test_what_prints_data_can_print_json(verb: str) -> None:
    for words, command in leaves(verb):
        assert any("--json" in option.opts for option in command.params), words


def test_help_waits_for_no_heavy_import() -> None:
    program = (
        "import sys\n"
        "from jobledger.cli import run\n"
        "code = run(['--help'])\n"
        "heavy = {'psycopg', 'pydantic', 'sqlite_utils', 'rich'}.intersection(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)\n"
    )
    with start(program=program) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith("Usage: jobledger ")


@pytest.mark.parametrize("arguments", [["sumbit"], ["log", "--newest"], ["pg", "restart"], []])
def test_a_wrong_word_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("Usage: jobledger ")
    assert all(word in told.err for word in arguments)


@pytest.mark.parametrize(
    ("given", "port"),
    [({"flag", "variable", "file"}, 1), ({"variable", "file"}, 2), ({"file"}, 3), (set[str](), 5432)],
    ids=["flag", "variable", "file", "default"],
)
def test_a_flag_goes_before_a_variable_before_the_file_before_the_default(
    given: set[str], port: int, bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGHOST", "/nonexistent")  # a socket's folder: no server answers there on any port
    if "variable" in given:
        monkeypatch.setenv("JOBLEDGER_DSN", "port=2")
    if "file" in given:
        (bare / "jobledger.toml").write_text('dsn = "port=3"\n')
    assert run(["log", *(["--dsn", "port=1"] if "flag" in given else [])]) == 7
    told = capsys.readouterr().err
    assert f'"/nonexistent/.s.PGSQL.{port}"' in told
    assert told.startswith("error: no session with Postgres: ")
    assert told.count("\n") == 1


def test_a_file_of_settings_can_be_named_and_doctor_says_which_one_is_used(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGHOST", "/nonexistent")
    (bare / "jobledger.toml").write_text('dsn = "port=3"\n')
    (bare / "other.toml").write_text('dsn = "port=4"\n')
    (bare / "other.toml").chmod(0o666)
    JobClient(bare / "app.db").close()
    assert run(["doctor", "--db", "app.db"]) == 7
    assert f"from {bare / 'jobledger.toml'}" in capsys.readouterr().out
    assert run(["--config", "other.toml", "log"]) == 7
    assert ".s.PGSQL.4" in capsys.readouterr().err
    (bare / "jobledger.toml").chmod(0o666)
    assert run(["log"]) == 7
    note, error = capsys.readouterr().err.splitlines()
    assert note.startswith("note: ")
    assert "can be written by everyone and is not read" in note
    assert ".s.PGSQL.5432" in error
    assert run(["--config", "missing.toml", "log"]) == 1
    assert "missing.toml" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["log", "--json"]])
def test_a_reader_that_goes_away_is_no_error_to_speak_of(
    arguments: list[str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_jobs(database.connect("app_alice"), 3)
    sequence(database.connect())
    monkeypatch.setenv("JOBLEDGER_DSN", database.dsn_as("auditor"))
    with start(*arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_ctrl_c_ends_what_would_go_on_for_ever(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    with start("log", "--follow", "--dsn", database.dsn_as("auditor")) as process:
        assert process.stdout is not None
        try:
            for number in (1, 2):
                push_jobs(alice, 1)
                sequence(owner)
                assert process.stdout.readline().split()[:1] == [str(number)]
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == INTERRUPTED == 130
    assert (out, err.strip()) == ("", "")
