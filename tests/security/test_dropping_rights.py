"""A member of a group may drop what its group owns: no right of the ledger hangs on that (P7, P11)."""

from __future__ import annotations

import pytest
from databases import LOGINS
from ledger_calls import Worker, push_jobs, sequence
from psycopg import sql
from security.attacked_ledger import ALICE, AttackedLedger

from ledger.postgres.feed import read_log, verify
from ledger.postgres.rights import find_differences


@pytest.mark.parametrize("login", ["app_alice", "worker", "auditor", "operator"])
def test_p7_dropping_what_ones_group_owns_takes_nothing_from_it(attacked: AttackedLedger, login: str) -> None:
    member = attacked.database.connect(login)
    member.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(LOGINS[login])))
    assert find_differences(attacked.owner) == []
    auditor = attacked.database.connect("auditor")
    assert len(list(read_log(auditor))) == 2
    assert verify(auditor).jobs == 2
    attacked.assert_sound()


@pytest.mark.parametrize("login", ["app_alice", "worker", "auditor", "operator"])
def test_p12_a_transaction_that_drops_it_holds_up_nobody(attacked: AttackedLedger, login: str) -> None:
    member = attacked.database.connect(login, autocommit=False)
    member.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(LOGINS[login])))
    alice, worker, auditor = (attacked.database.connect(user) for user in (ALICE, "worker", "auditor"))
    for session in (alice, worker, auditor):
        session.execute("set lock_timeout = '2s'")
    push_jobs(alice, 1)
    sequence(worker)
    jobs = Worker(worker).claim()
    assert len(jobs) == 2, "both of Alice's; Bob's is of another name"
    assert len(list(read_log(auditor))) == 3
    assert len(alice.execute("select * from ledger.my_jobs").fetchall()) == 2
