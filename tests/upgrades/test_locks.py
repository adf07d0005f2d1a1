"""What an upgrade locks, for how long, and that it says so."""

from __future__ import annotations

import threading

import pytest
from databases import Database
from waiting import until

from ledger.errors import Conflict
from ledger.postgres.upgrade import HOLD_S, upgrade
from ledger.postgres.upgrade_plan import plan_upgrade

STRONG = """
    select distinct k.relation::regclass::text as relation
    from pg_locks k join pg_class c on c.oid = k.relation
    where k.pid = pg_backend_pid() and k.granted
      and c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p', 'v')
      and k.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""
"""The tables of the ledger that this session keeps others from reading or writing."""


def test_each_step_names_whatever_it_locks(v1: Database) -> None:
    owner = v1.connect(autocommit=False)
    owner.execute("set search_path = pg_catalog, pg_temp")
    here = "select relname from pg_class where relnamespace = 'ledger'::regnamespace"
    before = {row["relname"] for row in owner.execute(here)}
    plan = plan_upgrade(owner)
    named = set()
    for step in plan.together:
        owner.execute(step.text.encode())
        named |= set(step.locks)
        locked = {row["relation"] for row in owner.execute(STRONG.encode())}
        # nobody but doctor reads it; "lock table" would lock what it reads, and that is Postgres' own
        locked -= {"ledger.rights_found"}
        assert {relation for relation in locked if relation.removeprefix("ledger.") in before} <= named, step.name


def test_locks_are_taken_in_the_order_in_which_everybody_takes_them(v1: Database) -> None:
    order = ["schema_version", "events", "log", "sequencer", "replicas", "keys", "queue", "my_jobs", "jobs"]
    taken = [table.removeprefix("ledger.") for table in plan_upgrade(v1.connect()).locks]
    known = [table for table in taken if table in order]
    assert known == sorted(known, key=order.index)


@pytest.mark.parametrize(
    ("login", "use"),
    [
        ("auditor", "select count(*) from ledger.events"),
        ("app_alice", """select ledger.submit('square', '{"n": 1}')"""),
        ("app_alice", "select * from ledger.pull(0)"),
        ("app_alice", "select * from ledger.my_jobs"),
    ],
)
def test_who_comes_while_it_waits_is_not_kept_longer_than_said(v1: Database, login: str, use: str) -> None:
    """It waits behind a transaction that stays open, and whoever comes next waits behind it; but never for long."""
    reader, other, watch = v1.connect(autocommit=False), v1.connect(login), v1.connect()
    reader.execute("select from ledger.events")
    other.execute("select set_config('lock_timeout', %(limit)s, false)", {"limit": f"{HOLD_S:g}s"})
    behind = "select 1 as one from pg_locks where not granted and mode = 'AccessExclusiveLock'"
    over = threading.Event()

    def give_up() -> None:
        with pytest.raises(Conflict), v1.connect() as owner:
            upgrade(owner, patience_s=3)
        over.set()

    upgrading = threading.Thread(target=give_up)
    upgrading.start()
    met = 0
    while not over.is_set():
        until(lambda: over.is_set() or watch.execute(behind).fetchone(), "the upgrade to wait")
        other.execute(use.encode())  # fails where it has to wait for longer
        met += 1
    upgrading.join()
    assert met > 1
