"""One file a verb, named after it; its docstring is its help. A verb reads options, calls the packages, and prints.

Here is the order in which ``jobledger --help`` lists them. That list shows the first line of each file and imports
none: each verb pays only for itself (psycopg alone costs a quarter of a second). Only ``jobledger.cli`` imports verbs.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Final

import click

SECTIONS: Final = {
    "client": ("submit", "cancel", "show", "list", "watch", "wait", "sync", "salvage", "compact"),
    "operator": ("init", "grant", "revoke", "serve", "stats", "epoch", "doctor"),
    "auditor": ("history", "log", "verify"),
    "try it": ("demo", "pg"),
}
VERBS: Final = tuple(verb for verbs in SECTIONS.values() for verb in verbs)
ALIASES: Final = {"status": "show"}


def load(verb: str) -> click.Command:
    """Import the file of a verb, and give its command."""
    command = importlib.import_module(f"{__name__}.{verb}").command
    assert isinstance(command, click.Command), verb
    return command


def first_line(verb: str) -> str:
    """The first line of a verb's help, without an import where the source is at hand."""
    try:
        with Path(__file__).with_name(f"{verb}.py").open(encoding="utf-8") as source:
            return source.readline().strip().strip('"')
    except OSError:  # installed without sources, or in an archive
        return (load(verb).help or "").partition("\n")[0]
