"""How a client syncs its file: now, or in the background. What it takes is imported when a sync begins."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from client_sync.file.replica import Replica
from client_sync.sync.result import SyncReport, SyncResult
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from client_sync.sync.background import BackgroundSync
    from ledger.ports.server import OpenServer


class Syncing:
    """The sync of one file with the server that ``dsn`` names; None: there is none."""

    def __init__(self, replica: Replica, dsn: str | None, on_behalf_of: str | None) -> None:
        self._replica = replica
        self._dsn = dsn
        self._on_behalf_of = on_behalf_of
        self._background: BackgroundSync | None = None

    def run(self, *, again: bool, report: SyncReport | None) -> SyncResult:
        """One exchange, now."""
        from client_sync.sync.exchange import sync_now

        open_server = self._server()
        return sync_now(self._replica, open_server, on_behalf_of=self._on_behalf_of, again=again, report=report)

    def start(self, *, poll_s: float, report: SyncReport | None) -> None:
        """Sync in the background, unless that is so already."""
        from client_sync.sync.background import BackgroundSync

        open_server = self._server()
        if self._background is None:
            self._background = BackgroundSync(
                self._replica, open_server, on_behalf_of=self._on_behalf_of, poll_s=poll_s, report=report
            )

    def stop(self) -> None:
        """End the background sync, if it runs."""
        if self._background is not None:
            self._background.stop()
            self._background = None

    @property
    def error(self) -> LedgerError | None:
        """Why the background sync is not getting through; None while all is well, or it does not run."""
        return self._background.error if self._background else None

    @property
    def pooled(self) -> bool:
        """Whether the server of the background sync does not announce its news."""
        return self._background is not None and self._background.pooled

    def _server(self) -> OpenServer:
        from ledger.servers import open_server

        self._replica.need_writable()
        if self._dsn is None:
            raise LedgerError("this client has no server", hint='give one: JobClient(path, dsn="postgresql://...")')
        return partial(open_server, self._dsn)
