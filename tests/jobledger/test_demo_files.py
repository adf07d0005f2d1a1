"""Which files the demo takes, whatever folder it is given."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from jobledger.demo.files import LARGEST, find_files, fingerprint
from ledger.errors import LedgerError

NOBODY = 65534


def names(folder: Path, limit: int = 1000) -> list[str]:
    return [path.relative_to(folder.resolve()).as_posix() for path in find_files(folder, limit).paths]


def test_ordinary_files_are_taken_in_a_stable_order_up_to_the_limit(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "deep/er/c.txt", "__pycache__/d.pyc", ".git/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("words")
    assert names(tmp_path) == ["a.txt", "b.txt", "deep/er/c.txt"]
    assert names(tmp_path, limit=2) == ["a.txt", "b.txt"]


def test_what_cannot_be_counted_is_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "good").write_text("words")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("good")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(LARGEST + 1)
    found = find_files(tmp_path, 10)
    assert [path.name for path in found.paths] == ["good"]
    assert found.left_out == {"empty": 1, "links and devices": 2, "larger than 16 MB": 1}


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems know no such names")
def test_a_name_that_is_not_utf_8_is_left_out(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_text("words")
    (tmp_path / "café.txt").write_text("words")
    found = find_files(tmp_path, 10)
    assert [path.name for path in found.paths] == ["café.txt"]
    assert found.left_out == {"with a name that is not UTF-8": 1}


def test_an_unreadable_file_is_left_out() -> None:
    with TemporaryDirectory() as name:  # pytest's own folder is closed to others
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "good").write_text("words")
        (folder / "secret").write_text("words")
        (folder / "secret").chmod(0)
        with as_nobody_special():
            found = find_files(folder, 10)
    assert [path.name for path in found.paths] == ["good"]
    assert found.left_out == {"not readable": 1}


@contextmanager
def as_nobody_special() -> Iterator[None]:
    """Root may read everything, so root looks as somebody else."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="about Linux's own folder")
def test_the_kernels_own_files_are_refused_in_one_line() -> None:
    with pytest.raises(LedgerError, match=r"no file in /proc/self can be counted \(.*empty") as caught:
        find_files(Path("/proc/self"), 1000)
    assert caught.value.hint == "name a folder of ordinary files"


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"can be counted$"):
        find_files(tmp_path, 10)


def test_a_file_that_was_changed_or_removed_is_known_by_its_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    before = fingerprint(file)
    assert before == fingerprint(file)
    file.write_text("longer than before")
    assert fingerprint(file) not in (before, None)
    file.unlink()
    assert fingerprint(file) is None
