"""P14: a request that the server's door accepts goes the whole way, and every reader on it reads the same.

Written as a stranger might write it: numbers at the edge of what is a number, escapes, names that stand twice, depth.
Some are just beyond the edge, and the door has to know them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from databases import Database
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from in_process import Ledger, RunningService
from stepwise import Server

from client_sync import JobClient
from client_sync.care.examine import examine
from jobledger.cli import run
from ledger.postgres.feed import read_history, read_log
from processor import Registry
from processor.settings import Settings

ECHO = "echo"
MOST_EXAMPLES, JOBS = 2, 12
AGAIN = settings(
    max_examples=MOST_EXAMPLES, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LONG = settings(AGAIN, max_examples=60, derandomize=False)

letters = st.text('ab é😀"\\/\t\u007f\u200f\u2028\ufffe{[7e', max_size=6)
numbers = st.sampled_from(
    [
        "0", "-0", "-0.0", "1E2", "1e+02", "5e-324", "1e-400", "1e-17000", "1.7976931348623157e308", "1e308", "0.10",
        "9007199254740993", "18446744073709551616", "-9223372036854775809", "7" * 640, "-" + "7" * 640,
        "0." + "3" * 630, "1" + "0" * 300, "1e309", "7" * 641,
    ]
) | st.integers().map(str)  # fmt: skip


def written(text: str) -> st.SearchStrategy[str]:
    """A text as JSON, in one of the ways in which it can be written."""
    plain, escaped = json.dumps(text, ensure_ascii=False), json.dumps(text)
    numbered = "".join(f"\\u{ord(letter):04X}" if ord(letter) < 0x10000 else letter for letter in text)
    return st.sampled_from([plain, escaped, escaped.replace("/", "\\/"), f'"{numbered}"'])


texts = letters.flatmap(written) | st.sampled_from(['"\\ud83d\\ude00"', '"\\u0000"', '"\\ud800"'])
space = st.sampled_from(["", "", " ", "\n\t"])


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON objects; a name may stand in one twice."""
    fields = st.lists(st.tuples(texts, space, values).map(lambda field: f"{field[0]}:{field[1]}{field[2]}"), max_size=3)
    return st.tuples(space, fields).map(lambda parts: f"{{{parts[0]}{','.join(parts[1])}}}")


values = st.recursive(
    numbers | texts | st.sampled_from(["null", "true", "[]", "{}"]),
    lambda below: st.lists(below, max_size=3).map(lambda items: f"[{', '.join(items)}]") | objects(below),
    max_leaves=6,
)
deep = st.integers(55, 64).flatmap(lambda n: st.sampled_from(["[" * n + "0" + "]" * n, '{"a":' * n + "0" + "}" * n]))
times = st.sampled_from(
    [
        "2020-01-01T00:00:00Z", "2020-12-31T23:59:59.123456+05:30", "1600-01-02T00:00:00-11:00", "2200-02-28T00:00:00Z",
        "8999-12-30T23:59:59.9Z", "2020-06-30T12:00:00.1-00:00",
    ]
).map(json.dumps)  # fmt: skip
ids = st.sampled_from(["01a20077-a74b-7112-b493-f73d2a69e3bf", "01A20077A74B7112B493F73D2A69E3BF"]).map(json.dumps)
named = st.text('ab é😀"\\/\u2028', min_size=1, max_size=8).flatmap(written)
limits = st.fixed_dictionaries(
    {},
    optional={
        "max_attempts": st.sampled_from(["1", "1000", "null"]),
        "timeout": st.sampled_from(["60", "60.000", "604800", "59.999999", "null"]),
        "expires_at": st.just('"8999-12-31T00:00:00+01:00"'),
        "added later": values,
    },
)


def joined(fields: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in fields.items()) + "}"


requests = st.fixed_dictionaries(
    {"name": st.just(json.dumps(ECHO)) | st.just(json.dumps(ECHO)) | named},
    optional={
        "params": objects(values | deep) | st.just("null"),
        "labels": objects(values),
        "namespace": st.just('"default"') | named,
        "priority": st.integers(-32768, 32767).map(str) | st.just("-0"),
        "run_at": times,
        "limits": limits.map(joined) | st.just("null"),
        "key": named,
        "retry_of": ids,
        "parent": ids,
        "added later": values | deep,
    },
).map(joined)


