"""Every scenario at its smallest: it does its work, proves it, and reports its figures. No time is asserted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import cli
from benchmarks.bench import Bench
from benchmarks.catalogue import SCENARIOS
from benchmarks.figures import Figure, Goal, Result, percentile
from benchmarks.measure import Run, take_turns
from benchmarks.progress import Progress
from benchmarks.report import as_chart, as_markdown
from benchmarks.server import Server, server
from ledger.errors import LedgerError

SIZES = {"drain": 20, "growth": 30, "backlog": 30, "memory": 30, "replicas": 3, "latency": 3, "roundtrip": 2}


@pytest.fixture(scope="module")
def durable(servers_in_memory: None) -> Iterator[Server]:
    with server(None) as started:
        yield started


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_measures_and_proves_its_work(name: str, durable: Server, tmp_path: Path) -> None:
    bench = Bench(durable, tmp_path, Progress(quiet=True), SIZES.get(name, 1), runs=1)

    result = SCENARIOS[name].run(bench)

    assert result.scenario == name
    assert result.figures
    assert all(figure.values for figure in result.figures)
    assert result.checks or name in ("microbench", "start")
    with durable.look() as connection:
        left = connection.execute("select datname from pg_database where datname like 'bench_%%'").fetchall()
        assert left == [], "its databases are gone"


def test_a_server_that_is_not_durable_is_refused(postgres_dsn: str) -> None:
    with pytest.raises(LedgerError, match="not durable: synchronous_commit"):
        Server(f"{postgres_dsn}&options=-csynchronous_commit%3Doff", is_ours=False)


def test_contenders_take_turns_and_a_run_from_which_the_host_stole_is_made_again() -> None:
    order: list[str] = []
    stolen = iter([0.5, 0.2, 0.0])

    def quiet(name: str) -> Run:
        order.append(name)
        return Run()

    def disturbed() -> Run:
        order.append("b")
        return Run(stolen=next(stolen, 0.0))

    done = take_turns({"a": lambda: quiet("a"), "b": disturbed}, 2, Progress(quiet=True))

    assert order == ["a", "b", "b", "b", "b", "a"]
    assert [run.stolen for run in done["b"]] == [0.0, 0.0]


def test_a_goal_is_met_or_missed_by_the_median() -> None:
    assert Figure("cost", "ms", [0.1, 0.2, 9.0], Goal(0.2)).met is True
    assert Figure("rate", "/s", [10.0, 11.0], Goal(20, at_least=True)).met is False
    assert Figure("size", "MB", [1.0]).met is None


def test_percentiles_are_values_that_were_seen() -> None:
    assert percentile(range(1, 101), 0.5) == 50
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([7.0], 0.99) == 7.0


def test_the_report_shows_what_was_measured_and_whether_the_goal_is_met() -> None:
    result = Result("drain", [Figure("CPU <per job>", "ms", [0.10, 0.14, 0.16], Goal(0.12), noisy=1)], ["all done"])

    table, chart = as_markdown([result], {"runs": 3}), as_chart([result])

    assert "| drain | CPU <per job> | 0.140 ms ~ |" in table
    assert "| ≤ 0.120 | **no** |" in table
    assert "Made sure of: all done." in table
    assert "CPU &lt;per job&gt;" in chart


def test_the_command_writes_table_chart_and_values(tmp_path: Path, postgres_dsn: str) -> None:
    file = tmp_path / "values.json"
    arguments = [
        "run",
        "start",
        "--dsn",
        postgres_dsn,
        "--size",
        "start=1",
        "--out",
        str(tmp_path),
        "--json",
        str(file),
    ]

    ended = CliRunner().invoke(cli, arguments)

    assert ended.exit_code in (0, 1), ended.output
    assert "| start | jobledger --help |" in ended.output
    assert "| start | jobledger --help |" in (tmp_path / "RESULTS.md").read_text()
    assert (tmp_path / "RESULTS.svg").read_text().startswith("<svg")
    [start] = json.loads(file.read_text())["results"]
    assert start["scenario"] == "start"
    assert start["figures"][1]["goal"] == "≤ 0.250"


@pytest.mark.parametrize("arguments", [["nosuch"], ["start", "--size", "start=none"], ["start", "--size", "nosuch=1"]])
def test_wrong_arguments_are_a_usage_error(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["run", *arguments]).exit_code == 2
