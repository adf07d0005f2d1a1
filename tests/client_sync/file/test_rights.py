"""A new file is its maker's alone, and what stands beside a file is for those who may write it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from client_sync import JobClient
from client_sync.care.salvage.salvage import salvage
from client_sync.file.lock import WriterLock, sync_lock
from ledger.errors import LedgerError

ALICE, BOB, STRANGER, STAFF = 20001, 20002, 20003, 30001
SIDES = ("-wal", "-shm", "-sync.lock", "-write.lock")
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture(autouse=True)
def taking_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with an SQLite that has the WAL-reset bug, so that both locks are there."""
    monkeypatch.setattr("client_sync.file.lock.has_wal_reset_bug", lambda: True)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder where everybody may make files, as pytest's own are root's."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # to be reached by every user
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def modes(path: Path, sides: Sequence[str] = ("", *SIDES)) -> dict[str, int]:
    return {side: stat.S_IMODE(path.with_name(path.name + side).stat().st_mode) for side in sides}


def use(path: Path) -> dict[str, int]:
    """Write the file and hold both locks; the modes of everything meanwhile."""
    with JobClient(path) as jobs, sync_lock(path, timeout=5):
        jobs.submit("a")
        return modes(path)


def as_this_process(user: int, groups: list[int], what: Callable[[], object], complain: int = 2) -> NoReturn:
    """Become somebody else, do something, and end."""
    try:
        os.setgroups(groups)
        os.setgid(user)  # a group of each user's own, as usual
        os.setuid(user)
        what()
    except BaseException:
        os.write(complain, traceback.format_exc().encode())
    os._exit(0)


