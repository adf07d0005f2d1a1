"""``python -m benchmarks``: run the scenarios, or list them."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from ledger.errors import LedgerError

INTERRUPTED = 130
RESULTS = Path(__file__).parent / "results"


@click.group()
def cli() -> None:
    """Measure what the project promises about cost and speed."""


@cli.command("list")
def list_scenarios() -> None:
    """Say which scenarios there are, and their goals."""
    from benchmarks.catalogue import SCENARIOS

    for scenario in SCENARIOS.values():
        click.echo(f"{scenario.name:<12} {scenario.goal} ({scenario.size:,} {scenario.of})")


@cli.command()
@click.argument("names", metavar="[SCENARIO]...", nargs=-1)
@click.option("--peers", "with_peers", is_flag=True, help="Measure other queues too, where they can do the same.")
@click.option("--dsn", help="A superuser's, of a server on this machine. Default: a temporary one, durable.")
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True, help="Of each contender.")
@click.option("--size", "sizes", multiple=True, metavar="SCENARIO=N", help="Another size than the scenario's own.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write all values there.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=RESULTS, help="The folder for table and chart."
)
def run(
    names: tuple[str, ...], with_peers: bool, dsn: str | None, runs: int, sizes: tuple[str, ...], file: Path | None,
    out: Path,
) -> None:  # fmt: skip
    """Run scenarios (default: all), and print a table. Ends with 1 if a goal is missed.

    \b
    Example:
      python -m benchmarks run drain push --peers --size drain=5000
    """
    from benchmarks.catalogue import SCENARIOS

    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        raise click.UsageError(f"no scenario {unknown[0]!r}; there are: {', '.join(SCENARIOS)}")
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell started this in the background
        signal.signal(number, signal.default_int_handler)
    try:
        met = _run(
            list(names or SCENARIOS), _sizes(sizes), with_peers=with_peers, dsn=dsn, runs=runs, file=file, out=out
        )
    except LedgerError as error:
        click.echo(f"error: {error.message}" + (f" ({error.hint})" if error.hint else ""), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted: everything was stopped", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(0 if met else 1)


def _run(
    names: list[str],
    sizes: dict[str, int],
    *,
    with_peers: bool,
    dsn: str | None,
    runs: int,
    file: Path | None,
    out: Path,
) -> bool:
    from benchmarks.bench import Bench
    from benchmarks.catalogue import SCENARIOS
    from benchmarks.peers.environment import prepare
    from benchmarks.progress import Progress
    from benchmarks.report import as_chart, as_markdown, conditions, write
    from benchmarks.server import server

    results = []
    with ExitStack() as opened:
        progress = opened.enter_context(Progress())
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="jobledger-bench-")))
        peers = prepare(progress) if with_peers else None
        measured = opened.enter_context(server(dsn))
        under: dict[str, Any] = conditions(measured.settings, peers.versions if peers else {}, runs)
        for name in names:
            scenario = SCENARIOS[name]
            progress.title(name)
            bench = Bench(measured, folder, progress, sizes.get(name, scenario.size), runs, peers)
            results.append(scenario.run(bench))
            # after each, so that an interruption loses only the one under way
            write(out, as_markdown(results, under), as_chart(results))
            if file is not None:
                told = {"conditions": under, "results": [result.as_json() for result in results]}
                file.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    click.echo(as_markdown(results, under))
    return all(figure.met is not False for result in results for figure in result.figures)


def _sizes(given: tuple[str, ...]) -> dict[str, int]:
    from benchmarks.catalogue import SCENARIOS

    sizes = {}
    for text in given:
        name, _, number = text.partition("=")
        if name not in SCENARIOS or not number.isdigit() or int(number) < 1:
            raise click.UsageError(f"{text!r} is not SCENARIO=N")
        sizes[name] = int(number)
    return sizes


if __name__ == "__main__":
    cli(prog_name="python -m benchmarks")
