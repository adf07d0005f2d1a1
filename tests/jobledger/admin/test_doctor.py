"""What ``jobledger doctor`` says of processors."""

from __future__ import annotations

from databases import Database
from ledger_calls import Worker

from jobledger.admin.doctor import examine_server


def test_a_processor_whose_event_loop_does_not_move_is_named(database: Database) -> None:
    worker, owner = Worker(database.connect("worker")), database.connect()

    def said(still_s: float) -> list[tuple[str, str]]:
        worker.connection.execute(
            """
            select ledger.beat(p.processor, p.beats, %(still)s * interval '1 second')
            from ledger.processors p where p.processor = %(id)s
            """,
            {"id": worker.id, "still": still_s},
        )
        return [(found.level, found.message) for found in examine_server(owner) if found.check == "processors"]

    [(level, _)] = said(1)
    assert level == "ok"
    [(level, message)] = said(60)
    assert level == "warn"
    assert message.endswith(f"({worker.id}): its event loop has not moved for 60 s")
