"""``jobledger serve``, before it serves."""

from __future__ import annotations

from pathlib import Path

import pytest
from databases import Database
from verb_output import Output

from jobledger.cli import run


@pytest.mark.parametrize(
    ("app", "complaint"),
    [
        ("no_such_module:jobs", "no module 'no_such_module'"),
        ("served_jobs:nothing", "served_jobs has no 'nothing'"),
        ("served_jobs:Number", "served_jobs:Number is a ModelMetaclass, not a processor.Registry"),
        ("served_jobs", "is not the place of a registry"),
        ("broken:jobs", "broken cannot be imported: ZeroDivisionError: division by zero"),
        ("needy:jobs", "needy needs the module 'no_such_dependency'"),
        ("empty:jobs", "empty:jobs has no handlers"),
    ],
)
def test_serve_says_what_is_wrong_with_the_app(
    app: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "needy.py").write_text("import no_such_dependency")
    (tmp_path / "empty.py").write_text("from processor import Registry\njobs = Registry()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert run(["serve", "--app", app, "--dsn", "host=nowhere.invalid"]) == 1
    error = capsys.readouterr().err.strip()
    assert complaint in error
    assert "\n" not in error


def test_serve_needs_a_schema_and_a_server(empty_database: Database, tmp_path: Path, capsys: Output) -> None:
    assert run(["serve", "--app", "served_jobs:jobs", "--dsn", empty_database.dsn]) == 1
    assert "jobledger init" in capsys.readouterr().err
    assert run(["serve", "--app", "served_jobs:jobs", "--dsn", f"host={tmp_path}"]) == 7


def test_serve_refuses_numbers_that_make_no_sense(capsys: Output) -> None:
    for option, value in [("--concurrency", "0"), ("--threads", "-1"), ("--poll", "0"), ("--drain", "x")]:
        assert run(["serve", "--app", "served_jobs:jobs", option, value]) == 2
    assert "Invalid value" in capsys.readouterr().err
