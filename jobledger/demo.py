"""``jobledger demo``: the whole path on real files, in one terminal, checked against itself.

Offline submits into a SQLite file, an embedded Postgres, a processor that is killed half-way and another that takes
over, the results back in the file, and a summary that compares every one of them with a direct computation.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from client_sync import JobClient
from jobledger.demo_jobs import count
from jobledger.embedded import EmbeddedPostgres, temporary_postgres
from ledger.console import printable, shorten
from ledger.database import connect
from ledger.errors import LedgerError
from ledger.feed import read_history, verify
from ledger.schema import install

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

PROCESSOR_START_S: Final = 30.0
PATIENCE_S: Final = 50.0
"""The demo ends by itself in under a minute; what is not done by then is told as a failure."""
CANCEL_EVERY: Final = 25
FAIL_ONCE_EVERY: Final = 40


@dataclass
class Plan:
    """What was asked for, and so what must come back."""

    files: dict[UUID, Path]
    cancelled: set[UUID]
    retried: set[UUID]
    missing: UUID


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--keep", is_flag=True, help="Leave the server running and the files there, to look around.")
@click.option(
    "--limit", type=click.IntRange(min=50), default=1000, show_default=True, help="Take at most so many files."
)
def demo(folder: Path | None, keep: bool, limit: int) -> None:
    """See it all work on the files of FOLDER (default: this Python's standard library), in under a minute.

    One job a file counts its lines and words and hashes it. Ends with an error if anything is not as it should be.

    \b
    Example:
      jobledger demo ~/Documents --keep
    """
    console = Console(highlight=False)
    files = find_files(folder or Path(sysconfig.get_path("stdlib")), limit)
    with ExitStack() as stack, interruptible():
        home = Path(tempfile.mkdtemp(prefix="jobledger-demo-"))
        if not keep:
            stack.callback(shutil.rmtree, home, ignore_errors=True)
        tell(console, 1, f"Offline. {len(files)} jobs go into a SQLite file, while there is no server.")
        replica = home / "app.db"
        plan = submit_offline(console, replica, files)

        tell(console, 2, "A Postgres server starts, the schema is installed, the file syncs up, a processor works.")
        server = start_server(stack, home, keep=keep)
        admin = stack.enter_context(prepare_database(server))
        app_dsn, worker_dsn = server.dsn(user="demo_app"), server.dsn(user="demo_worker")
        with JobClient(replica, dsn=app_dsn) as jobs:
            result = jobs.sync()
            console.print(f"   pushed {result.pushed} events; all of them are committed in Postgres")
            jobs.start_sync()

            first = stack.enter_context(processor(worker_dsn, home / "processor-1.log"))
            with live(console, admin, len(files) + 1) as watch:
                watch(0.4)
                tell(console, 3, "The processor is killed with SIGKILL. Another one takes over.")
                kill(console, admin, stack, first, worker_dsn, home)
                watch(1.0)

            tell(console, 4, "The results are back in the SQLite file.")
            wait_until_synced(jobs, admin)
            faults = check(console, jobs, admin, plan)

            tell(console, 5, "Every job has its history.")
            show_histories(console, admin, plan)
        if keep:
            look_around(console, server, replica)
        else:
            console.print("\nLook further: [bold]jobledger demo --keep[/] leaves the server and the file there.")
    if faults:
        raise LedgerError(f"the demo found {len(faults)} faults: {faults[0]}")


def find_files(folder: Path, limit: int) -> list[Path]:
    """The regular files below a folder, in a stable order. Raises LedgerError where there are too few."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not {"__pycache__", "site-packages", ".git"} & set(path.parts):
            found.append(path.resolve())
            if len(found) == limit:
                break
    if len(found) < 10:
        raise LedgerError(f"{folder} holds {len(found)} files; the demo needs ten", hint="choose a larger folder")
    return found


def submit_offline(console: Console, replica: Path, files: list[Path]) -> Plan:
    """Request a job for each file, and one for a file that does not exist; cancel some. There is no server yet."""
    with JobClient(replica) as jobs:
        requests = [
            {"name": "count-file", "params": {"path": str(path), "fails_once": number % FAIL_ONCE_EVERY == 7}}
            for number, path in enumerate(files)
        ]
        ids = list(jobs.submit_many(requests))
        missing = jobs.submit("count-file", {"path": str(replica.parent / "never-written.txt")}).id
        cancelled = set(ids[3::CANCEL_EVERY])
        for job_id in cancelled:
            jobs.cancel(job_id, reason="changed my mind")
        example = jobs.get(ids[0])
        console.print(
            f"   {len(ids) + 1} submitted, {len(cancelled)} cancelled; job {example.id} is [bold]{example.shown}[/]"
        )
    retried = {job_id for number, job_id in enumerate(ids) if number % FAIL_ONCE_EVERY == 7} - cancelled
    return Plan(dict(zip(ids, files, strict=True)), cancelled, retried, missing)


def start_server(stack: ExitStack, home: Path, *, keep: bool) -> EmbeddedPostgres:
    """A server that goes away with the demo, or one that stays."""
    if not keep:
        return stack.enter_context(temporary_postgres())
    home.chmod(0o711)  # as root, the server's own account has to reach its folder
    server = EmbeddedPostgres(home / "pg")
    server.start()
    return server


@contextmanager
def prepare_database(server: EmbeddedPostgres) -> Iterator[Connection[DictRow]]:
    """Install the schema and make one login role for the app and one for the processor."""
    with connect(server.dsn(), application_name="jobledger demo") as admin:
        install(admin)
        admin.execute("create role demo_app login in role ledger_client")
        admin.execute("create role demo_worker login in role ledger_processor")
        yield admin


@contextmanager
def processor(dsn: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real, separate processor; asked to stop at the end, and made to if it does not."""
    command = [
        sys.executable,
        "-m",
        "jobledger",
        "serve",
        "--app",
        "jobledger.demo_jobs:jobs",
        "--dsn",
        dsn,
        "--threads",
        "4",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def kill(
    console: Console, admin: Connection[DictRow], stack: ExitStack, first: subprocess.Popen[bytes], dsn: str, home: Path
) -> None:
    """Kill the first processor in the middle of its work and tell how soon one of its jobs runs again."""
    victim = value(admin, "select processor from ledger.processors where pid = %(pid)s", pid=first.pid)
    stack.enter_context(processor(dsn, home / "processor-2.log"))
    wait_for(lambda: value(admin, "select count(*) from ledger.processors") == 2, "a second processor")
    killed_at = value(admin, "select clock_timestamp()")
    first.send_signal(signal.SIGKILL)
    first.wait()
    running = "select count(*) from ledger.jobs where status = 'running' and processor = %(victim)s"
    console.print(f"   killed while {value(admin, running, victim=victim)} jobs were its own")
    again = """
        select min(s.recorded_at) from ledger.events l
        join ledger.events s on s.job_id = l.job_id and s.type = 'attempt.started' and s.recorded_at > l.recorded_at
        where l.type = 'attempt.lost'"""
    wait_for(lambda: value(admin, again) is not None, "a lost job to run again")
    delay = (value(admin, again) - killed_at).total_seconds()
    console.print(f"   its jobs are taken up; the first of them ran again after {delay:.2f} s")


@contextmanager
def live(console: Console, admin: Connection[DictRow], total: int) -> Iterator[Any]:
    """Progress bars; gives a function that follows the work until a share of all jobs has ended."""
    columns = (TextColumn("   {task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bars = {
            status: progress.add_task(status, total=total) for status in ("completed", "cancelled", "failed", "running")
        }

        def watch(share: float) -> None:
            def enough() -> bool:
                rows = admin.execute("select status, count(*) as n from ledger.jobs group by status").fetchall()
                counts = {row["status"]: row["n"] for row in rows}
                for status, bar in bars.items():
                    progress.update(bar, completed=counts.get(status, 0))
                ended = sum(counts.get(status, 0) for status in ("completed", "cancelled", "failed"))
                return bool(ended >= share * total)

            wait_for(enough, "the jobs to be done", PATIENCE_S)

        yield watch


def wait_until_synced(jobs: JobClient, admin: Connection[DictRow]) -> None:
    """Until every event in the ledger is in order, and the last of this owner's has reached the file."""
    unsequenced = (
        "select count(*) from ledger.events e where not exists (select from ledger.log l where l.event_id = e.id)"
    )
    wait_for(lambda: value(admin, unsequenced) == 0, "the log to be complete")
    jobs.sync()


def check(console: Console, jobs: JobClient, admin: Connection[DictRow], plan: Plan) -> list[str]:
    """Compare what came back with what must have; print the summary; give the faults."""
    faults = []
    found = {job.id: job for job in jobs.list(limit=len(plan.files) + 2)}
    submitted = {*plan.files, plan.missing}
    counts = {s: sum(1 for job in found.values() if job.status == s) for s in ("completed", "failed", "cancelled")}
    wrong = [
        path
        for job_id, path in plan.files.items()
        if found[job_id].status == "completed" and found[job_id].result != count(path).model_dump(mode="json")
    ]
    endings = admin.execute(
        """
        select e.job_id, count(*) filter (where e.type in ('job.completed', 'job.failed', 'job.cancelled')) as n
        from ledger.events e where e.job_id is not null group by e.job_id"""
    ).fetchall()
    audit = verify(admin)
    for ok, text in (
        (set(found) == submitted, f"{len(submitted)} jobs submitted, {len(found)} in the file"),
        (
            sum(counts.values()) == len(submitted),
            " + ".join(f"{n} {s}" for s, n in counts.items()) + f" = {sum(counts.values())}",
        ),
        (not wrong, f"every result equals a direct computation ({counts['completed']} files counted and hashed again)"),
        (
            {j.id for j in found.values() if j.status == "cancelled"} == plan.cancelled,
            "exactly the cancelled jobs are cancelled",
        ),
        ([j.id for j in found.values() if j.status == "failed"] == [plan.missing], "exactly the missing file failed"),
        (
            len(endings) == len(submitted) and all(row["n"] == 1 for row in endings),
            "each job has exactly one terminal event",
        ),
        (audit.jobs == len(submitted), f"the log replays to the same state ({audit.events} events verified)"),
    ):
        console.print(f"   {'[green]ok[/]  ' if ok else '[red]FAULT[/]'} {text}")
        if not ok:
            faults.append(text)
    return faults


def show_histories(console: Console, admin: Connection[DictRow], plan: Plan) -> None:
    """The events of one completed, one retried and one cancelled job."""
    plain = next(job_id for job_id in plan.files if job_id not in plan.cancelled | plan.retried)
    chosen = [("completed", plain), ("cancelled", min(plan.cancelled))]
    if plan.retried:
        chosen.insert(1, ("retried", min(plan.retried)))
    for word, job_id in chosen:
        console.print(f"   [bold]{word}[/] {job_id}")
        for row in read_history(admin, job_id):
            recorded = row["recorded_at"].strftime("%H:%M:%S.%f")[:-3]
            line = f"   {row['seq']:>6}  {recorded}  {row['type']:<20}  {row['actor']:<11}  {shorten(row['data'], 200)}"
            console.print(escape(printable(line)), no_wrap=True, overflow="ellipsis")


def look_around(console: Console, server: EmbeddedPostgres, replica: Path) -> None:
    console.print("\nThe server is still running. Look further:")
    for command in (
        f"export JOBLEDGER_DSN={shlex.quote(server.dsn())} JOBLEDGER_DB={shlex.quote(str(replica))}",
        "jobledger list --limit 5",
        "jobledger log --type attempt.failed",
        "jobledger stats",
        "jobledger verify",
        f"jobledger pg stop --data {shlex.quote(str(server.data))}   # when done",
    ):
        console.print(f"   {command}", soft_wrap=True)


def tell(console: Console, number: int, text: str) -> None:
    console.print(f"\n[bold]{number}.[/] {text}")


def wait_for(holds: Any, what: str, seconds: float = PROCESSOR_START_S) -> None:
    """Look every 50 ms until something holds. Raises LedgerError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise LedgerError(f"the demo waited {seconds:.0f} s for {what}", hint="is the machine very busy? try again")
        time.sleep(0.05)


def value(connection: Connection[DictRow], query: str, **parameters: Any) -> Any:
    row = connection.execute(query.encode(), parameters).fetchone()
    return next(iter(row.values())) if row else None


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does, so that everything is stopped and removed."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
