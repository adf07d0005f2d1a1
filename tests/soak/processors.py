"""Real processors of a soak, each its own process: frozen, killed and stopped as the seed says, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Final, Literal, TypeAlias

from ledger.errors import ServerUnreachable
from soak.handlers import CALM, EXIT_CODE
from soak.oracle import Oracle

What: TypeAlias = Literal["frozen", "frozen past its lease", "killed", "asked to stop"]

BETWEEN_S: Final = 5.0
"""Between two such deeds to one processor, on the average."""
WEIGHTS: Final[dict[What, int]] = {"frozen": 60, "frozen past its lease": 5, "killed": 25, "asked to stop": 10}
FROZEN_S: Final[dict[What, tuple[float, float]]] = {"frozen": (0.2, 8.0), "frozen past its lease": (20.0, 40.0)}
STARTS_AGAIN_AFTER_S: Final = 0.5
DRAIN_S: Final = 2
ORDERLY: Final = {0, ServerUnreachable.exit_code, EXIT_CODE, -signal.SIGTERM}
"""How a processor may end; with the last of them one that was asked to stop before it had begun."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done to a processor, so long after the deed before; and how long a frozen one stays so."""

    after_s: float
    what: What
    seconds: float


def plan_deeds(seed: int, processor: int) -> Iterator[Deed]:
    """What happens to the n-th processor, without end."""
    chance = Random(f"{seed}/processor/{processor}")
    while True:
        (what,) = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        yield Deed(chance.expovariate(1 / BETWEEN_S), what, chance.uniform(*FROZEN_S.get(what, (0.0, 0.0))))


class Processors:
    """So many processors, from ``start`` to ``stop``."""

    def __init__(self, dsn: str, folder: Path, oracle: Oracle, seed: int, number: int) -> None:
        self.happened: Counter[str] = Counter()
        self._dsn = dsn
        self._folder = folder
        self._oracle = oracle
        self._calm_file = folder / "calm"
        self._calm = threading.Event()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=(n, plan_deeds(seed, n)), name=f"processor {n}", daemon=True)
            for n in range(number)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def calm(self) -> None:
        """From now on nothing is done to them, and their handlers do as they should."""
        self._calm_file.touch()
        self._calm.set()

    def stop(self) -> None:
        """End them all."""
        self._stop.set()
        self._calm.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(60)

    def _keep(self, number: int, deeds: Iterator[Deed]) -> None:
        """What a supervisor does: whenever the processor ends, start it again; and what the seed says."""
        orphans = None
        for life in count():
            if self._stop.is_set():
                break
            log = self._folder / f"processor-{number}-{life}.log"
            with self._running(log) as process:
                ending = self._accompany(process, deeds)
                self.happened[f"processor: {ending}"] += 1
                self._judge(ending, process, log)
            _end_orphans(orphans)  # those of the life before: what its handlers forked has outlived it for so long
            orphans = process.pid
            self._stop.wait(STARTS_AGAIN_AFTER_S)
        _end_orphans(orphans)

    def _accompany(self, process: subprocess.Popen[bytes], deeds: Iterator[Deed]) -> str:
        """Until it ends, by itself or by us; how it did."""
        while not self._calm.is_set():
            deed = next(deeds)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_bounded(deed.after_s, self._calm))
                return "ended"
            if self._calm.is_set():
                break
            match deed.what:
                case "killed":
                    process.kill()
                    process.wait()
                    return "killed"
                case "asked to stop":
                    return self._stop_kindly(process, "stopped")
                case _:
                    self.happened[f"processor: {deed.what}"] += 1
                    process.send_signal(signal.SIGSTOP)
                    self._calm.wait(deed.seconds)
                    process.send_signal(signal.SIGCONT)
        while not self._stop.is_set():
            if process.poll() is not None:
                return "ended"
            self._stop.wait(0.1)
        return self._stop_kindly(process, "stopped in the end")

    def _stop_kindly(self, process: subprocess.Popen[bytes], ending: str) -> str:
        if process.poll() is not None:
            return "ended"
        process.terminate()
        try:
            process.wait(DRAIN_S + 30)
        except subprocess.TimeoutExpired:
            return "did not stop"
        return ending

    def _judge(self, ending: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """A processor ends when asked to, when a handler ends its process, or when it finds no server at its start."""
        code = process.poll()
        if ending == "ended" and code == EXIT_CODE:
            self.happened["processor: ended by a handler"] += 1
        elif ending == "did not stop" or (ending != "killed" and code not in ORDERLY):
            last = log.read_text(errors="replace").strip().splitlines()[-3:]
            self._oracle.error("processor", RuntimeError(f"{ending}, code {code}: {' | '.join(last)}"))

    @contextmanager
    def _running(self, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        serve = [sys.executable, "-m", "jobledger", "serve", "--app", "soak.handlers:jobs", "--threads", "4"]
        options = ["--concurrency", "20", "--drain", str(DRAIN_S), "--poll", "1", "--dsn", self._dsn]
        tests = Path(__file__).parents[1]
        environment = {
            **os.environ,
            CALM: str(self._calm_file),
            "PYTHONPATH": f"{tests.parent}:{tests}:{tests / 'support'}",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*serve, *options], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment,
                start_new_session=True, cwd=self._folder,
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _end_orphans(group: int | None) -> None:
    if group is not None:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def _bounded(seconds: float, event: threading.Event) -> float:
    """So long at most, as an event that comes meanwhile is noticed only afterwards."""
    return 0.0 if event.is_set() else min(seconds, 20.0)
