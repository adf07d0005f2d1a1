"""How a processor's log is written: a record begins a line, and only a record does."""

from __future__ import annotations

import logging
from typing import Any, Final

from jobledger.console.output import printable

LOG_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class LogLines(logging.Formatter):
    """A record begins a line, and only a record does: what jobs and errors say is shown as the verbs show it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  # likewise
        return "\n".join(f"  {printable(line)}" for line in super().formatException(ei).split("\n"))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  # likewise
        return "\n".join(f"  {printable(line)}" for line in stack_info.split("\n"))
