"""What the verbs of operators print, read back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobledger.cli import run

Output = pytest.CaptureFixture[str]


def run_json(output: Output, *arguments: str, code: int = 0) -> Any:
    assert run([*arguments, "--json"]) == code
    return json.loads(output.readouterr().out)


def findings(output: Output, dsn: str, *, code: int) -> dict[str, list[dict[str, Any]]]:
    """What doctor says, by check."""
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in run_json(output, "doctor", "--dsn", dsn, code=code):
        found.setdefault(finding["check"], []).append(finding)
    return found
