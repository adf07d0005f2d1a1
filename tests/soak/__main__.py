"""``python -m soak``: see the package."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import click

from ledger.errors import LedgerError
from soak.report import as_json, as_table
from soak.run import Plan, soak


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1, max=86_400), default=60, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--replicas", type=click.IntRange(1, 60), default=20, show_default=True, help="Files to begin with.")
@click.option("--owners", type=click.IntRange(1, 10), default=3, show_default=True)
@click.option(
    "--steps", type=click.IntRange(min=1), help="End when each file has made so many steps, if that is sooner."
)
@click.option("--restarts", type=click.IntRange(min=0), help="How often the server dies; else about every 15 s.")
@click.option("--processors", type=click.IntRange(0, 8), default=2, show_default=True, help="Real ones, misused.")
@click.option("--troubles", type=click.IntRange(min=0), help="How often each trouble comes; else about every 10 s.")
@click.option(
    "--odd-settings", type=click.IntRange(0, 10), default=3, show_default=True, help="Most a file's session has."
)
@click.option("--hostile/--no-hostile", default=True, show_default=True, help="Bytes in files that readers can't hold.")
@click.option("--dsn", help="A superuser's, on loopback; without it, a Postgres of our own, which alone is killed.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the numbers there too.")
def main(
    seconds: float, seed: int, replicas: int, owners: int, steps: int | None, restarts: int | None, processors: int,
    troubles: int | None, odd_settings: int, hostile: bool, dsn: str | None, file: Path | None,
) -> None:  # fmt: skip
    """Many files, a bad network and a server that dies; then every promise is checked. Ends with 1 if one is broken."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        outcome = soak(
            Plan(
                seconds, seed, replicas, owners, steps, dsn, restarts,
                processors=processors, troubles=troubles, odd_settings=odd_settings, hostile=hostile,
            )
        )  # fmt: skip
    except LedgerError as error:
        click.echo(f"error: {error.message}" + (f" ({error.hint})" if error.hint else ""), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted: everything was stopped", err=True)
        sys.exit(130)
    if file is not None:
        file.write_text(json.dumps(as_json(outcome), indent=2) + "\n")
    click.echo(as_table(outcome))
    sys.exit(0 if outcome.clean else 1)


if __name__ == "__main__":
    main()
