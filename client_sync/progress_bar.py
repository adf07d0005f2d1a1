"""The bars that a person sees who has to wait."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from typing import Self

    from click._termui_impl import ProgressBar

    from client_sync.sync import SyncResult

SHOW_AFTER_S: Final = 2.0


class LateBar:
    """A bar that appears on standard error, if that is a terminal, and only after ``SHOW_AFTER_S`` seconds."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown_at = time.monotonic() + SHOW_AFTER_S
        self._open = ExitStack()
        self._bar: ProgressBar[str | None] | None = None
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def show(self, done: int, total: int, beside: str = "") -> None:
        """Show that ``done`` of ``total`` is done, and a text beside it."""
        if time.monotonic() < self._shown_at or not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = self._open.enter_context(
                click.progressbar(
                    length=max(total, 1), label=self._label, file=sys.stderr, item_show_func=lambda text: text or ""
                )
            )
        self._bar.update(done - self._done, beside)
        self._done = done


class SyncBar(LateBar):
    """A bar over the ``total`` events to push, with the count of those pulled beside it."""

    def __init__(self, total: int) -> None:
        super().__init__("sync")
        self._total = total

    def report(self, result: SyncResult) -> None:
        """Show how far the exchange is."""
        self.show(result.pushed + result.refused, self._total, f"pulled {result.pulled}")
