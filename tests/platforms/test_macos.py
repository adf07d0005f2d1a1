"""On macOS, fsync comes back before what was written is on disk: SQLite and we ask for more there (P1)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from client_sync import JobClient
from client_sync.file.on_disk import sync_folder

ASKED = ("pragma fullfsync", "pragma checkpoint_fullfsync")


def asked_for(path: Path) -> list[int]:
    with JobClient(path) as jobs, jobs.transaction() as connection:
        return [connection.execute(pragma).fetchone()[0] for pragma in ASKED]


def test_p1_a_commit_is_on_disk_on_macos_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert asked_for(path) == [1, 1]


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS needs it")
def test_elsewhere_a_plain_fsync_is_enough(path: Path) -> None:
    assert asked_for(path) == [0, 0]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fcntl")
def test_p1_a_new_name_is_on_disk_on_macos_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    asked: list[int] = []
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda _, command: asked.append(command))
    monkeypatch.setattr(sys, "platform", "darwin")
    sync_folder(tmp_path)
    assert asked == [51]
