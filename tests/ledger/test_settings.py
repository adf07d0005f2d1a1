"""Settings: flags, then variables, then a TOML file, then defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import LedgerError
from ledger.settings import read_defaults

VERBS = ["serve", "log", "submit"]


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
