"""Run a processor.

It orders events, runs jobs, and records what comes of them. It logs to standard error.

SIGTERM or SIGINT (on Windows: Ctrl-C or Ctrl-Break) lets running jobs end, gives back the others, and ends with
exit code 0; a second one ends it at once, with exit code 1, and other processors take over its jobs.

Handlers do not find JOBLEDGER_DSN, PGPASSWORD and PGPASSFILE in their environment: what needs a database gets a
login of its own.

\b
Example:
  jobledger serve --app shop.jobs:jobs --namespace default --concurrency 200
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import click

from jobledger.console.log_lines import LOG_FORMAT, LogLines
from jobledger.console.options import dsn_option
from jobledger.settings import SettingsFile

if TYPE_CHECKING:
    from processor.handlers.registry import Registry
    from processor.settings import Settings


FORCED_EXIT: Final = 1
if sys.platform == "win32":
    _STOPPING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGBREAK)
else:
    _STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


@click.command("serve", help=__doc__)
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
def command(
    app: str,
    namespace: tuple[str, ...],
    concurrency: int | None,
    threads: int | None,
    drain: float | None,
    poll: float | None,
    verbose: bool,
    dsn: str,
) -> None:
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


async def _serve_until_signalled(registry: Registry, dsn: str, settings: Settings) -> None:
    from processor.service import serve as serve_jobs

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    own_pid = os.getpid()
    signalled = False

    def on_signal(number: int, _frame: FrameType | None) -> None:
        # not loop.add_signal_handler: a handler that blocks the loop must not keep the second signal from working
        nonlocal signalled
        if os.getpid() != own_pid:
            signal.signal(number, signal.SIG_DFL)  # a child that a handler has forked ends as any other process
            os.kill(os.getpid(), number)
            return
        if signalled:
            os._exit(FORCED_EXIT)
        signalled = True
        logging.getLogger(__name__).info("%s: stopping; once more to stop at once", signal.Signals(number).name)
        loop.call_soon_threadsafe(stop.set)

    for number in _STOPPING:
        signal.signal(number, on_signal)
    if sys.platform == "win32":
        _wake_on_signals(loop)
    await serve_jobs(registry, dsn, settings, stop=stop)


def _wake_on_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Have a signal wake the loop where ``select`` goes on waiting (Windows): Python acts on it only then."""
    reads, writes = socket.socketpair()
    reads.setblocking(False)
    writes.setblocking(False)
    signal.set_wakeup_fd(writes.detach())  # for as long as the process lasts
    loop.add_reader(reads, reads.recv, 4096)
