"""P8: whatever bytes a file holds, the event is refused with a reason, and its neighbours pass."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from stepwise import Server

from client_sync import JobClient
from client_sync.care.examine import examine
from client_sync.care.salvage.salvage import salvage
from jobledger.cli import run
from ledger.finding import Finding
from ledger.model.ids import new_id

GOOD = '{"name": "after"}'
COLUMNS = ("id", "job_id", "type", "occurred_at", "correlation_id", "causation_id", "data")


def store_unchecked(path: Path, **stored: bytes | int) -> None:
    """Append an event as a program would that has switched off every check and trigger."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("pragma ignore_check_constraints = on")
        found = file.execute(
            "select name, sql from sqlite_schema where type = 'trigger' and tbl_name = 'events'"
        ).fetchall()
        file.execute("begin immediate")
        for name, _ in found:
            file.execute(f'drop trigger "{name}"')
        one = str(new_id())
        row = {
            "id": one.encode(), "job_id": one.encode(), "type": b"job.requested", "v": 1, "data": b'{"name": "x"}',
            "occurred_at": b"2026-01-01T00:00:00Z", "correlation_id": None, "causation_id": None, **stored,
        }  # fmt: skip
        texts = ", ".join(f"cast(:{name} as text)" for name in COLUMNS)
        file.execute(
            f"insert into events ({', '.join(COLUMNS)}, v, local_seq)"  # noqa: S608 - the names above
            f" values ({texts}, :v, (select local_seq from next_number))",
            row,
        )
        file.execute(
            "insert into jobs (job_id, request_id, name, status, requested_at)"
            " values (cast(:job_id as text), cast(:id as text), 'x', 'pending', cast(:occurred_at as text))",
            row,
        )
        for _, definition in found:
            file.execute(definition)
        file.execute("commit")


def doctor(path: Path) -> Finding:
    return next(finding for finding in examine(path) if finding.check == "events")


NUL = [
    ("data", b'{"name": "x"}\0'), ("data", b'{"name": "x\0y"}'), ("data", b"\0"), ("type", b"job.requested\0"),
    ("id", str(new_id()).encode() + b"\0"), ("job_id", str(new_id()).encode() + b"\0x"),
    ("occurred_at", b"2026-01-01T00:00:00\0Z"), ("causation_id", str(new_id()).encode() + b"\0"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "content"), NUL)
def test_p8_the_file_takes_no_nul(path: Path, jobs: JobClient, column: str, content: bytes) -> None:
    row = {"type": b"job.requested", "data": b'{"name": "x"}', column: content}
    names, places = ", ".join(row), ", ".join(f"cast(:{name} as text)" for name in row)
    with closing(sqlite3.connect(path)) as file, pytest.raises(sqlite3.IntegrityError):
        file.execute(f"insert into events ({names}) values ({places})", row)  # noqa: S608 - the names above
    assert jobs.unsent == 0


@pytest.mark.parametrize(
    ("column", "content", "reason"),
    [
        *((column, content, "holds the character NUL") for column, content in NUL),
        ("data", b'{"name": "caf\xe9"}', "data: is not UTF-8, from byte 13 on"),
        ("data", b'{"name": "\xed\xa0\x80"}', "data: is not UTF-8"),
        ("data", b'{"name": "\xc0\x80"}', "data: is not UTF-8"),
        ("type", b"job.\xff", "type: is not UTF-8"),
        ("v", 2**40, "v: 1099511627776 is no version"),
        ("occurred_at", b"yesterday", "occurred_at"),
        ("job_id", b"", "id and job_id must be UUIDs"),
        ("id", b"x" * 100_000, "id and job_id must be UUIDs"),
    ],
)
def test_p8_what_cannot_be_sent_is_refused_with_its_reason_and_its_neighbours_pass(
    path: Path, online: JobClient, server: Server, column: str, content: bytes | int, reason: str
) -> None:
    before = online.submit("before")
    store_unchecked(path, **{column: content})
    after = online.submit("after")
    assert len(online.list()) == 3, "what cannot be read keeps nothing else from being shown"
    result = online.sync()
    assert (result.pushed, result.refused) == (2, 1)
    (refusal,) = online.refusals()
    assert reason in refusal.detail
    assert online.sync().refused == 0
    server.sequence()
    online.sync()
    assert [online.get(job.id).standing for job in (before, after)] == ["synced", "synced"]
    assert online.unsent == 0
    assert run(["list", "--db", str(path)]) == 0
    assert run(["list", "--db", str(path), "--json"]) == 0


