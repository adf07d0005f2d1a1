"""What strangers write reaches a terminal as visible text only: no escape, no forged line, no turned order."""

from __future__ import annotations

import ast
import io
import json
import logging
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pytest
from databases import Database
from stepwise import Server

from client_sync import JobClient
from jobledger.cli import run
from jobledger.console.log_lines import LOG_FORMAT, LogLines
from jobledger.console.output import emit_json

ROOT = Path(__file__).parents[2]
HOSTILE = "a\x1b]52;c;aGk=\x07\x1b[2J\x9b1m\x7f\x85\u200e\u200f\u061c\u202a\u202e\u2066\u2069\u2028\u2029\r\nFORGED  ok"
"""OSC 52 writes the clipboard, CSI 2J clears the screen; then C1, bidi, and the ends of lines that there are."""
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
OUR_PACKAGES = ("ledger", "client_sync", "processor", "jobledger")


def obeyed(text: str) -> set[str]:
    """The characters that a terminal obeys, or that end a line, by what Unicode says of each."""
    return {
        character
        for character in text
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in TURNING
        or character in "\u200e\u200f\u061c"
    }


@dataclass
class Hostile:
    """A file and a ledger in which everything that a stranger may choose is hostile."""

    path: Path
    job_id: str
    dsn: str
    auditor: str


@pytest.fixture
def hostile(tmp_path: Path, database: Database) -> Hostile:
    server = Server(database)
    path = tmp_path / "app.db"
    with JobClient(path, dsn=server.dsn) as jobs:
        job = jobs.submit(HOSTILE, {HOSTILE: HOSTILE}, labels={HOSTILE: HOSTILE}, key=HOSTILE)
        given_up = jobs.submit(HOSTILE, namespace=HOSTILE)
        jobs.submit(f"{HOSTILE}!")
        jobs.cancel(given_up.id, reason=HOSTILE)
        jobs.sync()
        server.sequence()
        server.start(HOSTILE)
        server.record(job.id, "attempt.progressed", n=1, percent=5.0, message=HOSTILE, data=HOSTILE)
        error = {"type": HOSTILE, "message": HOSTILE, "traceback": HOSTILE, "retryable": False}
        server.record(job.id, "attempt.failed", error=error, retry_at=None)
        server.record(job.id, "job.failed", attempts=1, error=error)
        server.sequence()
        jobs.sync()
        with jobs.transaction() as db:
            db.execute("update replica set last_error = :text", {"text": HOSTILE})
    return Hostile(path, str(job.id), server.dsn, database.dsn_as("auditor"))


def typed(verb: str, at: Hostile) -> list[str]:
    file, server = ["--db", str(at.path)], ["--dsn", at.auditor]
    words = {
        "list": ["list", *file],
        "show": ["show", at.job_id, *file],
        "watch": ["watch", at.job_id, *file],
        "wait": ["wait", at.job_id, *file],
        "cancel": ["cancel", at.job_id, *file],
        "submit": ["submit", HOSTILE, *file],
        "sync": ["sync", "--dsn", f"{at.dsn} options='{HOSTILE}'", *file],
        "compact": ["compact", "--older-than", "0s", *file],
        "salvage": ["salvage", str(at.path), "--into", str(at.path.with_name(HOSTILE.replace("/", "")))],
        "verify": ["verify", *server],
        "doctor of a file": ["doctor", *file],
        "doctor of a server": ["doctor", *server],
        "history": ["history", at.job_id, *server],
        "log": ["log", *server],
        "stats": ["stats", *server],
        "a missing file": ["list", "--db", HOSTILE],
        "a missing file, not UTF-8": ["list", "--db", "a\udcff"],
        "a word that is no option": ["list", f"--{HOSTILE}"],
        "a word that is no id": ["show", HOSTILE],
        "a word that is no verb": [HOSTILE],
    }  # fmt: skip
    return words[verb]


SHOWING = ["list", "show", "wait", "history", "log", "stats", "doctor of a file"]
OTHERS = ["watch", "cancel", "submit", "sync", "compact", "salvage", "verify", "doctor of a server"]
MISTAKES = [
    "a missing file",
    "a missing file, not UTF-8",
    "a word that is no option",
    "a word that is no id",
    "a word that is no verb",
]


@pytest.mark.parametrize("verb", [*SHOWING, *OTHERS, *MISTAKES])
def test_no_verb_prints_what_a_terminal_obeys(verb: str, hostile: Hostile, capsys: pytest.CaptureFixture[str]) -> None:
    run(typed(verb, hostile))
    out, err = capsys.readouterr()
    told = (out + err).split("\n")
    assert obeyed("".join(told)) == set()
    assert not [line for line in told if line.startswith("FORGED")]
    if verb in SHOWING:
        assert "FORGED" in out + err
        assert "\\u001b" in out + err, "shown, and not left out"


@pytest.mark.parametrize("verb", [*SHOWING, *OTHERS])
def test_json_is_escaped_too_and_equal_when_read(
    verb: str, hostile: Hostile, capsys: pytest.CaptureFixture[str]
) -> None:
    run([*typed(verb, hostile), "--json"])
    out = capsys.readouterr().out
    assert obeyed(out.replace("\n", "")) == set()
    values = [json.loads(line) for line in out.split("\n") if line]
    if verb in ("list", "show", "wait", "watch"):
        assert HOSTILE in [value["name"] for value in values]
        assert {HOSTILE: HOSTILE} in [value["labels"] for value in values]
    if verb == "log":
        assert HOSTILE in [value["data"].get("name") for value in values]


def test_half_a_character_is_escaped_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON may name one, as no encoding can hold it."""
    emit_json({"name": "a\ud800b"})
    assert capsys.readouterr().out == '{"name": "a\\ud800b"}\n'


def test_a_record_of_serves_log_begins_a_line_and_nothing_else_does() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(LogLines(LOG_FORMAT))
    log = logging.Logger("jobs")
    log.addHandler(handler)
    try:
        raise RuntimeError(HOSTILE)
    except RuntimeError:
        log.exception("job %s", HOSTILE, stack_info=True)
    first, *rest = written.getvalue().rstrip("\n").split("\n")
    assert obeyed(first) == obeyed("".join(rest)) == set()
    assert "FORGED" in first
    assert all(line.startswith("  ") for line in rest)


@pytest.mark.parametrize("package", OUR_PACKAGES)
def test_every_verb_prints_by_way_of_the_console(package: str) -> None:
    """But for the demo, which shows its own jobs by way of rich, and for bars, which show numbers."""
    for file in (ROOT / package).rglob("*.py"):
        if file.relative_to(ROOT) == Path("jobledger/console/output.py"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in (
                "print",
                "click.echo",
                "click.secho",
                "echo",
                "sys.stdout.write",
                "sys.stderr.write",
            ), f"{file.name}:{node.lineno}" if isinstance(node, ast.Call) else ""
