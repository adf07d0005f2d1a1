"""Holding a replica file against a server. Nothing is changed on either side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import UUID

from client_sync.care.examine import UNREADABLE, clock_finding
from client_sync.file.reading import open_to_read
from client_sync.sync.answers import check_protocol
from ledger.errors import LedgerError, NotALedger, ProtocolMismatch, SyncRefused
from ledger.finding import Finding
from ledger.ports.server import Server

_POSITION: Final = "select owner, epoch, pulled_seq from replica"
_PAGE_BYTES: Final = 1


def compare(path: Path, server: Server) -> Iterator[Finding]:
    """Whose the file is, whether both speak one protocol, both clocks, and what there is to fetch."""
    try:
        with closing(open_to_read(path.absolute())[0]) as file:
            ((owner, epoch, pulled_seq),) = file.execute(_POSITION)
            known = None if epoch is None else UUID(epoch)
    except (*UNREADABLE, OSError, LedgerError):
        return  # what is wrong with the file was said
    try:
        before = time.time()
        hello = check_protocol(server.hello())
        after = time.time()
        if hello.time is not None:
            skew_s = hello.time.timestamp() - (before + after) / 2
            yield clock_finding(round(skew_s * 1000), "the server's clock is now")
        if owner not in (None, hello.login):
            yield _of_another(owner, hello.login)
            return
        page = server.pull(pulled_seq or 0, known, 1, _PAGE_BYTES)
    except SyncRefused:
        if owner is None:
            yield Finding("note", "owner", "this login may not sync, so the server was not asked what is new")
        else:
            yield _of_another(owner, "may not sync")
    except NotALedger as error:
        yield Finding("fail", "server", error.message, error.hint)
    except ProtocolMismatch as error:
        yield Finding("warn", "server", error.message, error.hint)
    else:
        if known not in (None, page.epoch):
            message = "the server began a new epoch: it was restored, promoted or copied"
            yield Finding("note", "server", message, "the next sync compares what both hold: jobledger sync")
        elif page.upto_seq > (pulled_seq or 0):
            yield Finding("note", "server", "there is something new to fetch", "jobledger sync")
        else:
            yield Finding("ok", "server", "everything was fetched")


def _of_another(owner: str, login: str) -> Finding:
    advice = f"sync with a login of {owner}, or on behalf of {owner}"
    return Finding("warn", "owner", f"the file is {owner}'s, and this login {login}", advice)
