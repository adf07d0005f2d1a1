"""``from jobledger import ...``: everything public from one place, typed, and only what is used is imported."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import jobledger
from ledger.errors import LedgerError

ROOT = Path(__file__).parents[2]
PACKAGES = ("ledger", "client_sync", "processor", "jobledger")
HEAVY = {"psycopg", "pydantic", "sqlite_utils", "tenacity", "click", "asyncio", "sqlite3", "typing"}
PROGRAM = """
from datetime import timedelta

from jobledger import Job, JobClient, JobContext, LedgerError, Registry, Retry, RetryPolicy, __version__, serve

jobs = Registry()


@jobs.handler("count-words", retry=RetryPolicy())
def count_words(params: dict[str, str], job: JobContext) -> Retry | int:
    reveal_type(job.id)
    return Retry(after=1.0)


with JobClient("app.db") as client:
    reveal_type(client.submit("count-words", {"path": "a.txt"}))


async def run() -> None:
    serving = serve(jobs, "host=db")
    await reveal_type(serving)


reveal_type(LedgerError("no").hint)
reveal_type(__version__)
"""


def imported_by(program: str) -> set[str]:
    """What a program imports, in a fresh Python, beyond what every Python has."""
    counting = f"import sys\nbefore = set(sys.modules)\n{program}\nprint(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", counting], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_the_import_alone_imports_nothing_else() -> None:
    assert imported_by("import jobledger") == {"jobledger"}
    assert imported_by("import jobledger; jobledger.__version__; dir(jobledger)") == {"jobledger"}


def test_a_name_brings_only_what_it_needs() -> None:
    errors = imported_by("from jobledger import LedgerError")
    assert HEAVY & errors <= {"typing"}
    assert not any(name.startswith(("client_sync", "processor")) for name in errors)
    client = imported_by("from jobledger import JobClient")
    assert not client & {"psycopg", "pydantic", "asyncio"}
    assert not any(name.startswith("processor") for name in client)
    assert "psycopg" not in imported_by("from jobledger import Registry, JobContext, Retry, RetryPolicy")


@pytest.mark.parametrize("name", jobledger.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(jobledger, name).__doc__
    assert name in dir(jobledger)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'jobledger' has no attribute 'JobClinet'"):
        _ = jobledger.JobClinet  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name 'JobClinet'"):
        exec("from jobledger import JobClinet")  # noqa: S102  # as a user types it


def test_type_checkers_see_what_is_imported() -> None:
    tree = ast.parse((ROOT / "jobledger" / "__init__.py").read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    told = {
        alias.asname: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert told == jobledger._MODULES


def test_mypy_sees_the_types(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    revealed = re.findall(r'Revealed type is "([^"]*)"', done.stdout)
    assert [re.sub(r"\w+\.(?=\w)", "", text.removeprefix("def ")) for text in revealed] == [
        "UUID",
        "Job",
        "Coroutine[Any, Any, None]",
        "str | None",
        "str",
    ]


def test_every_public_error_is_among_the_names() -> None:
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    ours = [error for error in subclasses(LedgerError) if error.__module__.partition(".")[0] in PACKAGES]
    assert len(ours) > 10
    missing = [
        error
        for error in ours
        if not error.__name__.startswith("_")
        and not error.__module__.startswith("ledger.ports.")  # between the parts; nobody's app meets them
        and not issubclass(getattr(jobledger, error.__name__, type), error)
    ]
    assert missing == []


def subclasses(kind: type[LedgerError]) -> Iterator[type[LedgerError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from subclasses(inner)


def test_what_people_read_uses_nothing_else() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.py")]
    inner = re.compile(r"^\s*(?:from|import) (?:ledger|client_sync|processor|jobledger\.)\b.*", re.MULTILINE)
    assert [(page.name, line) for page in pages for line in inner.findall(page.read_text(encoding="utf-8"))] == []
