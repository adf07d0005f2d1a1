"""Bars on standard error, for a person who waits."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from typing import Self

    from click._termui_impl import ProgressBar

    from client_sync.sync.result import SyncResult

SHOW_AFTER_S: Final = 2.0
_BAR: Final = "%(label)s  [%(bar)s]  %(info)s"
_NO_BAR: Final = "%(label)s  %(info)s"


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


class SyncBar:
    """A bar over the events to push, and then one over those to pull: how many of how many, how fast, until when.

    It appears on standard error, if that is a terminal, and only once ``SHOW_AFTER_S`` seconds have gone by. How much
    comes from other files only the server knows. ``to_pull`` gives what this one waits for; past that there is no bar,
    only the count and the pace.
    """

    def __init__(self, to_push: int, to_pull: Callable[[], int]) -> None:
        self._to_push = to_push
        self._to_pull = to_pull
        self._began_at = time.monotonic()
        self._show_at = self._began_at + SHOW_AFTER_S
        self._open = ExitStack()
        self._bar: ProgressBar[str] | None = None
        self._pulling = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def report(self, result: SyncResult) -> None:
        """Show how far the exchange is."""
        now = time.monotonic()
        pulled = result.pulled + result.confirmed
        if pulled and not self._pulling:
            self._open.close()
            self._bar, self._pulling, self._began_at = None, True, now
        if now < self._show_at or not sys.stderr.isatty():
            return
        done = pulled if self._pulling else result.pushed + result.refused
        if self._bar is None:
            self._bar = self._show(done)
        if done > (self._bar.length or 0):
            self._bar.bar_template, self._bar.show_pos, self._bar.show_percent = _NO_BAR, False, False
        pace = f"{done / max(now - self._began_at, 0.001):.0f}/s"
        self._bar.update(done - self._bar.pos, pace if self._bar.show_pos else f"{done} events  {pace}")

    def _show(self, done: int) -> ProgressBar[str]:
        if self._pulling:
            waiting = self._to_pull()
            label, length = "pull", done + waiting if waiting else 0
        else:
            label, length = "push", self._to_push
        return self._open.enter_context(
            click.progressbar(
                length=length,
                label=label,
                file=sys.stderr,
                bar_template=_BAR if length else _NO_BAR,
                show_pos=length > 0,
                show_percent=length > 0,
                item_show_func=lambda rate: rate or "",
            )
        )


def progress_bar(length: int, label: str, *, hidden: bool = False) -> ProgressBar[int]:
    """A progress bar on standard error, where that is a terminal."""
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden or not sys.stderr.isatty())
