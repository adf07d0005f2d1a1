"""Running a verb of the client as a person or a script types it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from client_verbs import Verb

from jobledger.cli import run


@pytest.fixture
def verb(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Run a verb on the test's file. Gives what it printed; fails unless it ends with ``code``."""
    monkeypatch.setenv("JOBLEDGER_DB", str(path))

    def verb(*arguments: str, code: int = 0, stdin: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        found = run(arguments)
        out, err = capsys.readouterr()
        assert found == code, err
        return out if code == 0 else out + err

    return verb
