"""docs/architecture.md says what is so: each function of the path exists, and calls the next."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SCHEMA = (ROOT / "schema.sql").read_text(encoding="utf-8")
ARROWS = re.findall(r"^\| `([\w.()]+)` \| `([\w.()]+)` \|", PAGE, re.MULTILINE)


def is_sql(name: str) -> bool:
    return name.endswith("()")


def sql_function(name: str) -> str:
    """The definition of a function in schema.sql."""
    start = rf"create (?:or replace )?function {re.escape(name.removesuffix('()'))}\("
    found = re.search(rf"{start}.*?(?:\n\$\$;|\nend;)", SCHEMA, re.DOTALL)
    assert found, f"schema.sql has no function {name}"
    return found.group()


def python_function(name: str) -> tuple[ModuleType, Any]:
    """A function or method by its whole name, and its module."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        found: Any = module
        for part in parts[length:]:
            found = getattr(found, part)
        return module, found
    raise AssertionError(f"there is no {name}")


def names_in(function: Any) -> set[str]:
    """Everything that a function names."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return {node.attr if isinstance(node, ast.Attribute) else node.id
            for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)}  # fmt: skip


def test_the_path_has_all_its_arrows() -> None:
    assert len(ARROWS) > 20
    assert ARROWS[0][0] == "client_sync.client.JobClient.submit"


@pytest.mark.parametrize(("caller", "callee"), ARROWS, ids=lambda name: name.rpartition(".")[2])
def test_each_arrow_is_a_call(caller: str, callee: str) -> None:
    if is_sql(callee):
        sql_function(callee)
        text = sql_function(caller) if is_sql(caller) else inspect.getsource(python_function(caller)[0])
        assert f"{callee.removesuffix('()')}(" in text
    else:
        python_function(callee)
        assert callee.rpartition(".")[2] in names_in(python_function(caller)[1])


def test_the_picture_is_the_readme_s() -> None:
    pages = (PAGE, (ROOT / "README.md").read_text(encoding="utf-8"))
    here, there = (re.findall(r"```\n( app ──.*?)```", page, re.DOTALL)[0] for page in pages)
    assert here == there
