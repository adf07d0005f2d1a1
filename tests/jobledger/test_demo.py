"""``jobledger demo``, as typed: it works for every folder, leaves nothing behind, and what it advises works."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest
from databases import place_for_servers
from waiting import until

COLUMNS = 80
PLAIN = MappingProxyType({"COLUMNS": str(COLUMNS), "TERM": "dumb", "NO_COLOR": "1"})


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the demo makes its folders. The server's account must be able to enter it, and its path must be short."""
    folder = Path(tempfile.mkdtemp(prefix="jl-", dir=place_for_servers() or "/tmp"))  # noqa: S108  a new folder in it
    folder.chmod(0o711)
    (folder / "tmp").mkdir(mode=0o711)
    yield folder
    shutil.rmtree(folder)


def make_files(place: Path, count: int) -> Path:
    files = place / "some files"
    files.mkdir()
    for number in range(count):
        (files / f"{number}.txt").write_text(f"{number} is the number\nof this file\n" * (number + 1))
    return files


def start_demo(place: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "jobledger", "demo", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=place,
        env={**os.environ, **PLAIN, "TMPDIR": str(place / "tmp")},
        preexec_fn=heed_sighup,
    )


def heed_sighup() -> None:
    """Also where the tests were started by nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def run_demo(place: Path, *arguments: str | Path) -> str:
    with start_demo(place, *arguments) as demo:
        out, error = demo.communicate(timeout=120)
    assert (demo.returncode, error) == (0, ""), out
    return out


def left_behind(place: Path) -> list[str]:
    """Folders, and processes that have one of them in their command line or are at work in it."""
    mark = str(place)
    processes = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_text() + os.readlink(process / "cwd")  # noqa: PTH115  it may be gone
        except OSError:
            continue
        if mark in told and "pytest" not in told and int(process.name) != os.getpid():
            processes.append(told)
    return [entry.name for entry in (place / "tmp").iterdir()] + processes


@pytest.mark.parametrize(
    "count", [1, pytest.param(10, marks=pytest.mark.long), 60, pytest.param(500, marks=pytest.mark.long)]
)
def test_it_works_for_a_folder_of_any_size_and_leaves_nothing_behind(place: Path, count: int) -> None:
    told = run_demo(place, make_files(place, count))
    assert "FAULT" not in told
    assert told.count("   ok   ") == 7
    assert f"{count + 1} jobs submitted, {count + 1} in the file" in told
    killed = re.search(r"killed while (\d+) jobs were its own", told)
    assert killed is not None
    assert int(killed[1]) > 0
    assert "ran again after" in told
    assert max(len(line) for line in told.split("What to try next:")[0].splitlines()) <= COLUMNS
    assert "…" not in told, "nothing is cut"
    assert left_behind(place) == []


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL])
def test_it_leaves_nothing_behind_however_it_is_ended(place: Path, how: signal.Signals) -> None:
    with start_demo(place, make_files(place, 60), "--keep") as demo:
        output = demo.stdout
        assert output is not None
        until(lambda: "3. A processor is killed" in output.readline(), "the demo to be in the middle")
        assert len(left_behind(place)) > 3, "a folder, a server, processors"
        demo.send_signal(how)
        demo.communicate(timeout=60)
        assert demo.returncode == (130 if how == signal.SIGHUP else -signal.SIGKILL)
        until(lambda: left_behind(place) == [], "all of it to be gone")


def test_what_it_advises_works_as_printed(place: Path) -> None:
    """What it says at its end, then what it says at the end of --keep, which is the first of these lines."""
    first = advised(run_demo(place, make_files(place, 3)))
    assert len(first) == 3
    assert " --keep" in first[0]
    kept = sh(place, first[0])
    assert sh(place, first[1]).strip()
    assert "saved" in sh(place, first[2])

    *steps, end = advised(kept)
    assert len(steps) == 3
    listed, log, verified = (sh(place, step) for step in steps)
    assert listed.count("count-file") == 4
    assert "attempt.failed" in log
    assert "4 jobs" in verified
    sh(place, end)
    assert left_behind(place) == []


def advised(told: str) -> list[str]:
    """The commands it ends with."""
    end = re.split(r"What to try next:|Look around:", told)[1]
    return [line.strip() for line in end.splitlines() if line.startswith("   ")]


def sh(place: Path, line: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JOBLEDGER", "PG"))}
    environment |= {**PLAIN, "TMPDIR": str(place / "tmp"), "PATH": os.defpath}
    done = subprocess.run(["sh", "-c", line], cwd=place, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout
