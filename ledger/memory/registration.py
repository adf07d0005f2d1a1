"""That a processor lives, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ledger.memory.part import Part
from ledger.memory.processors import Processor
from ledger.ports.store import Beat


class Registration(Part):
    """The doors that the thread calls which keeps a processor alive."""

    _session: object | None = None

    def register(self, processor: UUID, host: str, pid: int, namespaces: Sequence[str], names: Sequence[str]) -> None:
        with self._ledger.lock:
            self._session = self._session or object()
            self._ledger.processors[processor] = Processor(self._session)
            said = {"host": host, "pid": pid, "namespaces": list(namespaces), "names": list(names)}
            self._note("processor.started", processor, **said)

    def beat(self, processor: UUID, beats: int, loop_still_s: float) -> Beat:  # noqa: ARG002  nobody looks here
        with self._ledger.lock:
            found = self._living(processor)
            if found is None or found.beats < beats:
                return Beat(None, self._ledger.now())
            self._session = found.session = self._session or object()
            found.beats += 1
            return Beat(found.beats, self._ledger.now())

    def stop(self, processor: UUID) -> None:
        with self._ledger.lock:
            if (found := self._living(processor)) is not None:
                found.is_gone = True
                self._note("processor.stopped", processor)

    def leave(self) -> None:
        with self._ledger.lock:
            for one in self._ledger.processors.values():
                if one.session is self._session:
                    one.session = None
            self._session = None

    def interrupt(self) -> None: ...
