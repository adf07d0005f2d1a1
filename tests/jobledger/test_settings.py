"""Settings: flags, then variables, then a TOML file, then defaults."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jobledger.settings import SettingsFile, settings_file
from jobledger.settings import read_defaults as read_file
from ledger.errors import LedgerError

VERBS = ["serve", "log", "submit"]


def read_defaults(verbs: list[str]) -> dict[str, dict[str, Any]]:
    """What the file says that is found from here."""
    found = settings_file()
    return {} if found.path is None else read_file(verbs, found.path)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("JOBLEDGER_CONFIG", raising=False)
    return tmp_path


def test_no_file_means_no_defaults() -> None:
    assert read_defaults(VERBS) == {}


def test_top_level_keys_hold_for_every_verb_and_a_table_for_one(elsewhere: Path) -> None:
    (elsewhere / "jobledger.toml").write_text('dsn = "host=a"\n[serve]\ndsn = "host=b"\npoll-interval = 2\n')
    defaults = read_defaults(VERBS)
    assert defaults["log"] == {"dsn": "host=a"}
    assert defaults["serve"] == {"dsn": "host=b", "poll_interval": 2}


def test_the_file_here_comes_before_the_users_own(elsewhere: Path) -> None:
    own = elsewhere / "config" / "jobledger" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text('dsn = "host=own"')
    assert read_defaults(VERBS)["log"] == {"dsn": "host=own"}
    (elsewhere / "jobledger.toml").write_text('dsn = "host=here"')
    assert read_defaults(VERBS)["log"] == {"dsn": "host=here"}


@pytest.mark.parametrize("content", ["dsn = ", "[sevre]\nthreads = 1\n"])
def test_a_broken_file_is_one_clear_error(elsewhere: Path, content: str) -> None:
    (elsewhere / "jobledger.toml").write_text(content)
    with pytest.raises(LedgerError, match=r"jobledger\.toml"):
        read_defaults(VERBS)


def test_a_named_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBLEDGER_CONFIG", "missing.toml")
    with pytest.raises(LedgerError, match=r"missing\.toml"):
        read_defaults(VERBS)


def test_a_file_that_everyone_can_write_is_not_read_but_named(elsewhere: Path) -> None:
    here = elsewhere / "jobledger.toml"
    here.write_text('dsn = "host=here"')
    assert settings_file() == SettingsFile(here)
    here.chmod(0o666)
    found = settings_file()
    assert found.path is None
    assert found.ignored is not None
    assert "can be written by everyone" in found.ignored


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("way", ["file", "link"])
def test_a_strangers_file_is_not_read_but_named(elsewhere: Path, way: str) -> None:
    here = elsewhere / "jobledger.toml"
    if way == "file":
        here.write_text('dsn = "host=here"')
    else:
        (elsewhere / "mine.toml").write_text('dsn = "host=mine"')
        here.symlink_to("mine.toml")
    os.chown(here, 12345, -1, follow_symlinks=False)
    found = settings_file()
    assert found.path is None
    assert found.ignored is not None
    assert "belongs to another user" in found.ignored


def test_a_file_of_root_is_read_by_anyone_and_a_strangers_by_nobody(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an id may be, without being root: whose file it is and who asks are compared, and nothing else."""
    here = elsewhere / "jobledger.toml"
    here.write_text('dsn = "host=here"')
    owner = here.stat().st_uid
    monkeypatch.setattr("jobledger.settings.os.geteuid", lambda: owner + 1)
    assert (settings_file().path == here) is (owner == 0)


def test_a_named_file_is_read_whosever_it_is(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = elsewhere / "named.toml"
    named.write_text('dsn = "host=named"')
    named.chmod(0o666)
    assert settings_file(named) == SettingsFile(named)
    monkeypatch.setenv("JOBLEDGER_CONFIG", str(named))
    assert settings_file() == SettingsFile(named)
