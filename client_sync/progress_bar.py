"""The bar that a command shows a person who has to wait."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from client_sync.sync import SyncResult

SHOW_AFTER_S: Final = 2.0


class LateBar:
    """A bar on standard error, if that is a terminal, that appears only once ``SHOW_AFTER_S`` seconds have gone by."""

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

    def show(self, done: int, total: int, note: str = "") -> None:
        """Show how far it is, and a note beside the bar."""
        if time.monotonic() < self._shown_at or not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = self._open.enter_context(
                click.progressbar(
                    length=max(total, 1), label=self._label, file=sys.stderr, item_show_func=lambda text: text or ""
                )
            )
        self._bar.update(done - self._done, note)
        self._done = done


class SyncBar(LateBar):
    """A bar over the ``total`` events to push, with the count of those pulled beside it."""

    def __init__(self, total: int) -> None:
        super().__init__("sync")
        self._total = total

    def report(self, result: SyncResult) -> None:
        """Show how far the exchange is."""
        self.show(result.pushed + result.refused, self._total, f"pulled {result.pulled}")
