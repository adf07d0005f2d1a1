"""Interrupted at any point, an upgrade leaves the old schema or the new one; running it again finishes it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from catalogue import read_catalogue
from databases import Database
from old_version import count_events
from waiting import until

from jobledger.cli import run
from ledger.errors import Conflict, LedgerError, ServerUnreachable
from ledger.postgres.database import connect
from ledger.postgres.feed import verify
from ledger.postgres.schema import VERSION, check, installed_version
from ledger.postgres.steps import Step, read_steps
from ledger.postgres.upgrade import upgrade

COUNT_COMMANDS = """
    create sequence public.commands;
    create table public.trouble (at bigint, how text);
    create function public.make_trouble() returns event_trigger language plpgsql as $$
    begin
        if nextval('public.commands') = (select at from public.trouble) then
            if (select how from public.trouble) = 'terminated' then
                perform pg_terminate_backend(pg_backend_pid());
            end if;
            raise exception 'failed';
        end if;
    end $$;
    create event trigger trouble on ddl_command_end execute function public.make_trouble();
"""


@pytest.mark.parametrize("how", ["failed", "terminated"])
def test_it_may_end_after_any_of_its_commands(v1: Database, database: Database, how: str) -> None:
    owner = v1.connect()
    owner.execute(COUNT_COMMANDS.encode())
    before, checked = read_catalogue(owner), count_events(owner)
    for at in (1, 2, 4, 7, 20, 60, 110):
        owner.execute("delete from public.trouble")
        owner.execute("insert into public.trouble values (%(at)s, %(how)s)", {"at": at, "how": how})
        owner.execute("select setval('public.commands', 1, false)")
        with connect(v1.dsn) as connection, pytest.raises(LedgerError) as error:
            upgrade(connection)
        assert isinstance(error.value, ServerUnreachable) is (how == "terminated")
        assert "\n" not in error.value.message
        assert read_catalogue(owner) == before
        assert installed_version(owner) == 1
        assert count_events(owner) == checked
    owner.execute("delete from public.trouble")
    upgrade(owner)
    assert value(v1, "select last_value >= 110 from public.commands") is True
    assert read_catalogue(owner) == read_catalogue(database.connect())
    assert verify(owner) == checked


def test_its_process_may_be_killed_while_it_waits(v1: Database, database: Database) -> None:
    """The server may not notice until the lock is there. Then it goes on, to the end or not at all."""
    owner, reader = v1.connect(), v1.connect(autocommit=False)
    before = read_catalogue(owner)
    reader.execute("select from ledger.events")
    process = subprocess.Popen([sys.executable, "-m", "jobledger", "init", "--dsn", v1.dsn])
    waiting = "select 1 as one from pg_locks where not granted and relation = 'ledger.events'::regclass"
    until(lambda: owner.execute(waiting).fetchone(), "the upgrade to wait for the events")
    process.kill()
    process.wait()
    reader.rollback()
    there = """select 1 as one from pg_stat_activity
               where datname = current_database() and application_name = 'jobledger init'"""
    until(lambda: owner.execute(there).fetchone() is None, "the server to notice")
    fresh = read_catalogue(database.connect())
    now = read_catalogue(owner)
    assert now == before or {**now, "indexes": fresh["indexes"]} == fresh, "what comes after it may be left"
    upgrade(owner)
    assert read_catalogue(owner) == fresh


def noted_later(last: int) -> list[Step]:
    """The steps of a version that notes something about every event, without touching one."""
    return [
        Step(last + 1, "place", "For it.", 1, [], False, "create table ledger.noted (event_id uuid primary key)"),
        Step(
            last + 1, "fill", "Events that are older.", 1, [], True,
            """insert into ledger.noted (event_id)
               select e.id from ledger.events e where not exists (select from ledger.noted n where n.event_id = e.id)
               order by e.id limit 20""",
        ),
        Step(last + 2, "end", "Nothing more.", 1, [], False, "comment on table ledger.noted is 'All of them.'"),
    ]  # fmt: skip


def test_a_step_in_batches_goes_on_where_it_ended(v1: Database) -> None:
    owner = v1.connect()
    steps = [*read_steps(), *noted_later(read_steps()[-1].number)]
    owner.execute("""
        create function public.enough() returns trigger language plpgsql as $$
        begin
            if (select count(*) from ledger.noted) > 60 then
                perform pg_terminate_backend(pg_backend_pid());
            end if;
            return null;
        end $$;
        create function public.watch() returns event_trigger language plpgsql as $$
        begin
            if to_regclass('ledger.noted') is not null then
                create trigger enough after insert on ledger.noted for each statement execute function public.enough();
            end if;
        end $$;
        create event trigger watch on ddl_command_end when tag in ('CREATE TABLE') execute function public.watch();
    """)
    with connect(v1.dsn) as connection, pytest.raises(ServerUnreachable, match="session ended during the upgrade"):
        upgrade(connection, steps=steps)
    assert value(v1, "select count(*) from ledger.noted") == 60
    assert value(v1, "select array_agg(version order by version) from ledger.schema_version") == [1, 2, 3, 4]
    owner.execute("drop trigger enough on ledger.noted")
    assert [step.name for step in upgrade(owner, steps=steps).steps] == ["fill"]
    assert value(v1, "select array_agg(version order by version) from ledger.schema_version") == [1, 2, 3, 4]
    assert value(v1, "select count(*) from ledger.schema_version where unfinished <> '{}'") == 0
    assert value(v1, "select count(*) from ledger.noted") == value(v1, "select count(*) from ledger.events")
    assert upgrade(owner, steps=steps).steps == ()


def test_what_comes_afterwards_says_whom_it_waits_for_and_is_finished_by_the_next_upgrade(
    v1: Database, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """An index is made without keeping anybody waiting, but it has to wait for whoever may see the table as it was."""
    owner, reader = v1.connect(), v1.connect("auditor", autocommit=False)
    reader.execute("set transaction isolation level repeatable read")
    reader.execute("select count(*) from pg_class")
    with pytest.raises(Conflict, match=r"\(auditor, jobledger\) keeps a snapshot in a transaction") as refusal:
        upgrade(owner, patience_s=0.2)
    assert refusal.value.hint is not None
    assert "the ledger is upgraded, and 0002_indexes left to do" in refusal.value.hint
    check(owner)
    assert schema_finding(v1, capsys) == (
        "warn",
        f"version {VERSION}; left to do: 0002_indexes",
        "finish it: jobledger init",
    )
    reader.rollback()
    upgrade(owner)
    assert schema_finding(v1, capsys) == ("ok", f"version {VERSION}", None)
    assert read_catalogue(owner) == read_catalogue(database.connect())


def schema_finding(database: Database, output: pytest.CaptureFixture[str]) -> tuple[str, str, str | None]:
    run(["doctor", "--json", "--dsn", database.dsn])
    (found,) = (finding for finding in json.loads(output.readouterr().out) if finding["check"] == "schema")
    return found["level"], found["message"], found.get("advice")


def test_a_new_ledger_has_nothing_to_fill(database: Database) -> None:
    assert upgrade(database.connect()).steps == ()


def value(database: Database, query: str) -> object:
    row = database.connect().execute(query.encode()).fetchone()
    assert row is not None
    return next(iter(row.values()))
