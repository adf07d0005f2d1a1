"""From the schema that a database holds to the one of this code, while the ledger works.

All steps that are due, and the code half after them, are one transaction: whatever ends it, the database holds the old
schema or the new one, and no code ever meets half of either. It is one statement, so that the server itself holds it
to its time: from its first lock to its end it may keep others waiting for ``hold_s``, and gives up before. Then it
lets everybody pass, and tries again. What can be done beside the ledger at work comes after it: batches, each a
transaction of its own, and indexes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ledger.errors import Conflict, LedgerError, ServerUnreachable, one_line
from ledger.postgres.others import OTHERS, find_others
from ledger.postgres.rights import mend
from ledger.postgres.steps import Step
from ledger.postgres.upgrade_plan import Plan, find_owner, plan_upgrade, read_values

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composed

HOLD_S: Final = 0.5
"""For how long an upgrade keeps anybody waiting, at most."""
PATIENCE_S: Final = 60.0
"""How long it tries again while others keep what it needs."""
_TO_COMMIT_S: Final = 0.1
"""What is left of ``hold_s`` for the commit, and for the others to be woken."""
_FOR_LOCKS: Final = 0.4
"""The part of ``hold_s`` after which a lock that was not given is given up."""
_PAUSE_S: Final = (0.2, 0.5, 1.0)
"""How long everybody passes between two tries: the last is repeated."""

_UPGRADE: Final = """
do $upgrade$
declare
    v_gone text;
    v_fired jsonb;
    v_trigger record;
    v_script text;
    v_table text;
begin
    perform set_config('role', {owner}, true);  -- what is made anew belongs to whom all the rest belongs to
    lock table ledger.schema_version in share row exclusive mode;
    if (select max(v.version) from ledger.schema_version v) is distinct from {version} then
        raise exception 'another upgrade was quicker' using errcode = 'lock_not_available';
    end if;
    foreach v_table in array {locks}::text[] loop
        execute 'lock table ' || v_table || ' in access exclusive mode';
    end loop;
    -- replacing a trigger would also take back in which sessions somebody lets it fire
    select jsonb_agg(jsonb_build_object('oid', t.oid::bigint, 'fires', t.tgenabled)) into v_fired
    from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where c.relnamespace = 'ledger'::regnamespace and not t.tgisinternal and t.tgenabled in ('A', 'R');
    foreach v_script in array {scripts}::text[] loop
        execute v_script;
    end loop;
    for v_trigger in
        select t.tgrelid::regclass as relation, t.tgname as name, f.fires
        from jsonb_to_recordset(v_fired) f (oid bigint, fires text) join pg_trigger t on t.oid = f.oid::oid
    loop
        execute format('alter table %s enable %s trigger %I', v_trigger.relation,
                       case v_trigger.fires when 'A' then 'always' else 'replica' end, v_trigger.name);
    end loop;
    delete from ledger.rights r where r.what = any ({added}::text[]);  -- the code half has written down what it found
    insert into ledger.schema_version (version, oldest_code, unfinished)
    select n.version, n.oldest_code, n.unfinished
    from unnest({numbers}::integer[], {oldest}::integer[], {unfinished}::jsonb[]) n (version, oldest_code, unfinished);
    select string_agg(b.value, ', ' order by b.value) into v_gone
    from jsonb_each_text({others}::jsonb) b where b.key not in (select o.key from ({find_others}) o);
    if v_gone is not null then
        raise exception '%', v_gone using errcode = 'dependent_objects_still_exist';
    end if;
end
$upgrade$"""

_BEGIN: Final = """
begin;
select set_config('search_path', 'pg_catalog, pg_temp', true), set_config('statement_timeout', {whole}, true),
       set_config('lock_timeout', {locks}, true),
       case when r.rolsuper then set_config('deadlock_timeout', {sooner}, true) end
from pg_roles r where r.rolname = current_user
"""

_ADDED: Final = "select f.what from ledger.rights_found f where f.what not in (select r.what from ledger.rights r)"
_FINISHED: Final = """
    update ledger.schema_version set unfinished = unfinished - %(name)s where version = %(number)s
