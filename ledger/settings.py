"""Where settings come from: flags, then JOBLEDGER_* variables (and libpq's own), then a TOML file, then defaults.

click knows flags, variables and defaults; this adds the file. Top-level keys hold for every verb, a table named after
a verb for that verb alone::

    dsn = "postgresql://worker@db.example/app"

    [serve]
    app = "shop.jobs:registry"
    concurrency = 200
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ledger.errors import LedgerError

_NAMES = {"db": "replica"}


def settings_file() -> Path | None:
    """The file to read: JOBLEDGER_CONFIG, else jobledger.toml here, else in the user's configuration folder."""
    named = os.environ.get("JOBLEDGER_CONFIG")
    if named:
        path = Path(named)
        if not path.is_file():
            raise LedgerError(f"JOBLEDGER_CONFIG names {path}, which is not a file")
        return path
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return next((path for path in (Path("jobledger.toml"), home / "jobledger" / "config.toml") if path.is_file()), None)


def read_defaults(verbs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The file's settings per verb, as click's ``default_map``. Raises LedgerError for a file that cannot be read."""
    path = settings_file()
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LedgerError(f"{path}: {error}", hint="mend or remove the file") from error
    known = set(verbs)
    unknown = [key for key, value in content.items() if isinstance(value, dict) and key not in known]
    if unknown:
        raise LedgerError(f"{path}: no verb is called {unknown[0]!r}", hint="tables are named after verbs, as [serve]")
    shared = {key: value for key, value in content.items() if not isinstance(value, dict)}
    return {verb: {_option(key): value for key, value in {**shared, **content.get(verb, {})}.items()} for verb in known}


def _option(key: str) -> str:
    name = key.replace("-", "_")
    return _NAMES.get(name, name)
