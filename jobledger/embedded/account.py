"""The account that the server runs as: this user or, when root starts it, an unprivileged one that is there."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from ledger.errors import Conflict, LedgerError

CANDIDATES: Final = ("postgres", "_postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """Who owns a server's files and runs its processes."""

    name: str
    uid: int
    gid: int

    @classmethod
    def find(cls) -> Self:
        """This process's own account or, if that is root, another one.

        Raises LedgerError if root finds none of the accounts it could use.
        """
        if os.geteuid() != 0:
            return cls(str(os.geteuid()), os.geteuid(), os.getegid())
        for name in CANDIDATES:
            with suppress(KeyError):
                entry = pwd.getpwnam(name)
                return cls(name, entry.pw_uid, entry.pw_gid)
        raise LedgerError(
            f"PostgreSQL does not run as root, and none of the accounts {', '.join(CANDIDATES)} exists",
            hint="run this as an ordinary user, or use a server you have with --dsn",
        )

    @property
    def other(self) -> bool:
        """Whether this is not the account of this process."""
        return self.uid != os.geteuid()

    def spawn(self, command: Sequence[str | Path], *, cwd: Path, output: int) -> subprocess.Popen[bytes]:
        """Start a program as this account, away from this terminal's signals and this user's PG* variables.

        ``output`` is the file descriptor for what it writes. Raises PermissionError if the account may not run it or
        root may not change to the account, LedgerError if it cannot be run for another reason.
        """
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                start_new_session=True,
                umask=0o077,
                user=self.uid if self.other else None,
                group=self.gid if self.other else None,
                extra_groups=[] if self.other else None,
            )
        except PermissionError:
            raise
        except OSError as refused:
            raise LedgerError(f"cannot run {command[0]}: {refused.strerror}") from refused

    def finish(self, command: Sequence[str | Path], *, cwd: Path, pid_file: Path | None = None) -> tuple[int, str]:
        """Run a program to its end, also if this process is interrupted: its exit code and its output.

        While it runs, ``pid_file`` holds its process number. Raises as ``spawn`` does.
        """
        with tempfile.TemporaryFile() as output, self.spawn(command, cwd=cwd, output=output.fileno()) as process:
            try:
                if pid_file:
                    pid_file.write_text(f"{process.pid}\n")
                code = process.wait()
            except BaseException:
                process.wait()  # an initdb that is killed leaves shared memory behind
                raise
            output.seek(0)
            return code, output.read().decode(errors="replace")

    def can_enter(self, folder: Path) -> bool:
        """Whether the account can enter the folder. The system itself is asked, by trying.

        Raises LedgerError if this root may not change to the account.
        """
        if not self.other:
            return True
        try:
            return self.finish(["/bin/sh", "-c", 'cd "$0"', folder], cwd=Path("/"))[0] == 0
        except PermissionError as denied:
            raise LedgerError(
                f"this root may not change to the account {self.name}, and PostgreSQL does not run as root",
                hint="run this as an ordinary user, or use a server you have with --dsn",
            ) from denied

    def make_private(self, path: Path) -> None:
        """Create a folder that only the account (and root) can enter, or check that the one there is such.

        Raises Conflict if it is not; it is left as it is.
        """
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {self.uid, os.geteuid()} or found.st_mode & 0o077:
            raise Conflict(f"{path} is in the way: it is not a private folder of the server", hint="remove it")
        if self.other:
            os.chown(path, self.uid, self.gid)