"""
_BROKEN_INDEXES: Final = """
    select c.relname::text from pg_index i join pg_class c on c.oid = i.indexrelid
    where not i.indisvalid and c.relnamespace = 'ledger'::regnamespace
"""
_HOLDERS: Final = """
    select format('session %%s (%%s, %%s) keeps %%s in a transaction that began at %%s', a.pid, a.usename,
                  coalesce(nullif(a.application_name, ''), a.backend_type),
                  coalesce(string_agg(distinct to_regclass(w.name)::text, ', '), 'a snapshot'),
                  to_char(a.xact_start at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    from pg_stat_activity a
    left join (pg_locks k join unnest(%(tables)s::text[]) w (name) on k.relation = to_regclass(w.name))
        on k.pid = a.pid and k.granted and k.database = a.datid
    where a.datname = current_database() and a.pid <> pg_backend_pid() and a.xact_start is not null
      and (w.name is not null or %(tables)s::text[] = '{}')
    group by a.pid, a.usename, a.application_name, a.backend_type, a.xact_start order by a.xact_start limit 3
"""
"""Who keeps these tables, or any snapshot where none are named, in a transaction that stays open; the oldest first."""


def upgrade(
    connection: Connection[Any],
    *,
    hold_s: float = HOLD_S,
    patience_s: float = PATIENCE_S,
    steps: Sequence[Step] | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> Plan:
    """Bring the schema to this code's version, and say what was done. Calling again goes on where the last call ended.

    The connection is in autocommit mode. Raises what ``plan_upgrade`` does, Conflict where others keep what is needed
    for longer than ``patience_s``, or where something of theirs would be lost. Then nothing has changed, but for what
    came afterwards.
    """
    plan = plan_upgrade(connection, steps=steps)
    if not plan.steps:
        return plan
    mend(connection, leave_additions=True)  # what was changed by hand must not pass for what is to be
    tries = _Tries(connection, plan.locks, patience_s, pause, "nothing has changed")
    tries.make(lambda: _run_together(connection, steps, hold_s))
    held_up = []
    for step in plan.afterwards:
        try:
            _run_afterwards(connection, step, hold_s, patience_s, pause)
        except Conflict as error:
            held_up.append(error)  # no step relies on another one of these
    if held_up:
        raise held_up[0]
    return plan


class _Tries:
    """Tries that may fail because of others, with rests in between, for as long as there is patience.

    ``outcome`` is what is said of the ledger when there is none left, or something else is wrong.
    """

    def __init__(
        self,
        connection: Connection[Any],
        locks: Sequence[str],
        patience_s: float,
        pause: Callable[[float], object],
        outcome: str,
    ) -> None:
        self._connection, self._locks, self._pause, self._outcome = connection, locks, pause, outcome
        self._patience_s = patience_s
        self._failed = 0
        self._gave = False
        self._since = time.monotonic()

    def make(self, run: Callable[[], bool]) -> bool:
        """What ``run`` gives in the end. Raises LedgerError where it is tried in vain."""
        while not self._succeeds(run):
            self._pause(_PAUSE_S[min(self._failed, len(_PAUSE_S)) - 1])
        return self._gave

    def _succeeds(self, run: Callable[[], bool]) -> bool:
        from psycopg import errors

        try:
            self._gave = run()
            return True
        except (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected) as error:
            self._connection.rollback()
            if time.monotonic() - self._since > self._patience_s:
                self._give_up(error)
            self._failed += 1
            return False
        except errors.DependentObjectsStillExist as error:
            self._connection.rollback()
            detail = " ".join((error.diag.message_detail or error.diag.message_primary or "").split())
            raise Conflict(
                f"this upgrade would take away what others have made: {detail}",
                hint=f"drop it, upgrade, and make it again; {self._outcome}",
            ) from error
        except errors.InsufficientPrivilege as error:
            self._connection.rollback()
            raise LedgerError(
                f"this role may not upgrade the schema: {error.diag.message_primary}",
                hint="use the owner of the ledger, or a superuser",
            ) from error
        except errors.DatabaseError as error:
            if self._connection.closed:
                raise ServerUnreachable(
                    f"the session ended during the upgrade: {one_line(error)}",
                    hint="run it again: it goes on from there",
                ) from error
            self._connection.rollback()
            raise LedgerError(
                f"a step of the upgrade has failed: {error.diag.message_primary or one_line(error)}",
                hint=f"{self._outcome}; jobledger doctor may tell what is not as it was installed",
            ) from error

    def _give_up(self, error: Exception) -> NoReturn:
        holders = read_values(self._connection, _HOLDERS, tables=list(self._locks))
        raise Conflict(
            "; ".join([f"the upgrade has not had its moment within {self._patience_s:g} s", *holders]),
            hint=f"run it again when that has ended, or let it take longer with --hold; {self._outcome}",
        ) from error


def _run_together(connection: Connection[Any], steps: Sequence[Step] | None, hold_s: float) -> bool:
    """One try. One message: no way to the server and back lies between the first lock and the commit."""
    from psycopg.sql import SQL, Literal

    plan = plan_upgrade(connection, steps=steps)
    if not plan.together:
        return False  # or another upgrade was quicker
    numbered = [step for step in plan.together if step.number]
    left = [{step.name: None for step in plan.afterwards if step.number == made.number} for made in numbered]
    statement = SQL(_UPGRADE).format(
        owner=Literal(find_owner(connection)),
        others=Literal(json.dumps(find_others(connection))),
        find_others=SQL(OTHERS),
        added=Literal(read_values(connection, _ADDED)),
        version=Literal(plan.version),
        locks=Literal(list(plan.locks)),
        scripts=Literal([step.text for step in plan.together]),
        numbers=Literal([step.number for step in numbered]),
        oldest=Literal([step.oldest_code for step in numbered]),
        unfinished=Literal([json.dumps(names) for names in left]),
    )
    connection.execute(_within(hold_s) + SQL("; ") + statement + SQL("; commit"))
    return False


def _run_afterwards(
    connection: Connection[Any], step: Step, hold_s: float, patience_s: float, pause: Callable[[float], object]
) -> None:
    more = True
    while more:
        outcome = f"the ledger is upgraded, and {step.name} left to do"
        tries = _Tries(connection, (), patience_s, pause, outcome)
        if step.concurrently:
            more = tries.make(lambda: _run_concurrently(connection, step, patience_s))
        else:
            more = tries.make(lambda: _run_batch(connection, step, hold_s))


def _run_batch(connection: Connection[Any], step: Step, hold_s: float) -> bool:
    """One batch; whether there may be another one. The one that changes nothing writes down that the step is done."""
    began = time.monotonic()
    connection.execute(_within(hold_s))
    more = connection.execute(step.text.encode()).rowcount > 0
    if not more:
        connection.execute(_FINISHED, {"name": step.name, "number": step.number})
    connection.execute("commit")
    if more:
        time.sleep(time.monotonic() - began)  # half of the time belongs to others
    return more


def _run_concurrently(connection: Connection[Any], step: Step, patience_s: float) -> bool:
    """Make and drop indexes. Waits for the transactions that are open, and keeps nobody waiting."""
    from psycopg.sql import SQL, Identifier

    connection.execute("select set_config('lock_timeout', %(limit)s, false)", {"limit": f"{patience_s:g}s"})
    # what is left of a try that was interrupted
    for broken in read_values(connection, _BROKEN_INDEXES):
        if broken in step.text:
            connection.execute(SQL("drop index concurrently ledger.{}").format(Identifier(broken)))
    for statement in step.text.split(";\n\n"):
        connection.execute(statement.encode())
    connection.execute("select set_config('lock_timeout', '0', false)")
    connection.execute(_FINISHED, {"name": step.name, "number": step.number})
    return False


def _within(hold_s: float) -> Composed:
    """The beginning of a transaction that keeps to its time.

    An autovacuum lets go of its table once somebody who waits for it has looked for a deadlock. By default that is
    after a second; only a superuser can look sooner.
    """
    from psycopg.sql import SQL, Literal

    return SQL(_BEGIN).format(
        whole=Literal(str(int((hold_s - _TO_COMMIT_S) * 1000))),
        locks=Literal(str(int(hold_s * _FOR_LOCKS * 1000))),
        sooner=Literal(str(int(hold_s * _FOR_LOCKS * 250))),
    )