def as_user(user: int, groups: list[int], what: Callable[[], object]) -> None:
    """Do something as somebody else, in a child that ends with it. Raises what went wrong there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        as_this_process(user, groups, what, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as complaints:
        complaint = complaints.read().decode()
    os.waitpid(child, 0)
    assert not complaint, complaint


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_a_new_file_is_its_makers_alone(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert set(use(path).values()) == {0o600}
        salvage(path, path.with_name("saved.db"))
        assert modes(path.with_name("saved.db"), [""]) == {"": 0o600}
    finally:
        os.umask(before)
    assert not list(path.parent.glob(".*")), "nothing of its making is left"


def test_a_name_that_points_nowhere_makes_such_a_file_there(path: Path) -> None:
    path.symlink_to("elsewhere.db")
    JobClient(path).close()
    assert modes(path.with_name("elsewhere.db"), [""]) == {"": 0o600}


@pytest.mark.parametrize(("mode", "beside"), [(0o660, 0o660), (0o666, 0o666), (0o644, 0o600), (0o640, 0o600)])
def test_an_existing_file_keeps_its_mode_and_its_locks_are_for_who_may_write_it(
    path: Path, mode: int, beside: int
) -> None:
    JobClient(path).close()
    path.chmod(mode)
    for name in ("-sync.lock", "-write.lock"):  # as an earlier version left them
        path.with_name(path.name + name).touch()
        path.with_name(path.name + name).chmod(0o644)
    assert use(path) == {"": mode, "-wal": mode, "-shm": mode, "-sync.lock": beside, "-write.lock": beside}
    assert modes(path, [""]) == {"": mode}


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
@pytest.mark.parametrize("side", ["-sync.lock", "-write.lock"])
def test_what_is_in_a_locks_place_is_an_error_at_once(path: Path, side: str, kind: str) -> None:
    JobClient(path).close()
    lock = path.with_name(path.name + side)
    lock.unlink(missing_ok=True)
    target = path.with_name("precious")
    target.write_text("as it was")
    if kind == "link":
        lock.symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(lock)
    else:
        lock.mkdir()
    with pytest.raises(LedgerError, match=f"cannot write .*{side}"):
        use(path)
    assert target.read_text() == "as it was"


def test_a_lock_with_something_in_it_is_not_changed(path: Path) -> None:
    JobClient(path).close()
    precious = path.with_name("precious")
    precious.write_text("as it was")
    precious.chmod(0o640)
    path.with_name(f"{path.name}-sync.lock").hardlink_to(precious)
    use(path)
    assert (precious.read_text(), modes(precious, [""])) == ("as it was", {"": 0o640})


@contextmanager
def using(path: Path, user: int) -> Iterator[None]:
    """Meanwhile a member of the staff has the file open, and syncs it. Killed in the end, so that all stays there."""
    reader, writer = os.pipe()
    holder = os.fork()
    if holder == 0:

        def hold() -> None:
            with JobClient(path) as jobs, sync_lock(path, timeout=5):
                jobs.submit("a")
                os.write(writer, b".")
                signal.pause()

        as_this_process(user, [STAFF], hold)
    os.close(writer)
    assert os.read(reader, 1) == b"."
    os.close(reader)
    yield
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)


@only_root
@pytest.mark.parametrize(("first", "second"), [(ALICE, BOB), (BOB, ALICE)])
def test_users_who_share_a_file_by_its_group_still_can(shared: Path, first: int, second: int) -> None:
    path = shared / "app.db"
    JobClient(path).close()
    os.chown(path, ALICE, STAFF)
    path.chmod(0o660)
    with using(path, first):
        assert {path.with_name(path.name + side).stat().st_gid for side in ("", *SIDES)} == {STAFF}
        as_user(second, [STAFF], lambda: JobClient(path).submit("b"))
        with pytest.raises(AssertionError, match="SyncBusy"):
            as_user(second, [STAFF], lambda: sync_lock(path, timeout=0).__enter__())
    as_user(second, [STAFF], lambda: use(path))
    as_user(first, [STAFF], lambda: use(path))
    with JobClient(path, read_only=True) as jobs:
        assert len(jobs.list()) == 4
    assert (path.stat().st_uid, path.stat().st_gid, modes(path, [""])) == (ALICE, STAFF, {"": 0o660})


@only_root
def test_root_leaves_nothing_behind_that_the_owner_cannot_use(shared: Path) -> None:
    path = shared / "app.db"
    as_user(ALICE, [], lambda: use(path))
    for side in ("-sync.lock", "-write.lock"):
        path.with_name(path.name + side).unlink()
    holding = JobClient(path)
    holding.submit("a")
    with sync_lock(path, timeout=0):
        assert {path.with_name(path.name + side).stat().st_uid for side in ("", *SIDES)} == {ALICE}
    as_user(ALICE, [], lambda: use(path))
    holding.close()
    as_user(ALICE, [], lambda: use(path))


@only_root
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o660, 0o664])
def test_a_stranger_cannot_hold_a_lock(shared: Path, mode: int) -> None:
    path = shared / "app.db"
    as_user(ALICE, [], lambda: use(path))
    path.chmod(mode)
    as_user(ALICE, [], lambda: use(path))

    def hold(side: str) -> None:
        with path.with_name(path.name + side).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    for side in ("-sync.lock", "-write.lock"):
        with pytest.raises(AssertionError, match="PermissionError"):
            as_user(STRANGER, [], lambda side=side: hold(side))  # type: ignore[misc]


@only_root
@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_a_lock_that_a_stranger_made_first_is_refused(shared: Path, mode: int) -> None:
    path = shared / "app.db"
    as_user(ALICE, [], lambda: JobClient(path).close())
    path.chmod(mode)

    def lay_in_wait() -> None:
        for side in ("-sync.lock", "-write.lock"):
            path.with_name(path.name + side).touch()
            path.with_name(path.name + side).chmod(0o666)

    as_user(STRANGER, [], lay_in_wait)
    with pytest.raises(AssertionError, match=f"belongs to user {STRANGER}"):
        as_user(ALICE, [], lambda: WriterLock(path).acquire(0))
    with pytest.raises(AssertionError, match=f"belongs to user {STRANGER}"):
        as_user(ALICE, [], lambda: sync_lock(path, timeout=0).__enter__())
