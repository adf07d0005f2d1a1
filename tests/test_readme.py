"""The README's examples, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from databases import Database
from ledger_calls import assert_projection_is_fold

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def example(language: str, containing: str) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(block for block in blocks if containing in block)


def test_the_apps_and_the_operators_examples_work_together(database: Database, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "jobs.py").write_text(example("python", "Registry()"))
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("seven words are what this text has")
    app = example("python", "JobClient(").replace("postgresql://alice@db.example/app", database.dsn_as("app_alice"))
    serve = next(line for line in example("sh", "jobledger serve").splitlines() if line.startswith("jobledger serve"))
    command = [sys.executable, "-m", *serve.split("#")[0].split(), "--dsn", database.dsn_as("worker")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (tmp_path / "log").open("wb") as log:
        processor = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path, env=env)
    try:
        done = subprocess.run(
            [sys.executable, "-c", app],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            cwd=tmp_path,
            env=env,
        )
    finally:
        processor.terminate()
        processor.wait()
    assert done.stdout.splitlines()[-1] == "{'words': 7} job.completed"
    assert_projection_is_fold(database.connect())


def test_the_statement_for_other_languages_is_a_submission(tmp_path: Path) -> None:
    import sqlite3

    from client_sync import JobClient

    JobClient(tmp_path / "app.db").close()
    insert, select = re.findall(r"`((?:insert|select) [^`]*)`", README)
    with sqlite3.connect(tmp_path / "app.db") as db:
        db.execute(insert)
        rows = db.execute(select).fetchall()
    db.close()
    assert rows == [("pending", None)]


def test_every_promise_has_a_test_that_bears_its_number() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("test_*.py"))
    promised = re.findall(r"^\| (P\d+) \|", README, re.MULTILINE)
    assert len(promised) == 16
    assert [p for p in promised if not re.search(rf"def test_(\w+_)?{p.lower()}_", tests)] == []


def test_the_exit_codes_are_those_of_the_errors() -> None:
    from ledger import errors

    said = dict(re.findall(r"(\d) ([a-z][a-z ]+?)(?=[,.\n])", README[README.index("Exit codes everywhere") :]))
    assert said["3"] == "not found"
    assert (errors.JobNotFound.exit_code, errors.Conflict.exit_code, errors.JobFailed.exit_code) == (3, 4, 5)
    assert (errors.VerificationFailed.exit_code, errors.ServerUnreachable.exit_code) == (6, 7)
    assert errors.LedgerError.exit_code == 1


def test_the_extras_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(
        r"^\| `(\w+)` \|", README[README.index("| extra |") : README.index("## For the app")], re.MULTILINE
    )
    assert sorted(named) == sorted(project["optional-dependencies"])
