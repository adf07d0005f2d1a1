"""The results as Markdown and as a picture."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import psycopg

from benchmarks.figures import Figure, Result, written
from jobledger import __version__

_LEVEL = {True: "yes", False: "**no**", None: ""}
_COLOUR = {True: "#2f8f5b", False: "#c8472f", None: "#4a6fa5"}


def conditions(settings: Mapping[str, str], peers: Mapping[str, str], runs: int) -> dict[str, Any]:
    """Under which the figures came about: the machine, versions and settings."""
    return {
        "jobledger": __version__,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "runs": runs,
        "machine": f"{platform.platform(terse=True)}, {os.cpu_count()} CPUs, {_processor()}",
        "python": platform.python_version(),
        "psycopg": f"{psycopg.__version__} ({psycopg.pq.__impl__})",
        "event loop": _event_loop(),
        "sqlite": sqlite3.sqlite_version,
        "postgres": dict(settings),
        "peers": dict(peers),
    }


def _event_loop() -> str:
    try:
        return f"uvloop {version('uvloop')}"
    except PackageNotFoundError:
        return "asyncio"


def as_markdown(results: Sequence[Result], under: Mapping[str, Any]) -> str:
    """A table for all figures, then what was checked and where the time went."""
    lines = [
        "| scenario | figure | median | lowest – highest | goal | met |",
        "|---|---|--:|--:|--:|---|",
    ]
    for result in results:
        lines += [_row(result.scenario, figure) for figure in result.figures]
    if any(figure.noisy for result in results for figure in result.figures):
        lines += [
            "",
            "~ some of the runs were disturbed: more than 5 % of the CPU stolen by the host, or 25 % used by others.",
        ]
    for result in results:
        lines += ["", f"**{result.scenario}**", ""]
        lines += [f"- {note}" for note in result.notes]
        lines += [f"- Made sure of: {check}." for check in result.checks]
        for title, parts in result.parts.items():
            told = ", ".join(f"{name} {written(value)}" for name, value in parts.items() if value >= 0.0005)
            lines.append(f"- {title}: {told}.")
    lines += ["", "**Conditions**", ""]
    for name, value in under.items():
        told = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else value
        if told:
            lines.append(f"- {name}: {told}")
    return "\n".join(lines) + "\n"


def as_chart(results: Sequence[Result]) -> str:
    """An SVG: for each figure with a goal, a bar that ends at the line in the middle where it just meets it."""
    rows = [(result.scenario, figure) for result in results for figure in result.figures if figure.goal is not None]
    height, width, left, line = 26, 900, 430, 620
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height * (len(rows) + 2)}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height * (len(rows) + 2)}" fill="#ffffff"/>',
        f'<text x="{line}" y="18" text-anchor="middle" fill="#555555">goal</text>',
    ]
    for number, (scenario, figure) in enumerate(rows, start=1):
        assert figure.goal is not None
        share = figure.median / figure.goal.limit if figure.goal.limit else 1.0
        length = min(share, 1.9) * (line - left)
        y = height * number
        parts += [
            f'<text x="{left - 8}" y="{y + 17}" text-anchor="end" fill="#222222">'
            f"{escape(f'{scenario}: {figure.what}')}</text>",
            f'<rect x="{left}" y="{y + 4}" width="{length:.1f}" height="{height - 8}" fill="{_COLOUR[figure.met]}"/>',
            f'<text x="{left + length + 6:.1f}" y="{y + 17}" fill="#222222">'
            f"{escape(f'{written(figure.median)} {figure.unit} (goal {figure.goal})')}</text>",
        ]
    parts.append(
        f'<line x1="{line}" y1="{height}" x2="{line}" y2="{height * (len(rows) + 1)}" '
        'stroke="#222222" stroke-dasharray="4 3"/>'
    )
    return "\n".join([*parts, "</svg>", ""])


def write(folder: Path, markdown: str, chart: str) -> None:
    """Write ``RESULTS.md`` and ``RESULTS.svg`` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RESULTS.md").write_text(f"# Results\n\n![what was measured against its goal](RESULTS.svg)\n\n{markdown}")
    (folder / "RESULTS.svg").write_text(chart)


def _row(scenario: str, figure: Figure) -> str:
    spread = f"{written(min(figure.values))} – {written(max(figure.values))}" if len(figure.values) > 1 else ""
    measured = f"{written(figure.median)} {figure.unit}" + (" ~" if figure.noisy else "")
    cells = (scenario, figure.what, measured, spread, str(figure.goal or ""), _LEVEL[figure.met])
    return f"| {' | '.join(cells)} |"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return sys.platform
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), sys.platform)
