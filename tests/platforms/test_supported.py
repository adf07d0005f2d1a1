"""What is supported is said once: pyproject.toml and the workflow of the tests agree."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOW = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def lists(name: str) -> list[list[str]]:
    """Every list of the matrix with this name."""
    return [ast.literal_eval(found) for found in re.findall(rf"^ +{name}: (\[.*\])$", WORKFLOW, re.MULTILINE)]


@pytest.mark.parametrize("job", ["linux", "macos", "windows"])
def test_each_system_is_tested_with_every_supported_python(job: str) -> None:
    prefix = "Programming Language :: Python :: 3."
    supported = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if name.startswith(prefix)]
    assert supported[0] == PROJECT["requires-python"].removeprefix(">=")
    _, _, rest = WORKFLOW.partition(f"\n  {job}:\n")
    section = re.split(r"\n  \w[\w-]*:\n", rest)[0]
    (pythons,) = re.findall(r"python: (\[.*\])", section)
    assert ast.literal_eval(pythons) == supported


def test_every_supported_postgres_is_tested() -> None:
    assert lists("postgres") == [["15", "16", "17", "18"]]


def test_the_oldest_patch_releases_are_tested() -> None:
    assert ["3.11.0", "3.12.0", "3.13.0"] in lists("python")


def test_the_workflow_is_yaml() -> None:
    yaml = pytest.importorskip("yaml")
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    assert set(jobs) == {"check", "linux", "oldest-patches", "macos", "windows"}
    assert all(job["steps"] for job in jobs.values())


def test_no_sql_for_sqlite_has_numbered_placeholders() -> None:
    """Python 3.12.0 to 3.12.3 take ``?1`` for a name, and warn."""
    files = [file for room in ("ledger", "client_sync", "jobledger") for file in (ROOT / room).rglob("*.py")]
    assert [file for file in files if re.search(r"[(, =]\?[1-9]", file.read_text(encoding="utf-8"))] == []
