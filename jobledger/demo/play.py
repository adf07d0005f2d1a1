"""What ``jobledger demo`` does, step by step.

Offline submits into a SQLite file, an embedded Postgres, two processors of which one is killed half-way, the results
back in the file, and a summary that compares every one of them with a direct computation.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from client_sync import JobClient
from jobledger.demo.check import Plan, check, show_histories
from jobledger.demo.files import Files, describe_left_out, fingerprint
from jobledger.demo.stage import Stage, live, open_stage, processors
from jobledger.embedded import TemporaryFolder

CANCEL_EVERY: Final = 25
FAIL_ONCE_EVERY: Final = 40
DISKS_S: Final = 16.0
"""So slow are the disks of all files together, so that there is something to watch, and to kill."""
SLOWEST_DISK_S: Final = 1.0
KILL_AT: Final = 0.4
FEW: Final = 40
"""With so few files a processor is killed as soon as it has one."""


def play(console: Console, scratch: TemporaryFolder, files: Files) -> list[str]:
    """All five steps; gives the faults."""
    announce(console, 1, f"Offline. {len(files.paths)} jobs go into a SQLite file, while there is no server.")
    if files.left_out:
        console.print(f"   left out: {describe_left_out(files.left_out)}")
    replica = scratch.folder / "app.db"
    plan = submit_offline(console, replica, files.paths)

    announce(console, 2, "Postgres starts, with the schema; the file syncs up; two processors start.")
    with open_stage(scratch) as stage, JobClient(replica, dsn=stage.app_dsn) as jobs:
        # before there is a processor: a job whose cancel is still on its way could be done first
        result = jobs.sync()
        console.print(f"   pushed {result.pushed} events; all of them are committed in Postgres")
        jobs.start_sync()
        total = len(files.paths) + 1
        with processors(scratch, stage), live(console, stage, total) as watch:
            if total > FEW:
                watch(KILL_AT)
            announce(console, 3, "A processor is killed with SIGKILL. The other one takes over.")
            kill(console, stage)
            watch(1.0)
            stage.wait_until_sequenced()

        announce(console, 4, "The results are back in the SQLite file.")
        jobs.sync()
        faults = check(console, jobs, stage.admin, plan)

        announce(console, 5, "Every job has its history.")
        show_histories(console, stage.admin, plan)
    return faults


def submit_offline(console: Console, replica: Path, files: list[Path]) -> Plan:
    """Request a job for each file, and one for a file that does not exist; cancel some. There is no server yet."""
    numbers = range(len(files))
    unreliable = set(numbers[7::FAIL_ONCE_EVERY] or numbers[2:3])
    disk_s = round(min(DISKS_S / len(files), SLOWEST_DISK_S), 4)
    with JobClient(replica) as jobs:
        requests = [
            {
                "name": "count-file",
                "params": {"path": str(path), "disk_s": disk_s, "fails_once": number in unreliable},
            }
            for number, path in enumerate(files)
        ]
        ids = list(jobs.submit_many(requests))
        missing = jobs.submit("count-file", {"path": str(replica.parent / "never-written.txt")}).id
        cancelled = set(ids[3::CANCEL_EVERY] or ids[1:2])
        for job_id in cancelled:
            jobs.cancel(job_id, reason="changed my mind")
        example = jobs.get(ids[0])
        console.print(
            f"   {len(ids) + 1} submitted, {len(cancelled)} cancelled; job {example.id} is [bold]{example.shown}[/]"
        )
    retried = {ids[number] for number in unreliable} - cancelled
    prints = {job_id: fingerprint(path) for job_id, path in zip(ids, files, strict=True)}
    return Plan(dict(zip(ids, files, strict=True)), prints, cancelled, retried, missing)


def kill(console: Console, stage: Stage) -> None:
    """Kill a processor in the middle of its work and say how soon one of its jobs runs again."""
    killed = stage.kill_a_busy_one()
    if killed is None:
        console.print("   there was none to kill: all jobs had ended already")
        return
    console.print(f"   killed while {killed.running} jobs were its own")
    delay_s = stage.wait_for_takeover(killed)
    if delay_s is not None:
        console.print(f"   its jobs are taken up; the first of them ran again after {delay_s:.2f} s")


def show_steps(console: Console, title: str, steps: list[str]) -> None:
    console.print(f"\n{title}")
    for step in steps:
        console.print(f"   {step}", soft_wrap=True, markup=False)


def announce(console: Console, number: int, text: str) -> None:
    console.print(f"\n[bold]{number}.[/] {text}")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM, and the end of the terminal, end the demo as Ctrl-C does: everything is stopped and removed."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    ways = [way for way in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(way) is not signal.SIG_IGN]  # nohup
    before = {way: signal.signal(way, interrupt) for way in ways}
    try:
        yield
    finally:
        for way, handler in before.items():
            signal.signal(way, handler)
