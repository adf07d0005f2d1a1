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
import stat
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.errors import LedgerError

HERE: Final = Path("jobledger.toml")
_NAMES = {"db": "replica"}


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Which file is read: none, where ``path`` is None. ``ignored`` says why the one in the current folder is not."""

    path: Path | None
    ignored: str | None = None


def settings_file(named: Path | None = None) -> SettingsFile:
    """The file to read: the one that is named, else jobledger.toml here, else in the user's configuration folder.

    Whoever can put a file into the folder that a command happens to run in would choose its server and, for ``serve``,
    its code. So the file here counts only where nobody but this user and root can have written it. Raises LedgerError
    where a file was named that is none.
    """
    if named is None and (variable := os.environ.get("JOBLEDGER_CONFIG")):
        named = Path(variable)
    if named is not None:
        if not named.is_file():
            raise LedgerError(f"{named}, named for the settings, is not a file", hint="see --config, JOBLEDGER_CONFIG")
        return SettingsFile(named)
    ignored = None
    if HERE.is_file():
        ignored = _why_not(HERE)
        if ignored is None:
            return SettingsFile(HERE.absolute())
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    own = home / "jobledger" / "config.toml"
    return SettingsFile(own if own.is_file() else None, ignored)


def read_defaults(verbs: Iterable[str], path: Path) -> dict[str, dict[str, Any]]:
    """The file's settings per verb, as click's ``default_map``. Raises LedgerError for a file that cannot be read."""
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


def _why_not(path: Path) -> str | None:
    if sys.platform == "win32":
        return f"who may write {path.absolute()} is unknown on Windows: it is not read; name it with --config"
    else:  # noqa: RET505  # mypy takes what follows a return for unreachable on Windows
        for found in (path.lstat(), path.stat()):
            if found.st_uid not in (os.geteuid(), 0):
                return (
                    f"{path.absolute()} belongs to another user and is not read; if you trust it, name it with --config"
                )
            if found.st_mode & stat.S_IWOTH and not stat.S_ISLNK(found.st_mode):
                return f"{path.absolute()} can be written by everyone and is not read; if you trust it: chmod o-w"
        return None


def _option(key: str) -> str:
    name = key.replace("-", "_")
    return _NAMES.get(name, name)
