"""examples/notebook: saved offline with the app's own data, sent when there is a server, shown as it comes back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from databases import Database
from example_programs import EXAMPLES, run_example, serve_example
from ledger_calls import assert_projection_is_fold

from examples.notebook.app import Notebook

FOLDER = EXAMPLES / "notebook"


def test_a_note_is_saved_offline_and_counted_once_there_is_a_server(database: Database, tmp_path: Path) -> None:
    offline = {"NOTEBOOK_FILE": str(tmp_path / "notebook.db")}
    assert run_example(FOLDER, ["add", "five words are in it"], offline) == ["saved        five words are in it"]
    assert run_example(FOLDER, ["add", "two\nlines"], offline)[0] == "saved        two"
    nobody = {**offline, "NOTEBOOK_DSN": "host=/nonexistent"}
    assert run_example(FOLDER, ["sync"], nobody)[0].startswith("offline, and every note is safe here: ")

    online = {**offline, "NOTEBOOK_DSN": database.dsn_as("app_alice")}
    with serve_example(FOLDER, database.dsn_as("worker"), tmp_path / "log"):
        shown = run_example(FOLDER, ["sync"], online)
    assert "5 words      five words are in it" in shown
    assert run_example(FOLDER, ["list"], offline) == ["5 words      five words are in it", "2 words      two", "lines"]
    assert run_example(FOLDER, ["sync"], online) == [], "there is nothing to wait for"
    assert_projection_is_fold(database.connect())


def test_a_note_and_its_request_are_saved_together_or_not_at_all(tmp_path: Path) -> None:
    with Notebook(str(tmp_path / "notebook.db")) as notebook:
        notebook.add("kept")
        with sqlite3.connect(tmp_path / "notebook.db") as other:
            other.execute(
                "create trigger no_more before insert on notes begin select raise(abort, 'the notebook is full'); end"
            )
        other.close()
        with pytest.raises(sqlite3.IntegrityError, match="the notebook is full"):
            notebook.add("not kept")
        assert [note.text for note in notebook.notes()] == ["kept"]
    with sqlite3.connect(tmp_path / "notebook.db") as file:
        assert file.execute("select count(*) from jobs").fetchone() == (1,)
    file.close()


def test_a_wrong_word_shows_how_it_is_used(tmp_path: Path) -> None:
    shown = run_example(FOLDER, ["ad"], {"NOTEBOOK_FILE": str(tmp_path / "notebook.db")}, code=2)
    assert "    python app.py add" in "\n".join(shown)
