"""The types of what is public can be read (for documentation, validation, injection) without further imports."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from typing import Any

import pytest

import jobledger

PUBLIC = [name for name in jobledger.__all__ if not name.startswith("__")]
READ_ONE = """
import sys, typing
import jobledger
for name in sys.argv[1:]:
    attribute = getattr(jobledger.JobClient, name)
    typing.get_type_hints(getattr(attribute, "fget", attribute))
"""


def annotated(name: str) -> Iterator[tuple[str, Any]]:
    """What of a public name may have hints: itself, and of a class its public methods, properties and ``__init__``."""
    found = getattr(jobledger, name)
    if inspect.isclass(found) or inspect.isfunction(found):
        yield name, found
    for attribute, value in vars(found).items() if inspect.isclass(found) else ():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if inspect.isfunction(function) and (not attribute.startswith("_") or attribute in ("__init__", "__call__")):
            yield f"{name}.{attribute}", function


@pytest.mark.parametrize("name", PUBLIC)
def test_the_hints_of_everything_public_can_be_read(name: str) -> None:
    for _, found in annotated(name):
        typing.get_type_hints(found)


def test_the_hints_say_list_and_not_the_method_of_that_name() -> None:
    assert typing.get_type_hints(jobledger.JobClient.list)["return"] == list[jobledger.Job]
    assert typing.get_origin(typing.get_type_hints(jobledger.JobClient.submit_many)["return"]) is list


def test_they_can_be_read_before_anything_else_was_imported() -> None:
    names = [name.partition(".")[2] for name, _ in annotated("JobClient") if "." in name]
    assert len(names) > 15
    subprocess.run([sys.executable, "-c", READ_ONE, *names], check=True)
