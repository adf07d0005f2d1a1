"""The client's verbs on one file, as a person types them, and processes for which the rights of files hold."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Verb = Callable[..., str]
"""Runs a verb on the test's file: the fixture ``verb`` of the tests of verbs."""
NOWHERE = "postgresql://127.0.0.1:1/nothing"
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def typed(verb: str, path: Path, dsn: str = NOWHERE) -> list[str]:
    """What a person types, for the job that ``filled`` made."""
    job_id = "01970000-0000-7000-8000-000000000001"
    requests = path.with_name("requests.ndjson")
    if verb == "submit many":
        requests.write_text(f'{{"name": "a", "params": {{"text": "{"x" * 500}"}}}}\n' * 1200)
    words = {
        "submit": ["submit", "a", "--params", '{"text": "' + "x" * 90_000 + '"}'],
        "submit many": ["submit", "--many", str(requests)],
        "cancel": ["cancel", job_id],
        "show": ["show", job_id],
        "list": ["list"],
        "watch": ["watch", job_id, "--timeout", "0"],
        "wait": ["wait", job_id, "--timeout", "0"],
        "sync": ["sync", "--dsn", dsn],
    }[verb]
    return [*words, "--db", str(path)]


def as_anyone() -> None:
    """Let the rights of files hold for root too."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def child(arguments: list[str], before: Callable[[], None]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jobledger", *arguments],
        preexec_fn=before,
        capture_output=True,
        text=True,
        timeout=60,
    )


def assert_one_clear_error(err: str) -> None:
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "(" in err, "with what to do"
    assert "unexpected" not in err
    assert "Traceback" not in err
