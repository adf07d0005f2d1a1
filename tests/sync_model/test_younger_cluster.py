"""A dump that is restored into a younger cluster, where transaction ids count from far lower.

What was in order keeps its numbers. What was not gets the next ones, once. And nothing that comes after it is missed,
though its transaction ids are lower than all before.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from databases import Database, new_database, new_template, throwaway_postgres

from jobledger.embedded.account import Account
from jobledger.embedded.binaries import find_binaries
from ledger.errors import ServerUnreachable
from sync_model.plays import Plays, playing
from sync_model.server import ModelServer

AGE = 20_000
"""How many transactions the old cluster is ahead."""
LOG = "select l.seq, l.event_id::text as id from ledger.log l order by l.seq"
LEFT = """
    select e.id::text as id from ledger.events e where not exists (select from ledger.log l where l.event_id = e.id)"""


@pytest.fixture(scope="module")
def old_cluster() -> Iterator[str]:
    with throwaway_postgres() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute(
                "create procedure grow_old(years integer) language plpgsql as "
                "$$ begin for i in 1 .. years loop perform pg_current_xact_id(); commit; end loop; end $$"
            )
            admin.execute("call grow_old(%(years)s)", {"years": AGE})
        yield server.dsn()


@pytest.fixture(scope="module")
def young_cluster() -> Iterator[str]:
    """A server with the login roles, as a person makes it ready for a restore."""
    with throwaway_postgres() as server, new_template(server.dsn()):
        yield server.dsn()


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with pg_dump and psql."""
    return find_binaries(Account.find(), tmp_path_factory.mktemp("binaries"))


def run(*command: str | Path) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@contextmanager
def restored(programs: Path, server: str, dump: Path) -> Iterator[Database]:
    with new_database(server, "template0") as database:
        run(programs / "psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", database.dsn, "-f", dump)
        yield database


def log(ledger: ModelServer) -> dict[int, str]:
    return {row["seq"]: row["id"] for row in ledger.rows(LOG)}


def left(ledger: ModelServer) -> set[str]:
    return {row["id"] for row in ledger.rows(LEFT)}


def newest_transaction(ledger: ModelServer) -> int:
    (row,) = ledger.rows("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as id")
    return int(row["id"])


@pytest.mark.parametrize("first", ["a file", "a new file"])
def test_p1_p2_p4_p12_all_go_on_in_a_younger_cluster(
    model: type[Plays], old_cluster: str, young_cluster: str, programs: Path, tmp_path: Path, first: str
) -> None:
    with new_template(old_cluster) as template:
        model.server, model.template = old_cluster, template
        with playing(model) as stage:
            ledger = stage.ledger
            stage.sync(0, 3)
            stage.process("completed", 1)
            stage.process("started", 3)
            stage.push(0, 4)  # more than one push, and nobody puts them in order any more
            stage.push(2, 2)
            in_order, waiting, taken, epoch = log(ledger), left(ledger), ledger.taken, ledger.epoch
            oldest = ledger.rows("select min(e.txid)::text::bigint as id from ledger.events e")[0]["id"]
            dump = tmp_path / "dump.sql"
            run(programs / "pg_dump", "-d", ledger.dsn("postgres"), "-f", dump)
            stage.sync(1, 3)
            stage.process("completed", 2)
            stage.pull(0)  # of what the dump does not have

            ledger.move(young_cluster, restored(programs, young_cluster, dump), taken)
            assert newest_transaction(ledger) < oldest
            match first:
                case "a file":
                    # Of a push taken now the log would say that it came before what this file has sent already.
                    with pytest.raises(ServerUnreachable, match="push again"):
                        stage.push(0, 1)
                case "a new file":
                    stage.add_file("app_bob")
                    stage.push(3, 1)
            early = left(ledger)
            ledger.sequence()
            assert ledger.epoch != epoch
            now = log(ledger)
            assert {seq: now.pop(seq) for seq in in_order} == in_order
            assert waiting <= early
            assert {now[seq] for seq in sorted(now)[: len(early)]} == early
            for n in range(3):
                stage.sync(n, 1)
            stage.process("completed", 4)
            stage.pull(0)
            assert newest_transaction(ledger) < oldest, "all of this was younger"
            assert sorted(log(ledger)) == [*range(1, len(log(ledger)) + 1)]
