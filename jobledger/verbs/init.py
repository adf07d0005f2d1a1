"""Install the schema in Postgres, upgrade it, or check it.

Running it again is harmless. An older schema is upgraded while the ledger works: processors and apps of the version
before go on, and nobody waits for longer than --hold. Where it is interrupted, running it again finishes it. There is
no way back to an older schema.

Rights that are not as they were installed (after a dump was restored without its grants, say) are mended. To install
needs a login that may create schemas and roles; to upgrade, the one that owns the schema, or a superuser.

\b
Example:
  jobledger init --dsn postgresql://postgres@db.example/app
  jobledger init --check
  jobledger init --dry-run
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jobledger.console.options import dsn_option, json_option
from jobledger.console.output import emit_json, say
from ledger.errors import Conflict

if TYPE_CHECKING:
    from ledger.postgres.database import Session
    from ledger.postgres.upgrade_plan import Plan


@click.command("init", help=__doc__)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; fail if the schema is missing or another.")
@click.option("--dry-run", is_flag=True, help="Change nothing; show the steps of an upgrade, and what each locks.")
@click.option(
    "--hold",
    type=click.FloatRange(0.2),
    metavar="SECONDS",
    help="For how long an upgrade may keep others waiting, at most. Default: 0.5.",
)
@json_option
@dsn_option
def command(only_check: bool, dry_run: bool, hold: float | None, as_json: bool, dsn: str) -> None:
    from ledger.postgres.database import connect

    with connect(dsn, application_name="jobledger init") as connection:
        if dry_run:
            _show_plan(connection, as_json)
        elif only_check:
            _check(connection)
            _say_done(connection, as_json)
        else:
            _bring_up_to_date(connection, hold, as_json)


def _check(connection: Session) -> None:
    from ledger.postgres.rights import find_differences
    from ledger.postgres.schema import check

    check(connection)
    if differences := find_differences(connection):
        raise Conflict(
            f"{len(differences)} rights are not as they were installed; {differences[0]}",
            hint="mend them: jobledger init",
        )


def _bring_up_to_date(connection: Session, hold: float | None, as_json: bool) -> None:
    from ledger.postgres.rights import mend
    from ledger.postgres.schema import install, installed_version
    from ledger.postgres.upgrade import HOLD_S, upgrade

    before = installed_version(connection)
    upgraded = None
    if before is not None:
        plan = upgrade(connection, hold_s=HOLD_S if hold is None else hold)
        upgraded = plan if plan.steps else None
    installed = install(connection)
    mended = [str(difference) for difference in mend(connection)]
    if not as_json:
        for difference in mended:
            say(f"mended {difference}")
    _say_done(connection, as_json, installed=installed, upgraded=upgraded, mended=mended)


def _say_done(
    connection: Session,
    as_json: bool,
    *,
    installed: bool = False,
    upgraded: Plan | None = None,
    mended: list[str] | None = None,
) -> None:
    from ledger.postgres.schema import installed_version

    database, version = connection.info.dbname, installed_version(connection)
    if as_json:
        said = {"database": database, "version": version, "installed": installed, "mended": mended or []}
        emit_json({**said, "upgraded_from": upgraded.version} if upgraded else said)
    elif installed:
        say(f"installed schema version {version} in database {database}")
    elif upgraded:
        say(f"upgraded database {database} from schema version {upgraded.version} to {version}")
    else:
        say(f"schema version {version} is in database {database}")


def _show_plan(connection: Session, as_json: bool) -> None:
    from ledger.postgres.schema import VERSION, installed_version
    from ledger.postgres.upgrade_plan import plan_upgrade

    version = installed_version(connection)
    plan = None if version is None else plan_upgrade(connection)
    steps = [] if plan is None else plan.steps
    others = [] if plan is None else list(plan.others)
    if as_json:
        shown = [
            {"step": s.name, "purpose": s.purpose, "locks": list(s.locks), "afterwards": s.comes_after} for s in steps
        ]
        emit_json({"version": version, "newest": VERSION, "steps": shown, "others": others})
        return
    if plan is None:
        say(f"there is no ledger: init installs schema version {VERSION}")
        return
    say(f"the database holds schema version {version}; this jobledger brings {VERSION}")
    for step in steps:
        say(f"{step.name}: {step.purpose}")
        locks = "nothing: runs after the others, while the ledger works" if step.comes_after else ""
        say(f"  locks {locks or ', '.join(step.locks) or 'nothing'}")
    if plan.together:
        say("the steps that lock something are one transaction, tried again until nobody has to wait for long")
    for other in others:
        say(f"stays as it is: {other}")