class Way:
    """A ledger with a processor that gives back what it is given, and files of one owner."""

    def __init__(self, database: Database, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.server = Server(database)
        self._ledger = Ledger(database)
        self._dsn, self._auditor = database.dsn_as("app_alice"), database.dsn_as("auditor")
        self._paths = (folder / f"{n}.db" for n in count())
        self._capsys = capsys
        self._seen: dict[UUID, str] = {}

    def takes(self, text: str) -> bool:
        """Whether the server's door does. What makes it raise is refused as well."""
        try:
            found = self._ledger.owner.execute(
                "select v.verdict from ledger.judge('job.requested', 1, %(text)s) v", {"text": text}
            ).fetchone()
        except psycopg.DataError:
            return False
        return found == {"verdict": None}

    def go(self, texts: list[str]) -> None:
        """Send what the server takes from a file, let it run, and read it in every way there is."""
        path = next(self._paths)
        with JobClient(path, dsn=self._dsn) as jobs:
            jobs.sync()
            before = {job.id for job in jobs.list(limit=10_000)}
            with closing(sqlite3.connect(path, isolation_level=None)) as plain:
                for text in texts:
                    if self.takes(text):
                        plain.execute("insert into events (type, data) values ('job.requested', :data)", {"data": text})
                sent = dict(plain.execute("select job_id, data from events where local_seq is not null"))
            assert jobs.sync().refused == 0
            self._seen |= (new := {UUID(job_id): str(text) for job_id, text in sent.items()})
            assert {job.id for job in jobs.list(limit=10_000)} - before == set(new)
            self.server.sequence()
            for job_id, text in new.items():
                request = json.loads(text)
                if request["name"] == ECHO and request.get("namespace") in (None, "default") and is_due(request):
                    assert self._ledger.wait_for(job_id).result == (request.get("params") or {})
            self.server.check()
            jobs.sync()
            self.read_file(jobs, path, new)
        self.read_server(new)
        with JobClient(other := next(self._paths), dsn=self._dsn) as jobs:
            jobs.sync()
            self.read_file(jobs, other, self._seen)

    def read_file(self, jobs: JobClient, path: Path, of: Mapping[UUID, str]) -> None:
        for job_id, text in of.items():
            request, job = json.loads(text), jobs.get(job_id)
            assert (job.name, job.labels, job.unreadable) == (request["name"], request.get("labels") or {}, ())
            assert job.shown != "running"
            if job.status == "completed":
                assert job.result == (request.get("params") or {})
            requested = jobs.history(job_id)[0]
            assert requested.type == "job.requested"
        file = ["--db", str(path)]
        listed = self.lines("list", "--json", "--limit", "10000", *file)
        assert {UUID(job["job_id"]) for job in listed} >= of.keys()
        self.lines("list", *file)
        for job_id in list(of)[-JOBS:]:
            (shown,) = self.lines("show", str(job_id), "--json", *file)
            assert shown["name"] == json.loads(of[job_id])["name"]
            self.lines("show", str(job_id), *file)
        wrong = [finding for finding in examine(path, full=True) if finding.level in ("fail", "warn")]
        assert not [finding for finding in wrong if finding.check not in ("sqlite", "disk", "clock")], wrong
        with closing(sqlite3.connect(path)) as plain:
            stored = dict(plain.execute("select job_id, data from events where type = 'job.requested'"))
            assert {job_id: stored[str(job_id)] for job_id in of} == of, "as it was written"
            plain.execute("select json_extract(data, '$.params'), data ->> '$.name' from events").fetchall()

    def read_server(self, of: Mapping[UUID, str]) -> None:
        owner, client = self._ledger.owner, self._ledger.client
        texts = {row["job_id"]: row["data"] for row in read_log(owner) if row["type"] == "job.requested"}
        assert texts == self._seen, "as it was written"
        own = client.execute("select j.* from ledger.my_jobs j").fetchall()
        assert {row["job_id"]: row["name"] for row in own} == {
            job_id: json.loads(text)["name"] for job_id, text in self._seen.items()
        }
        owner.execute("""
            select e.data ->> 'name', e.data -> 'params' ->> 'a', e.data -> 'labels' ->> 'a', e.data::jsonb::text
            from ledger.events e""").fetchall()
        at = ["--dsn", self._auditor]
        for job_id, text in of.items():
            assert read_history(owner, job_id)[0]["data"] == text
            first, *_ = self.lines("history", str(job_id), "--json", *at)
            assert first["data"] == json.loads(text)
            self.lines("history", str(job_id), *at)
        logged = self.lines("log", "--json", *at)
        assert len(logged) == len([*read_log(owner)])
        for verb in ("log", "stats", "verify"):
            self.lines(verb, *at)
        self.lines("stats", "--json", *at)

    def lines(self, *words: str) -> list[Any]:
        """What a verb prints: JSON by line where it was asked for, else nothing but that it does."""
        assert run([*words]) == 0, words
        out, err = self._capsys.readouterr()
        assert not err, words
        return [json.loads(line) for line in out.splitlines()] if "--json" in words else []


def is_due(request: Mapping[str, Any]) -> bool:
    return (request.get("run_at") or "0") < "2100"


@pytest.fixture
def way(database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Way]:
    registry = Registry()

    @registry.handler(ECHO)
    def echo(params: dict[str, Any]) -> dict[str, Any]:
        return params

    service = RunningService(database.dsn_as("worker"), registry, Settings())
    yield Way(database, tmp_path, capsys)
    service.stop()


batches = st.lists(requests, min_size=JOBS, max_size=JOBS)


@AGAIN
@given(batches)
@example([joined({"name": json.dumps(ECHO), "params": '{"a": ' + "[" * 62 + "]" * 62 + "}"})])
def test_p14_what_the_server_accepts_goes_the_whole_way(way: Way, texts: list[str]) -> None:
    way.go(texts)


@pytest.mark.long
@LONG
@given(batches)
def test_p14_what_the_server_accepts_goes_the_whole_way_many_times(way: Way, texts: list[str]) -> None:
    way.go(texts)
