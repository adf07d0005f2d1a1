"""What a processor knows of a ledger: the doors that it calls, and the values that go in and come out.

``ledger.postgres.store`` and ``ledger.memory`` implement it; ``tests/ports`` holds them to each other.

Errors are of four kinds, and everything else is a bug, or nothing that the processor could do anything about:

    ServerUnreachable   trouble with the connection or the server's moment; trying again can help (``Interrupted`` among
                        them: nobody knows whether what was asked has taken effect)
    Unrecordable        something about the data of one event; its neighbours would pass
    NotRegistered       this processor was given up, or has stopped
    NotAllowed          this login may not do that, and trying again does not help
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple, Protocol
from uuid import UUID

from ledger.errors import LedgerError, ServerUnreachable


class Interrupted(ServerUnreachable):
    """The connection broke, or the server had to break off. Whether it has done what it was asked, nobody knows."""


class BrokenOff(Interrupted):
    """The server broke off what it was asked, and has not done it; the session goes on."""


class Unrecordable(LedgerError):
    """The ledger refuses the data of an event."""


class NotRegistered(LedgerError):
    """The ledger knows no such processor of this login any more: it has stopped, or was given up."""


class NotAllowed(LedgerError):
    """This login may not run a processor here."""


class Hint(Enum):
    """What may have happened. Hints may be missed, and may be wrong."""

    EVENTS = "events were written"
    WORK = "jobs may have become ready to start"
    CANCELS = "a running job may have been cancelled"
    ANYTHING = "until this moment nothing was heard"


class Beat(NamedTuple):
    """The answer to a heartbeat. ``beats`` counts them; None: the processor was given up."""

    beats: int | None
    server_time: datetime


class ClaimRequest(NamedTuple):
    """Up to ``limit`` jobs of these namespaces and names, to be claimed together under the new id ``claim``."""

    processor: UUID
    claim: UUID
    namespaces: list[str]
    names: list[str]
    limit: int


class Claimed(NamedTuple):
    """A job, and the attempt of it that has just started. Ids are texts: they only travel through.

    ``failures`` and ``losses`` count the attempts before this one. ``request`` is the JSON text of the job's
    ``job.requested``, as its author wrote it.
    """

    job_id: str
    name: str
    attempt: int
    failures: int
    losses: int
    max_attempts: int | None
    timeout_ms: int | None
    owner: str
    requested_at: datetime
    request: str


class CompletedStep(NamedTuple):
    """A step that an earlier attempt has completed; ``data`` is the JSON text of its event."""

    job_id: str
    data: str


class AttemptEvent(NamedTuple):
    """An event of an attempt, to be recorded: all texts. Its id stays the same however often it is sent."""

    id: str
    job_id: str
    attempt: str
    type: str
    occurred_at: str
    data: str


class AttemptKey(NamedTuple):
    """Which attempt of which job."""

    job_id: str
    attempt: int


class EndOfLog(NamedTuple):
    """How far the log was seen to go in an epoch, and with which event."""

    epoch: UUID | None
    last_seq: int
    event_id: UUID | None


class Election(NamedTuple):
    """How standing for election ended; ``renewals`` counts how often the leader has shown that it leads."""

    elected: bool
    renewals: int
    end: EndOfLog


class Lease(NamedTuple):
    """Whether the leader still leads."""

    leads: bool
    end: EndOfLog


class FailingDuty(NamedTuple):
    """A duty of the leader that fails: what that means for everybody, how often in a row, since when, and why."""

    name: str
    trouble: str
    times: int
    since: datetime
    error: str


class Pass(NamedTuple):
    """What a pass over the new events has come to. ``more``: another one has to follow at once.

    ``new_work``: a job may be ready to start that was not before. ``next_due``: when the next waiting job may start, or
    expires. ``claimed``: what was granted, where a claim was made together with the pass.
    """

    sequenced: int
    more: bool
    new_work: bool
    next_due: datetime | None
    claimed: Sequence[Claimed] | None = None


class Released(NamedTuple):
    """What came of letting due jobs start, as in ``Pass``."""

    new_work: bool
    next_due: datetime | None


class Heartbeats(NamedTuple):
    """How often each registered processor was heard; ``left_behind``: those that are gone have left claims."""

    beats: Sequence[tuple[UUID, int]]
    left_behind: bool


class Silent(NamedTuple):
    """A processor whose heartbeats have stood still at ``beats`` for the grace; ``overdue``: for the lease."""

    processor: UUID
    beats: int
    overdue: bool


class Orphan(NamedTuple):
    """A job that a processor which is gone left running.

    ``alone``: no other ran there; ``losses_alone``: how many of its earlier losses were such.
    """

    processor: UUID
    noticed_by: str
    job_id: str
    attempt: int
    losses: int
    alone: bool
    losses_alone: int
    found_at: datetime


class TakenBack(NamedTuple):
    """A processor that is gone, and how many jobs were running there."""

    processor: UUID
    jobs: int


class Store(Protocol):
    """A ledger, as one processor service uses it."""

    async def check(self) -> None:
        """Raise LedgerError where no processor can work with this ledger. Trouble with the connection is waited out."""

    # That it lives. These are called from one thread, which is not the event loop's. They raise ServerUnreachable, and
    # the next call begins with a new session.

    def register(self, processor: UUID, host: str, pid: int, namespaces: Sequence[str], names: Sequence[str]) -> None:
        """Register a processor under a new id, which lives from now on as long as this session, or its heartbeat."""

    def beat(self, processor: UUID, beats: int, loop_still_s: float) -> Beat:
        """Renew its lease. ``beats`` is the last answer, ``loop_still_s`` for how long its event loop has not moved."""

    def stop(self, processor: UUID) -> None:
        """Say that it ends here, as it was told to."""

    def leave(self) -> None:
        """Let the session go: whoever looks sees that the processor is gone."""

    def interrupt(self) -> None:
        """From any thread: have the call that is under way fail at once."""

    # Its jobs. What is harmless to repeat waits trouble with the connection out; ``claim`` raises ServerUnreachable.

    async def claim(self, request: ClaimRequest) -> list[Claimed]:
        """Start an attempt of each of the best waiting jobs. Raises NotRegistered."""

    async def unknown_claims(self, processor: UUID, known: Sequence[UUID]) -> list[tuple[UUID, list[Claimed]]]:
        """The claims of this processor but the ``known`` ones, with the attempts of them that still run."""

    async def steps(self, job_ids: Sequence[str]) -> list[CompletedStep]:
        """The steps that these jobs have completed, in the order in which they were recorded."""

    async def cancelled(self, processor: UUID, job_ids: Sequence[str]) -> list[str]:
        """Which of these jobs, which this processor runs, were asked to stop."""

    async def record(self, processor: UUID, events: Sequence[AttemptEvent]) -> set[AttemptKey]:
        """Record what happened in attempts of this processor: all or nothing. Raises Unrecordable.

        What comes too late, as the attempt is no longer this processor's, is kept as evidence, and its attempt is given
        back.
        """

    async def forget_claims(self, processor: UUID, claims: Sequence[UUID]) -> None:
        """Forget claims all of whose attempts have ended."""

    async def connect(self) -> None:
        """Make ready for ``record``, so that the first one need not wait."""

    async def disconnect(self) -> None:
        """Let go what claims and records hold; the next call takes it anew."""

    # Hints.

    async def hear(self, tell: Callable[[Hint], object]) -> None:
        """Tell what is heard, for ever. Trouble with the connection is waited out."""

    # Leading. These raise ServerUnreachable, and then all begins with ``join_election`` again.

    async def join_election(self) -> None:
        """Make a session to stand and lead in, and let the one before go. Trouble with the connection is waited out."""

    async def leave_election(self) -> None:
        """Let that session go: whoever looks sees that its leader is gone."""

    async def ensure_epoch(self, seen: EndOfLog) -> str | None:
        """Begin a new epoch where the ledger is not the one it was, or lacks what was ``seen`` in it.

        Gives what that has to wait for, or None when nothing is to be done any more.
        """

    async def stand(self, candidate: UUID, host: str, pid: int, silent: int | None) -> Election:
        """Become the leader where there is none, or where its renewals are still as many as ``silent``."""

    async def lead(self, leader: UUID) -> Lease:
        """Renew the leader's lease."""

    async def note_failing(self, leader: UUID, failing: Sequence[FailingDuty]) -> None:
        """Keep which of the leader's duties fail now, for whoever asks how the ledger is."""

    async def sequence(self) -> Pass:
        """Put what became visible in order, and fold it into the jobs. Raises Unrecordable."""

    async def sequence_and_claim(self, request: ClaimRequest) -> Pass:
        """``sequence``, and where that has brought work a claim. A processor that is not registered gets nothing."""

    async def release(self) -> Released:
        """Let jobs start whose time has come, and end those that have expired. Raises Unrecordable."""

    async def heartbeats(self) -> Heartbeats:
        """Who was heard, and how often."""

    async def rescue(
        self, silent: Sequence[Silent], settle: Callable[[Orphan], Sequence[AttemptEvent]]
    ) -> list[TakenBack]:
        """Give up the ``silent`` processors that are gone, and take back what those before them left, all or nothing.

        ``settle`` gives the events that end the attempt of such a job.
        """
