"""The bar that ``jobledger sync`` shows a person who has to wait."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from client_sync.sync import SyncResult

SHOW_AFTER_S: Final = 2.0


class SyncBar:
    """A bar over the ``total`` events to push, with the count of those pulled beside it.

    It appears on standard error, if that is a terminal, and only once ``SHOW_AFTER_S`` seconds have gone by.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._shown_at = time.monotonic() + SHOW_AFTER_S
        self._open = ExitStack()
        self._bar: ProgressBar[str | None] | None = None
        self._done = 0

    def __enter__(self) -> SyncBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def report(self, result: SyncResult) -> None:
        """Show how far the exchange is."""
        if time.monotonic() < self._shown_at or not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = self._open.enter_context(
                click.progressbar(
                    length=max(self._total, 1), label="sync", file=sys.stderr, item_show_func=lambda text: text or ""
                )
            )
        done = result.pushed + result.refused
        self._bar.update(done - self._done, f"pulled {result.pulled}")
        self._done = done
