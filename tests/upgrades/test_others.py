"""What others have made on the ledger's tables stays through an upgrade, or is named before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from catalogue import read_catalogue
from databases import Database
from psycopg.sql import SQL, Identifier

from ledger.errors import Conflict
from ledger.postgres.others import find_others
from ledger.postgres.schema import installed_version
from ledger.postgres.steps import Step, read_steps
from ledger.postgres.upgrade import upgrade
from ledger.postgres.upgrade_plan import plan_upgrade


@pytest.fixture
def reporter(v1: Database) -> Iterator[str]:
    """A role of the site's own."""
    name = f"reporter_{uuid4().hex}"
    owner = v1.connect()
    owner.execute(SQL("create role {}").format(Identifier(name)))
    yield name
    owner.execute(SQL("drop owned by {}").format(Identifier(name)))
    owner.execute(SQL("drop role {}").format(Identifier(name)))


@pytest.fixture
def site(v1: Database, reporter: str) -> psycopg.Connection[psycopg.rows.DictRow]:
    """The owner's connection, after a site has made much of its own on the ledger."""
    owner = v1.connect()
    for statement in (
        "create view public.report as select j.*, e.data from ledger.jobs j join ledger.events e using (job_id)",
        "create view public.mine as select * from ledger.my_jobs",
        "create materialized view public.daily as select recorded_at::date, count(*) from ledger.events group by 1",
        "create table public.invoices (id uuid default ledger.new_id(), job uuid references ledger.jobs, n integer)",
        "insert into public.invoices (job, n) select job_id, 1 from ledger.jobs",
        "create function public.hear() returns trigger language plpgsql as 'begin return null; end'",
        "create trigger theirs after insert on ledger.log for each row execute function public.hear()",
        "create function public.waiting() returns bigint begin atomic select count(*) from ledger.queue; end",
        "create publication part for table ledger.jobs, ledger.events",
        "create publication whole for tables in schema ledger",
        "alter table ledger.events enable always trigger events_are_append_only",
    ):
        owner.execute(statement.encode())
    for grant in (
        "grant usage on schema ledger to {}",
        "grant select on ledger.jobs to {}",
        "grant select (owner, type) on ledger.events to {}",
        "grant execute on function ledger.pull to {}",
    ):
        owner.execute(SQL(grant).format(Identifier(reporter)))
    return owner


def test_everything_of_theirs_is_found_and_stays(site: psycopg.Connection[psycopg.rows.DictRow], reporter: str) -> None:
    before = find_others(site)
    assert list(before.values()) == sorted(
        [
            "default value for public.invoices.id",
            "function public.waiting()",
            f"grant of execute on ledger.pull(bigint,pg_catalog.uuid,integer,pg_catalog.text) to {reporter}",
            f"grant of select (owner) on ledger.events to {reporter}",
            f"grant of select (type) on ledger.events to {reporter}",
            f"grant of select on ledger.jobs to {reporter}",
            f"grant of usage on ledger to {reporter}",
            "publication namespace ledger in publication whole",
            "publication relation ledger.events in publication part",
            "publication relation ledger.jobs in publication part",
            "table constraint invoices_job_fkey on public.invoices",
            "trigger theirs on ledger.log",
            "view public.daily",
            "view public.mine",
            "view public.report",
        ]
    )
    assert plan_upgrade(site).others == list(before.values())
    rows = site.execute("select * from public.report order by job_id, data::text").fetchall()
    upgrade(site)
    assert find_others(site) == before
    assert site.execute("select * from public.report order by job_id, data::text").fetchall() == rows
    assert "A" in {
        row["tgenabled"]
        for row in site.execute("select tgenabled from pg_trigger where tgname = 'events_are_append_only'")
    }


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("drop table ledger.keys; create table ledger.keys (id integer)", "view public.keys_seen"),
        ("alter table ledger.jobs drop column key", "column key of table ledger.jobs"),
        (
            "drop function ledger.pull",
            "grant of execute on ledger.pull",
        ),
        ("drop trigger theirs on ledger.log", "trigger theirs on ledger.log"),
    ],
)
def test_a_step_that_would_take_something_of_theirs_away_is_not_taken(
    site: psycopg.Connection[psycopg.rows.DictRow], statement: str, named: str
) -> None:
    site.execute("create view public.keys_seen as select key from ledger.keys")
    before, others = read_catalogue(site), find_others(site)
    *known, last = read_steps()
    steps = [*known, Step(last.number, last.name, last.purpose, 1, last.locks, False, f"{last.text};\n{statement}")]
    with pytest.raises(Conflict, match="would take away what others have made") as refusal:
        upgrade(site, steps=steps)
    assert named in refusal.value.message
    assert read_catalogue(site) == before
    assert find_others(site) == others
    assert installed_version(site) == 1