def test_p8_what_is_larger_than_a_connection_carries_is_refused_and_its_neighbours_pass(
    path: Path, online: JobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client_sync.sync.unsendable.MAX_BYTES", 1000)
    online.submit("before")
    store_unchecked(path, data=b'{"name": "%s"}' % (b"x" * 1000))
    online.submit("after")
    result = online.sync()
    assert (result.pushed, result.refused) == (2, 1)
    (refusal,) = online.refusals()
    assert (refusal.code, refusal.detail) == ("too_large", "data: has 1012 bytes, more than can be sent")


@pytest.mark.parametrize(
    "stored",
    [
        {"data": b'{"name": "x"}\0'},
        {"data": b'{"name": "caf\xe9"}'},
        {"type": b"job.\xff"},
        {"v": 2**40},
        {"data": b'{"name": "x", "labels": {"n": ' + b"7" * 641 + b"}}"},
        {"data": b'{"name": "x", "params": {"n": 1e400}}'},
        {"data": b'{"name": "x", "params": {"a": "\\u0000"}}'},
        {"data": b'{"name": "\\ud800"}'},
        {"data": b'{"a":' * 129 + b"0" + b"}" * 129},
        {"data": b"[" * 100_000},
        {"data": b'"text"'},
    ],
)
def test_p14_doctor_counts_what_cannot_be_sent_or_read_until_it_is_refused(
    path: Path, online: JobClient, stored: dict[str, bytes | int]
) -> None:
    online.submit("before", {"n": 10**640 - 1, "text": "é\\u0000"})
    assert (found := doctor(path)).level == "ok", found
    store_unchecked(path, **stored)
    online.submit("after")
    found = doctor(path)
    assert found.level == "warn"
    assert found.message.startswith("of the latest 3 events, 1 cannot be sent or not be read by every reader, as ")
    assert online.sync().refused == 1
    assert doctor(path).level == "ok", "it is among the refusals now"


def test_p8_salvage_leaves_out_what_cannot_be_sent_and_says_why(path: Path, jobs: JobClient, tmp_path: Path) -> None:
    jobs.submit("before")
    store_unchecked(path, data=b'{"name": "x"}\0')
    jobs.submit("after")
    jobs.close()
    report = salvage(path, tmp_path / "new.db")
    assert report.salvaged == 2
    assert [skipped.reason for skipped in report.skipped] == ["CHECK constraint failed: no_text_holds_nul"]


stored = st.dictionaries(
    st.sampled_from(COLUMNS),
    st.binary(max_size=60) | st.text(max_size=20).map(lambda t: t.encode("utf-8", "surrogatepass")),
    min_size=1,
)


@settings(max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored)
@example({"data": b'{"name":"\xf4\x90\x80\x80"}'})
@example({"job_id": b"\xff\x00", "id": b"\x00"})
@example({"correlation_id": b"\xe2\x82", "occurred_at": b"\x00"})
def test_p8_every_byte_sequence(path: Path, online: JobClient, server: Server, content: dict[str, bytes]) -> None:
    try:
        store_unchecked(path, **content)
    except sqlite3.IntegrityError:
        return  # the same id again
    after = online.submit("after")
    online.sync()
    assert online.unsent == 0
    assert online.get(after.id).standing == "accepted"
    online.list(limit=1000)
    online.refusals(limit=1000)


@pytest.mark.parametrize("labels", ['{"n": ' + "7" * 5000 + "}", '{"n": 1e400}'])
def test_p14_labels_that_cannot_be_read_keep_no_other_job_from_being_shown(
    path: Path, online: JobClient, server: Server, labels: str
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        data = f'{{"name": "x", "labels": {labels}}}'
        file.execute("insert into events (type, data) values ('job.requested', :data)", {"data": data})
    online.submit("after")
    assert [job.name for job in online.list()] == ["after", "x"]
    assert (online.sync().refused, len(online.list())) == (1, 2)
    (refusal,) = online.refusals()
    assert "labels.n holds a number that not every reader can read" in refusal.detail
    for verb in (["list"], ["list", "--json"], ["show", str(refusal.job_id)]):
        assert run([*verb, "--db", str(path)]) == 0
