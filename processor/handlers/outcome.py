"""How an attempt can end: pure values.

A handler may return one of them, return anything else (which is then the result), or raise:

    match outcome:
        Completed(result)      the job is done
        Retry(after, error)    this attempt failed; another one follows, as long as attempts are left
        Failed(error)          the job failed; no further attempt
        Deferred(...)          not now: another attempt later, which costs nothing
        Cancelled()            the job ends as cancelled
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from ledger.errors import LedgerError
from ledger.model.data import JobError


class Permanent(LedgerError):
    """Raised by a handler: this cannot succeed, however often it is tried. The job fails at once."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The job is done; ``result`` is anything that pydantic can write as JSON."""

    result: Any = None


@dataclass(frozen=True, slots=True)
class Retry:
    """This attempt failed. The next starts after ``after`` seconds, or when the policy says. Without one left the job
    fails."""

    after: float | None = None
    error: BaseException | JobError | str | None = None

    def __post_init__(self) -> None:
        if self.after is not None and not 0 <= self.after < float("inf"):
            raise ValueError(f"after must be a number of seconds, not {self.after!r}")


@dataclass(frozen=True, slots=True)
class Failed:
    """The job failed, and is not tried again."""

    error: BaseException | JobError | str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: the next attempt starts at ``until`` (an aware time) or in ``after`` seconds. It costs no attempt."""

    until: datetime | None = None
    after: float | None = None

    def __post_init__(self) -> None:
        if (self.until is None) == (self.after is None):
            raise ValueError("a deferral needs either a time (until) or a number of seconds (after)")
        if self.until is not None and self.until.utcoffset() is None:
            raise ValueError("until needs a time zone: datetime.now(UTC) + ...")
        if self.after is not None and not 0 <= self.after < float("inf"):
            raise ValueError(f"after must be a number of seconds, not {self.after!r}")


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job ends as cancelled."""


Outcome: TypeAlias = Completed | Retry | Failed | Deferred | Cancelled
OUTCOMES: Final = (Completed, Retry, Failed, Deferred, Cancelled)
