"""A server that lies, contradicts itself or never ends: an error that says so, and everything of the file is kept.

It is a real Postgres, whose functions are a stranger's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Database
from waiting import until

from client_sync import JobClient
from client_sync.sync import background
from client_sync.sync.exchange import MOST_RESTARTS
from ledger.errors import BadAnswer, LedgerError

EPOCH = "01970000-0000-7000-8000-0000000000e1"
ACCEPTED = "json_build_object('reply', 'accepted', 'head', base_seq + cardinality(ids), 'time', now())::text"
ROWS = """
    select u.upto_seq, u.epoch::uuid, e.seq, e.id, e.job_id, e.type, e.v, e.owner, 'worker' as actor,
           null::uuid as replica_id, null::bigint as replica_seq, now() as occurred_at, e.recorded_at,
           null::uuid as correlation_id, null::uuid as causation_id, e.data"""
NOTHING = f"""{ROWS}
    from (values (after_seq, '{EPOCH}')) u (upto_seq, epoch)
    left join (values (null::bigint, null::uuid, null::uuid, '', 1, '', now(), '')) e
        (seq, id, job_id, type, v, owner, recorded_at, data) on false"""
LIMITS = "262144 as max_event_bytes, 262144 as max_params_bytes, 64 as max_json_depth, 5000 as max_batch_events"
PUSH = """
    create or replace function ledger.push(
        replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[],
        occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text)
    returns setof text language sql as $$ select nextval('ledger.calls'); {} $$"""
PULL = """
    create or replace function ledger.pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text)
    returns table (upto_seq bigint, epoch uuid, seq bigint, id uuid, job_id uuid, type text, v integer, owner text,
                   actor text, replica_id uuid, replica_seq bigint, occurred_at timestamptz, recorded_at timestamptz,
                   correlation_id uuid, causation_id uuid, data text)
    language sql as $$ select nextval('ledger.calls'); {} $$"""


HELLO = """
    create or replace function ledger.hello(client json, on_behalf_of text)
    returns setof text language sql as $$ {} $$"""


class Stranger:
    """A server that answers as a test wants it to; until then it answers well, and has no news."""

    def __init__(self, database: Database) -> None:
        self._admin = database.connect()
        self._admin.execute("create schema ledger")
        self._admin.execute("create sequence ledger.calls")
        self.behaves()
        self._admin.execute("grant usage on schema ledger to public")
        self._admin.execute("grant usage on sequence ledger.calls to public")
        self.dsn = database.dsn_as("app_alice")

    def behaves(self) -> None:
        self.greets(None)
        self.pushes(f"select {ACCEPTED}")
        self.pulls(NOTHING)
        self.limits(f"select {LIMITS}, 16777216 as max_batch_bytes")

    def greets(self, query: str | None) -> None:
        """None: as a server of version 1, which has no such function."""
        self._admin.execute("drop function if exists ledger.hello(json, text)")
        if query is not None:
            self._admin.execute(HELLO.format(query).encode())

    def pushes(self, query: str) -> None:
        self._admin.execute(PUSH.format(query).encode())

    def pulls(self, query: str) -> None:
        self._admin.execute(PULL.format(query).encode())

    def limits(self, query: str) -> None:
        self._admin.execute("drop view if exists ledger.limits")
        self._admin.execute(f"create view ledger.limits as {query}".encode())
        self._admin.execute("grant select on ledger.limits to public")

    @property
    def calls(self) -> int:
        row = self._admin.execute("select last_value from ledger.calls").fetchone()
        assert row is not None
        return int(row["last_value"])


@pytest.fixture
def stranger(empty_database: Database) -> Stranger:
    return Stranger(empty_database)


@pytest.fixture
def jobs(tmp_path: Path, stranger: Stranger) -> Iterator[JobClient]:
    """A file with three events that were never sent, which knows neither server nor owner."""
    with JobClient(tmp_path / "app.db", dsn=stranger.dsn) as client:
        client.submit_many([{"name": "a"}, {"name": "b"}, {"name": "c"}])
        yield client


def kept(jobs: JobClient) -> tuple[object, ...]:
    """What must be as it was: nothing acknowledged, refused, pulled or stored."""
    with jobs.transaction() as db:
        (row,) = db.execute(
            "select acked_seq, pulled_seq, max_event_bytes, max_params_bytes, max_json_depth, max_batch_events,"
            " max_batch_bytes, (select count(*) from events), (select count(*) from refusals) from replica"
        ).fetchall()
    return (*row, tuple(job.shown for job in jobs.list()))


def accepted(head: str = "base_seq + 3", **more: str) -> str:
    fields = {"reply": "'accepted'", "head": head, "time": "now()", **more}
    return f"select json_build_object({', '.join(f'{name!r}, {value}' for name, value in fields.items())})::text"


def refusing(*numbers: str) -> str:
    each = ", ".join(
        f"json_build_object('seq', {n}, 'event_id', ids[1], 'code', 'invalid', 'detail', 'x')" for n in numbers
    )
    return accepted(refused=f"json_build_array({each})")


def other(reply: str, **fields: str) -> str:
    told = ", ".join(f"'{name}', {value}" for name, value in fields.items())
    return f"select json_build_object('reply', '{reply}', {told})::text"


BEHIND_ALL = other("behind", head="0")
REPLIES = {
    "accepted, but holds less": accepted("base_seq + 2"),
    "accepted, but holds nothing": accepted("0"),
    "accepted, below nothing": accepted("-5"),
    "accepted, beyond all numbers": accepted("1e30::numeric(40)"),
    "accepted, up to no number": accepted("'three'"),
    "accepted, at no time": accepted(time="null"),
    "accepted, at a time of no zone": accepted(time="'2026-01-01T00:00:00'"),
    "refuses what came before": refusing("base_seq"),
    "refuses what was not sent": refusing("base_seq + 4"),
    "refuses one twice": refusing("base_seq + 1", "base_seq + 1"),
    "refuses number 1e30": refusing("1e30::numeric(40)"),
    "refuses with no reason": accepted(refused="json_build_array(json_build_object('seq', base_seq + 1))"),
    "refusals that are no list": accepted(refused="'all of them'"),
    "forked before": other("forked", at="base_seq", head="base_seq + 3"),
    "forked behind": other("forked", at="base_seq + 4", head="base_seq + 9"),
    "forked for ever": other("forked", at="base_seq + 1", head="base_seq + 9"),
    "behind what was not sent": other("behind", head="base_seq + 1"),
    "behind where it is": other("behind", head="base_seq"),
    "behind nothing": other("behind", head="-1"),
    "behind once it has accepted": f"select case when base_seq > 0 then ({BEHIND_ALL}) else {ACCEPTED} end",
    "an unknown reply": other("later", when="now()"),
    "no reply": "select '{}'",
    "no JSON": "select 'accepted'",
    "much": "select repeat('[', 3000000)",
    "null": "select null::text",
    "no row": "select '' where false",
    "an error": "select (1 / 0)::text",
}
ONE_AT_A_TIME = "behind once it has accepted"


@pytest.mark.parametrize("case", REPLIES)
def test_no_reply_to_a_push_acknowledges_what_it_does_not_answer(
    jobs: JobClient, stranger: Stranger, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case == ONE_AT_A_TIME:
        monkeypatch.setattr("client_sync.sync.outbox.MAX_PUSH_EVENTS", 1)
    stranger.pushes(REPLIES[case])
    before = kept(jobs)
    with pytest.raises(LedgerError) as error:
        jobs.sync()
    assert error.value.hint
    assert "unexpected" not in str(error.value)
    assert jobs.last_error == str(error.value)
    assert stranger.calls <= 3 * MOST_RESTARTS
    if case == ONE_AT_A_TIME:  # it did say so, of the first one
        assert jobs.unsent >= 2
    else:
        assert kept(jobs) == before
    stranger.behaves()
    jobs.sync()
    assert jobs.unsent == 0
    assert {job.shown for job in jobs.list()} == {"accepted"}


def page(events: str, upto: str = "after_seq + 2", epoch: str = f"'{EPOCH}'") -> str:
    columns = "(seq, id, job_id, type, v, owner, recorded_at, data)"
    return f"{ROWS} from (values ({upto}, {epoch})) u (upto_seq, epoch), (values {events}) e {columns}"


def event(seq: str = "after_seq + 1", **different: str) -> str:
    fields = {
        "seq": seq,
        "id": "gen_random_uuid()",
        "job_id": "gen_random_uuid()",
        "type": "'job.requested'",
        "v": "1",
        "owner": "'app_alice'",
        "recorded_at": "now()",
        "data": """'{"name": "x"}'""",
    }
    return f"({', '.join({**fields, **different}.values())})"


GOOD = event()
PAGES = {
    "no row": f"{page(GOOD)} where false",
    "more than was asked for": page(", ".join(event(f"after_seq + {n}") for n in range(1, 100)), "after_seq + 1000"),
    "far more than was asked for": f"{page(GOOD)}, generate_series(1, 100000)",
    "no number up to which": page(GOOD, "null::bigint"),
    "no life": page(GOOD, epoch="null"),
    "another life each time": page(GOOD, epoch="gen_random_uuid()"),
    "up to less than asked for": page(GOOD, "after_seq - 1"),
    "nothing, and up to less than asked for": NOTHING.replace("(after_seq,", "(after_seq - 1,"),
    "a number before": page(event("after_seq")),
    "a number far before": page(event("-1")),
    "a number beyond": page(event("after_seq + 3")),
    "a number twice": page(f"{event()}, {event()}"),
    "no number": page(event("null::bigint")),
    "an id twice": page(", ".join(event(f"after_seq + {n}", id=f"'{EPOCH}'::uuid") for n in (1, 2))),
    "another owner": page(event(owner="'app_bob'")),
    "no owner": page(event(owner="null")),
    "another owner among them": page(f"{GOOD}, {event('after_seq + 2', owner=chr(39) + 'app_bob' + chr(39))}"),
    "no type": page(event(type="null")),
    "no version": page(event(v="null::integer")),
    "no time": page(event(recorded_at="null::timestamptz")),
    "a time that never comes": page(event(recorded_at="timestamptz 'infinity'")),
    "no data": page(event(data="null")),
    "an error": f"{page(GOOD)} where 1 / 0 = 1",
}


@pytest.mark.parametrize("case", PAGES)
def test_no_page_that_contradicts_itself_or_the_question_is_stored(
    jobs: JobClient, stranger: Stranger, case: str
) -> None:
    jobs.sync()
    before = kept(jobs)
    stranger.pulls(PAGES[case])
    with pytest.raises(LedgerError) as error:
        jobs.sync()
    assert error.value.hint
    assert "unexpected" not in str(error.value)
    assert jobs.last_error == str(error.value)
    assert kept(jobs) == before
    assert stranger.calls <= 3 * MOST_RESTARTS
    stranger.behaves()
    jobs.sync()
    assert jobs.last_error is None


@pytest.mark.parametrize("case", [name for name in PAGES if name != "no life"])
def test_nor_in_the_first_exchange(jobs: JobClient, stranger: Stranger, case: str) -> None:
    stranger.pulls(PAGES[case])
    before = kept(jobs)
    with pytest.raises(LedgerError):
        jobs.sync()
    assert kept(jobs)[1:] == before[1:] or jobs.unsent == 0, "only what was answered is acknowledged"
    assert {job.shown for job in jobs.list()} <= {"saved", "accepted"}


ALL_LIMITS = f"select {LIMITS}, 16777216 as max_batch_bytes"
LIMITS_TOLD = {
    "nothing fits": f"select {LIMITS.replace('262144 as max_event', '0 as max_event')}, 16777216 as max_batch_bytes",
    "no push": f"select {LIMITS}, 0 as max_batch_bytes",
    "no event": f"select {LIMITS.replace('5000', '0')}, 16777216 as max_batch_bytes",
    "no depth": f"select {LIMITS.replace('64 as', '0 as')}, 16777216 as max_batch_bytes",
    "any depth": f"select {LIMITS.replace('64 as', '1000000 as')}, 16777216 as max_batch_bytes",
    "below nothing": f"select {LIMITS}, -1 as max_batch_bytes",
    "without end": f"select {LIMITS}, 9223372036854775807 as max_batch_bytes",
    "null": f"select {LIMITS}, null::integer as max_batch_bytes",
    "a word": f"select {LIMITS}, 'many' as max_batch_bytes",
    "a fraction": f"select {LIMITS}, 16777216.5 as max_batch_bytes",
    "one too few": f"select {LIMITS}",
    "none": f"select {LIMITS}, 16777216 as max_batch_bytes where false",
    "several": f"{ALL_LIMITS} from generate_series(1, 1000000)",
}


@pytest.mark.parametrize("case", LIMITS_TOLD)
def test_no_limit_is_kept_that_would_stop_an_app(jobs: JobClient, stranger: Stranger, case: str) -> None:
    stranger.limits(LIMITS_TOLD[case])
    before = kept(jobs)
    with pytest.raises(BadAnswer):
        jobs.sync()
    assert kept(jobs) == before
    jobs.submit("d")
    stranger.behaves()
    assert jobs.sync().pushed == 4


def limits(**different: int | str) -> str:
    usual = {
        "max_event_bytes": 262_144,
        "max_params_bytes": 262_144,
        "max_json_depth": 64,
        "max_batch_events": 5000,
        "max_batch_bytes": 16_777_216,
    }
    return f"'{json.dumps({**usual, **different})}'::json"


def greeting(**different: str) -> str:
    fields = {
        "protocol": "json_build_object('oldest', 1, 'newest', 1)",
        "login": "session_user",
        "owner": "coalesce(on_behalf_of, session_user)",
        "epoch": f"'{EPOCH}'",
        "time": "now()",
        "limits": limits(),
        **different,
    }
    return f"select json_build_object({', '.join(f'{name!r}, {value}' for name, value in fields.items())})::text"


GREETINGS = {
    "null": "select null::text",
    "no row": "select '' where false",
    "no JSON": "select 'hello'",
    "nothing": "select '{}'",
    "much": "select repeat('[', 3000000)",
    "no protocol": greeting(protocol="null"),
    "a protocol in words": greeting(protocol="json_build_object('oldest', 'one', 'newest', 'two')"),
    "a protocol below nothing": greeting(protocol="json_build_object('oldest', -1, 'newest', 1)"),
    "another protocol": greeting(protocol="json_build_object('oldest', 2, 'newest', 9)"),
    "a range that is none": greeting(protocol="json_build_object('oldest', 9, 'newest', 1)"),
    "nobody": greeting(login="null"),
    "no name": greeting(login="''", owner="''"),
    "another owner": greeting(owner="'app_bob'"),
    "no owner": greeting(owner="null"),
    "no epoch": greeting(epoch="null"),
    "an epoch in words": greeting(epoch="'the second'"),
    "no limits": greeting(limits="null"),
    "limits that are none": greeting(limits="json_build_array(1, 2)"),
    "nothing fits": greeting(limits=limits(max_event_bytes=0)),
    "limits in words": greeting(limits=limits(max_batch_bytes="many")),
    "a time of no zone": greeting(time="'2026-01-01T00:00:00'"),
    "an error": "select (1 / 0)::text",
}


@pytest.mark.parametrize("case", GREETINGS)
def test_nothing_is_sent_to_a_server_that_does_not_say_who_it_is(
    jobs: JobClient, stranger: Stranger, case: str
) -> None:
    stranger.greets(GREETINGS[case])
    before, calls = kept(jobs), stranger.calls
    with pytest.raises(LedgerError) as error:
        jobs.sync()
    assert error.value.hint
    assert "unexpected" not in str(error.value)
    assert jobs.last_error == str(error.value)
    assert (kept(jobs), stranger.calls) == (before, calls)
    stranger.behaves()
    assert jobs.sync().pushed == 3


def test_what_hello_says_beyond_the_known_is_ignored(jobs: JobClient, stranger: Stranger) -> None:
    stranger.greets(greeting(capabilities="json_build_object('flies', true)", weather="'good'"))
    assert jobs.sync().pushed == 3


def test_a_head_above_what_was_sent_acknowledges_only_that(jobs: JobClient, stranger: Stranger) -> None:
    """An honest server may say so: an earlier answer was lost, or another copy of the file has sent more."""
    stranger.pushes(accepted("base_seq + 1000"))
    jobs.sync()
    with jobs.transaction() as db:
        assert db.execute("select acked_seq, seq_offset from replica").fetchall() == [(3, 0)]
    assert jobs.submit("d").shown == "saved"
    assert jobs.unsent == 1


def test_in_the_background_it_is_left_alone_for_a_while(
    jobs: JobClient, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_wait_s", lambda _: 3600.0)
    stranger.pushes(REPLIES["forked for ever"])
    jobs.start_sync(poll=0.01)
    assert isinstance(until(lambda: jobs.sync_error, "the complaint"), BadAnswer)
    calls = stranger.calls
    assert calls <= 2 * MOST_RESTARTS
    jobs.submit("d")
    jobs.stop_sync()
    assert stranger.calls == calls


def test_a_server_that_lies_only_later_is_left_alone_for_longer_and_longer(
    jobs: JobClient, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("client_sync.sync.background.BackgroundSync._pause", lambda _, seconds: waits.append(seconds))
    # each session is well for three pages, which is enough for its first exchange
    so_far = "coalesce(nullif(current_setting('stranger.calls', true), ''), '0')::integer"
    now = f"set_config('stranger.calls', ({so_far} + 1)::text, false)::integer"
    bad = page(event(owner="null"))
    stranger.pulls(f"{NOTHING} where {now} <= 3 union all {bad} where current_setting('stranger.calls')::integer > 3")
    jobs.start_sync(poll=0.01)
    until(lambda: len(waits) >= 8, "many complaints")
    assert waits[:7] == sorted(waits[:7])
    assert max(waits) == background.REFUSED_WAIT_S
