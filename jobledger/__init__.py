"""Everything public, from one place: ``from jobledger import JobClient, Registry, ...``.

A name is imported when it is first used: an app that only writes offline never pays for the driver of Postgres, and
``import jobledger`` itself costs next to nothing. Import names from here; where they live may change.
"""

TYPE_CHECKING = False  # as in typing, whose import costs more than all of this; type checkers take it for true

__version__ = "0.2.0.dev0"

if TYPE_CHECKING:
    from client_sync import CompactResult as CompactResult
    from client_sync import Job as Job
    from client_sync import JobClient as JobClient
    from client_sync import JobFailed as JobFailed
    from client_sync import Progress as Progress
    from client_sync import Refusal as Refusal
    from client_sync import Submission as Submission
    from client_sync.file.limits import ServerLimits as ServerLimits
    from client_sync.file.lock import SyncBusy as SyncBusy
    from client_sync.sync.result import SyncResult as SyncResult
    from ledger.errors import BadAnswer as BadAnswer
    from ledger.errors import Conflict as Conflict
    from ledger.errors import InvalidEvent as InvalidEvent
    from ledger.errors import JobNotFound as JobNotFound
    from ledger.errors import LedgerError as LedgerError
    from ledger.errors import LoginRefused as LoginRefused
    from ledger.errors import NotALedger as NotALedger
    from ledger.errors import ProtocolMismatch as ProtocolMismatch
    from ledger.errors import SchemaMismatch as SchemaMismatch
    from ledger.errors import ServerUnreachable as ServerUnreachable
    from ledger.errors import SyncRefused as SyncRefused
    from ledger.errors import VerificationFailed as VerificationFailed
    from ledger.errors import WaitTimeout as WaitTimeout
    from ledger.model.events import Event as Event
    from processor import Cancelled as Cancelled
    from processor import Completed as Completed
    from processor import Deferred as Deferred
    from processor import Failed as Failed
    from processor import InvalidHandler as InvalidHandler
    from processor import JobCancelled as JobCancelled
    from processor import JobContext as JobContext
    from processor import Permanent as Permanent
    from processor import Registry as Registry
    from processor import Retry as Retry
    from processor import RetryPolicy as RetryPolicy
    from processor.handlers.context import JobLog as JobLog
    from processor.handlers.handler import InvalidParams as InvalidParams
    from processor.service import serve as serve
    from processor.settings import Settings as Settings
    from processor.work.worker import StuckHandlers as StuckHandlers

_NAMES = {
    "client_sync": ("CompactResult", "Job", "JobClient", "JobFailed", "Progress", "Refusal", "Submission"),
    "client_sync.file.limits": ("ServerLimits",),
    "client_sync.file.lock": ("SyncBusy",),
    "client_sync.sync.result": ("SyncResult",),
    "ledger.errors": (
        "BadAnswer", "Conflict", "InvalidEvent", "JobNotFound", "LedgerError", "LoginRefused", "NotALedger",
        "ProtocolMismatch", "SchemaMismatch", "ServerUnreachable", "SyncRefused", "VerificationFailed", "WaitTimeout",
    ),
    "ledger.model.events": ("Event",),
    "processor": (
        "Cancelled", "Completed", "Deferred", "Failed", "InvalidHandler", "JobCancelled", "JobContext", "Permanent",
        "Registry", "Retry", "RetryPolicy",
    ),
    "processor.handlers.context": ("JobLog",),
    "processor.handlers.handler": ("InvalidParams",),
    "processor.service": ("serve",),
    "processor.settings": ("Settings",),
    "processor.work.worker": ("StuckHandlers",),
}  # fmt: skip
"""What is imported from where at run time; the imports above say the same to type checkers, and a test compares."""
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = ["__version__", *sorted(_MODULES)]

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name exists

    def __getattr__(name: str) -> object:
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        from jobledger.shadowing import need

        need("ledger", module.partition(".")[0])
        value = globals()[name] = getattr(import_module(module), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
