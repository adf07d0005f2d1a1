"""The whole path, both ports on one ledger in memory: a file, its sync, a processor service, and the result back."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from client_sync import JobClient
from client_sync.file.replica import Replica
from client_sync.sync.background import BackgroundSync
from ledger.memory.ledger import MemoryLedger
from ledger.memory.server import MemoryServer
from ledger.memory.store import MemoryStore
from processor import Registry, RetryPolicy
from processor.service import serve_store
from processor.settings import Settings

NEVER = 3600.0


def test_p4_a_job_goes_from_a_file_through_a_ledger_in_memory_and_back(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    ledger = MemoryLedger(lambda: datetime.now(UTC))
    registry = Registry()
    tries: list[str] = []

    @registry.handler("count", retry=RetryPolicy(first_wait_s=0.01, jitter=0))
    async def count(params: dict[str, Any]) -> int:
        tries.append(params["text"])
        if len(tries) == 1:
            raise OSError("the first try goes wrong")
        return len(params["text"].split())

    async def serve_until(stopped: threading.Event) -> None:
        stop = asyncio.Event()
        service = asyncio.create_task(serve_store(registry, MemoryStore(ledger), Settings(poll_interval=1), stop=stop))
        await asyncio.to_thread(stopped.wait)
        stop.set()
        await service

    stopped = threading.Event()
    service = threading.Thread(target=lambda: asyncio.run(serve_until(stopped)), daemon=True)
    service.start()
    replica = Replica(path)
    sync = BackgroundSync(replica, lambda _listen, _stopped: MemoryServer(ledger, "app_alice"), poll_s=NEVER)
    try:
        with JobClient(path) as jobs:
            job = jobs.submit("count", {"text": "a b c"})
            assert jobs.wait(job.id, timeout=60).result == 3
            kinds = [event.type for event in jobs.history(job.id)]
        assert kinds == ["job.requested", "attempt.started", "attempt.failed", "attempt.started", "job.completed"]
        assert sync.error is None
    finally:
        sync.stop()
        replica.close()
        stopped.set()
        service.join(60)
    assert not service.is_alive()
    assert tries == ["a b c", "a b c"]
