"""Telling what is going on, on standard error: one line that changes on a terminal, else a line for each step."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status


class Progress:
    """``quiet`` tells nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._status: Status | None = None
        self._title = ""
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        if not self._quiet and sys.stderr.isatty():
            with suppress(ModuleNotFoundError):  # rich comes with an extra: plain lines will do
                from rich.console import Console

                self._status = Console(stderr=True).status("starting")
                self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def title(self, text: str) -> None:
        """Begin a part."""
        self._title = text
        self.say("begins")

    def say(self, text: str) -> None:
        line = f"{time.monotonic() - self._began:5.0f} s  {self._title}: {text}"
        if self._status is not None:
            self._status.update(line.replace("[", r"\["))
        elif not self._quiet:
            print(line, file=sys.stderr, flush=True)
