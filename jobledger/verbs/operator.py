"""The operator's verbs: init, serve, stats."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import click

from jobledger.settings import SettingsFile
from jobledger.verbs.console import (
    MOST_SHOWN,
    all_option,
    dsn_option,
    emit_json,
    emit_table,
    json_option,
    printable,
    say,
)
from ledger.errors import Conflict

if TYPE_CHECKING:
    from ledger.postgres.rights import Difference
    from processor.handlers.registry import Registry
    from processor.settings import Settings

FORCED_EXIT: Final = 1
LOG_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class LogLines(logging.Formatter):
    """A record begins a line, and only a record does: what jobs and errors say is shown as the verbs show it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  # likewise
        return "\n".join(f"  {printable(line)}" for line in super().formatException(ei).split("\n"))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  # likewise
        return "\n".join(f"  {printable(line)}" for line in stack_info.split("\n"))


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Change nothing; fail if the schema is missing or another.")
@json_option
@dsn_option
def init(only_check: bool, as_json: bool, dsn: str) -> None:
    """Install the schema in Postgres, or check that it is there. Running it again is harmless.

    Where rights are not as they were installed (after a dump was restored without its grants, say), they are mended.
    The login needs the right to create schemas and roles; the processors and apps do not.

    \b
    Example:
      jobledger init --dsn postgresql://postgres@db.example/app
      jobledger init --check
    """
    from ledger.postgres.database import connect
    from ledger.postgres.rights import find_differences, mend
    from ledger.postgres.schema import VERSION, check, install

    with connect(dsn, application_name="jobledger init") as connection:
        installed = False
        mended: list[Difference] = []
        if only_check:
            check(connection)
            if differences := find_differences(connection):
                raise Conflict(
                    f"{len(differences)} rights are not as they were installed; {differences[0]}",
                    hint="mend them: jobledger init",
                )
        else:
            installed = install(connection)
            mended = mend(connection)
        database = connection.info.dbname
    if as_json:
        said = [str(difference) for difference in mended]
        emit_json({"database": database, "version": VERSION, "installed": installed, "mended": said})
        return
    for difference in mended:
        say(f"mended {difference}")
    if installed:
        say(f"installed schema version {VERSION} in database {database}")
    else:
        say(f"schema version {VERSION} is in database {database}")


@click.command()
@click.option("--app", required=True, envvar="JOBLEDGER_APP", metavar="MODULE:REGISTRY", help="Where the handlers are.")
@click.option(
    "--namespace",
    multiple=True,
    envvar="JOBLEDGER_NAMESPACE",
    metavar="NAME",
    help="Serve this namespace; may be repeated. Default: default.",
)
@click.option(
    "--concurrency", type=click.IntRange(1), envvar="JOBLEDGER_CONCURRENCY", help="Async jobs at a time. Default: 100."
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    envvar="JOBLEDGER_THREADS",
    help="Plain (not async) jobs at a time. Default: two for each CPU, and at least 4.",
)
@click.option(
    "--drain",
    type=click.FloatRange(0),
    envvar="JOBLEDGER_DRAIN",
    metavar="SECONDS",
    help="When stopped, let running jobs go on so long. Default: 30.",
)
@click.option(
    "--poll",
    type=click.FloatRange(0, min_open=True),
    envvar="JOBLEDGER_POLL",
    metavar="SECONDS",
    help="Look for work at least so often. Default: 5.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@dsn_option
def serve(
    app: str,
    namespace: tuple[str, ...],
    concurrency: int | None,
    threads: int | None,
    drain: float | None,
    poll: float | None,
    verbose: bool,
    dsn: str,
) -> None:
    """Run a processor: order events, run jobs, record what comes of them. It logs to standard error.

    SIGTERM or SIGINT lets running jobs end, gives back the others, and ends with exit code 0; a second one ends it
    at once, with exit code 1, and other processors take over its jobs.

    Handlers do not find JOBLEDGER_DSN, PGPASSWORD and PGPASSFILE in their environment: what needs a database gets a
    login of its own.

    \b
    Example:
      jobledger serve --app shop.jobs:jobs --namespace default --concurrency 200
    """
    from ledger.postgres.dsn import take_credentials
    from ledger.postgres.schema import open_ledger
    from processor.executors.garbage import collect_rarely
    from processor.executors.loop import run
    from processor.handlers.app import load_registry
    from processor.settings import Settings

    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(LogLines(LOG_FORMAT))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[log])
    found = click.get_current_context().find_object(SettingsFile)
    if found is not None and found.path is not None:
        logging.getLogger(__name__).info("settings from %s", found.path)
    dsn = take_credentials(dsn, os.environ)  # before there is any code of a handler
    registry = load_registry(app)
    asked = {"concurrency": concurrency, "threads": threads, "drain_timeout": drain, "poll_interval": poll}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    settings = Settings(namespaces=namespace or ("default",), **given)
    open_ledger(dsn, application_name="jobledger serve").close()
    collect_rarely()
    run(_serve_until_signalled(registry, dsn, settings))


@click.command()
@all_option
@json_option
@dsn_option
def stats(show_all: bool, as_json: bool, dsn: str) -> None:
    """Show what is waiting, running and done, who runs it, and how far the log is.

    Of the handlers, the 20 with the most open jobs; with --all or --json, all.

    \b
    Example:
      jobledger stats
      jobledger stats --json | jq .jobs.failed
    """
    from jobledger.admin.stats import read_stats
    from ledger.postgres.schema import open_ledger

    with open_ledger(dsn, application_name="jobledger stats") as connection:
        found = read_stats(connection, most=None if show_all or as_json else MOST_SHOWN)
    if as_json:
        emit_json(found)
        return
    say("jobs: " + ", ".join(f"{count} {status}" for status, count in found["jobs"].items()))
    say(f"pending: {found['ready']} ready, {found['scheduled']} scheduled")
    log = found["log"]
    say(f"log: number {log['last_seq']}, {log['unsequenced']} unsequenced, {log['refusals']} refusals")
    say("sequencer: " + ("elected" if found["sequencer"] else "none elected"))
    if found["handlers"]:
        say()
        emit_table(found["handlers"], ["namespace", "name", "ready", "scheduled", "running", "oldest_ready_s"])
        if found["more_handlers"]:
            say(f"... and {found['more_handlers']} more with open jobs: see them with --all")
    say()
    if found["processors"]:
        emit_table(found["processors"], ["processor", "host", "pid", "heartbeat_age_s", "started_at"])
    else:
        say("no processor is running")


async def _serve_until_signalled(registry: Registry, dsn: str, settings: Settings) -> None:
    from processor.service import serve as serve_jobs

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    home = os.getpid()
    signalled = False

    def on_signal(number: int, _frame: FrameType | None) -> None:
        # not loop.add_signal_handler: a handler that blocks the loop must not keep the second signal from working
        nonlocal signalled
        if os.getpid() != home:
            signal.signal(number, signal.SIG_DFL)  # a child that a handler has forked ends as any other process
            os.kill(os.getpid(), number)
            return
        if signalled:
            os._exit(FORCED_EXIT)
        signalled = True
        logging.getLogger(__name__).info("%s: stopping; once more to stop at once", signal.Signals(number).name)
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    await serve_jobs(registry, dsn, settings, stop=stop)
