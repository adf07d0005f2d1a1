"""The event catalogue: every type of event, who writes it, whose it is, what it carries and what it does to its job.

Models and readers are made from this table (``ledger.model.events``, ``ledger.model.facts``), and so is docs/events.md.
A type, version or field that is not here is kept and passed on: old clients meet new servers, and the other way round.
"""

from __future__ import annotations

import builtins
from typing import Final, Literal, NamedTuple, TypeAlias

from ledger.model import data as d

Writer: TypeAlias = Literal["client", "processor", "ledger", "operator"]
"""``ledger``: the functions of schema.sql, of their own accord."""
Owner: TypeAlias = Literal["job", "replica", "login", "service"]
"""Whose an event is, and so who reads it: the owner of its job or replica, the login it is about, or the service."""


class EventType(NamedTuple):
    """One type of event. ``effect`` is what it does to the state of its job; None: nothing."""

    type: str
    by: Writer
    data: builtins.type[d.Data]
    about: str
    effect: str | None = None
    owner: Owner = "job"
    v: int = 1


CATALOGUE: Final[dict[str, EventType]] = {
    entry.type: entry
    for entry in (
        EventType("job.requested", "client", d.RequestedData, "Somebody asks for a job.", "none → pending"),
        EventType(
            "job.cancel_requested",
            "client",
            d.CancelRequestedData,
            "Its owner wants the job to stop. May arrive before its request.",
            "pending → cancelled; running → asked to stop",
        ),
        EventType(
            "job.signalled",
            "client",
            d.SignalledData,
            "Its owner sends the job a message. May arrive before its request.",
            "the signal is kept",
        ),
        EventType(
            "attempt.started",
            "processor",
            d.AttemptStartedData,
            "A processor begins to run the job.",
            "pending → running",
        ),
        EventType(
            "attempt.progressed",
            "processor",
            d.AttemptProgressedData,
            "The handler says how far it is.",
            "the progress is kept",
        ),
        EventType(
            "attempt.logged", "processor", d.AttemptLoggedData, "The handler writes log lines.", "the lines are counted"
        ),
        EventType(
            "step.completed",
            "processor",
            d.StepCompletedData,
            "A step is done, and is not run again.",
            "the result is kept",
        ),
        EventType(
            "attempt.failed",
            "processor",
            d.AttemptFailedData,
            "The attempt failed.",
            "running → pending until `retry_at`; null: → failed",
        ),
        EventType(
            "attempt.deferred",
            "processor",
            d.AttemptDeferredData,
            "The handler wants to run later. Costs no attempt.",
            "running → pending until `until`",
        ),
        EventType(
            "attempt.suspended",
            "processor",
            d.AttemptSuspendedData,
            "The job waits for something. Costs no attempt.",
            "running → pending until `until`, or for what `reason` says",
        ),
        EventType(
            "attempt.lost",
            "processor",
            d.AttemptLostData,
            "The processor of the attempt is gone. Has a budget of its own.",
            "running → pending until `retry_at`; null: → failed",
        ),
        EventType(
            "attempt.superseded",
            "processor",
            d.AttemptSupersededData,
            "Something came from an attempt that was no longer the current one. It is kept as evidence.",
        ),
        EventType(
            "attempt.traced",
            "processor",
            d.AttemptTracedData,
            "The traceback of an attempt that failed.",
            owner="service",
        ),
        EventType("job.completed", "processor", d.JobCompletedData, "The job is done.", "→ completed"),
        EventType("job.failed", "processor", d.JobFailedData, "The job failed for good, or expired.", "→ failed"),
        EventType("job.cancelled", "processor", d.JobCancelledData, "The job was cancelled.", "→ cancelled"),
        EventType("job.retired", "operator", d.JobRetiredData, "The events of an old job leave the ledger."),
        EventType("payload.erased", "operator", d.PayloadErasedData, "The content of some events was erased."),
        EventType("processor.started", "processor", d.Data, "A processor registered.", owner="service"),
        EventType("processor.stopped", "processor", d.Data, "A processor ended in order.", owner="service"),
        EventType("processor.lost", "processor", d.Data, "A processor was given up by the others.", owner="service"),
        EventType(
            "replica.forked",
            "ledger",
            d.Data,
            "A client's file turned out to be a copy, or restored: it goes on under another replica id.",
            owner="replica",
        ),
        EventType(
            "replica.rewound",
            "ledger",
            d.Data,
            "A client had more acknowledged than the server holds, as the server was restored: it sends that again.",
            owner="replica",
        ),
        EventType(
            "delegation.granted",
            "operator",
            d.Data,
            "A login may from now on act on behalf of an owner; of every owner, where `data` names none.",
            owner="login",
        ),
        EventType(
            "delegation.revoked", "operator", d.Data, "A login may no longer act on behalf of an owner.", owner="login"
        ),
    )
}
"""Every type known here, by its name."""

CLIENT_TYPES: Final = frozenset(entry.type for entry in CATALOGUE.values() if entry.by == "client")
"""The only types that a client may write."""
KNOWN: Final = frozenset((entry.type, entry.v) for entry in CATALOGUE.values())
"""Every type with its version."""
