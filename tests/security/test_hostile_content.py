"""JSON and sizes that are meant to hurt: refused or kept as they are, and the server and the log go on."""

from __future__ import annotations

import psycopg
import pytest
from ledger_calls import Draft
from security.attacked_ledger import ALICE, AttackedLedger, value, with_text

from ledger.model.ids import new_id
from ledger.model.protocol import Accepted, Refused
from ledger.postgres.feed import verify

DEEP = 100_000


def request(params: str) -> str:
    return f'{{"name": "x", "params": {params}}}'


REFUSED = {
    "NUL": request('{"a": "\\u0000"}'),
    "NUL in a key": request('{"\\u0000": 1}'),
    "lone high surrogate": request('{"a": "\\ud800"}'),
    "lone low surrogate": request('{"a": "\\udc00"}'),
    "surrogates the wrong way round": request('{"a": "\\udc00\\ud800"}'),
    "NaN": request('{"a": NaN}'),
    "Infinity": request('{"a": -Infinity}'),
    "hexadecimal": request('{"a": 0x10}'),
    "comment": request("{} /* */"),
    "trailing comma": request('{"a": 1,}'),
    "single quotes": request("{'a': 1}"),
    "raw newline in a text": request('{"a": "\n"}'),
    "two values": '{"name": "x"} {"name": "y"}',
    "deep arrays": request('{"a": ' + "[" * DEEP + "]" * DEEP + "}"),
    "deep objects": request('{"a":' * (DEEP // 10) + "1" + "}" * (DEEP // 10)),
    "deep and unclosed": "[" * DEEP,
    "deep and hidden by a text": '{"a\\"": ' + "[" * DEEP,
    "a text that never ends": "[" * 100 + '"' + '\\"' * DEEP,
    "name last and wrong": '{"name": "x", "name": 1}',
    "params last and wrong": '{"name": "x", "params": {}, "params": []}',
    "limits last and wrong": '{"name": "x", "limits": {}, "limits": {"max_attempts": 0}}',
    "priority beyond its type": '{"name": "x", "priority": 32768}',
    "priority as a fraction": '{"name": "x", "priority": 1e2}',
    "a year without end": '{"name": "x", "run_at": "infinity"}',
    "a special time": '{"name": "x", "run_at": "now"}',
    "a time of day": '{"name": "x", "run_at": "allballs"}',
    "a number of 1000 digits": request('{"a": ' + "9" * 1000 + "}"),
    "a huge number": request('{"a": 1e400000}'),
    "timeout in another notation": '{"name": "x", "limits": {"timeout": 1e999}}',
}
KEPT = {
    "beyond 2^53": request('{"a": 9007199254740993}'),
    "a number of 640 digits": request('{"a": ' + "9" * 640 + "}"),
    "a tiny number": request('{"a": 1e-400}'),
    "the largest number": request('{"a": 1.7976931348623157e308}'),
    "duplicate keys": request('{"a": 1, "a": 2, "a": 3}'),
    "duplicate name": '{"name": "first", "name": "last"}',
    "a pair of surrogates": request('{"a": "\\ud83d\\ude00"}'),
    "control characters": request('{"a": "\\u0001\\u001f\\u007f"}'),
    "right to left and zero width": request('{"a": "\u202e\u200b\ufeff"}'),
    "prototype": request('{"__proto__": {"x": 1}, "constructor": 1}'),
    "space": "\n\t  " + request("{}") + " " * 1000,
    "many keys": request("{" + ",".join(f'"{i}": 1' for i in range(10_000)) + "}"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_json_is_refused_and_delays_nobody(attacked: AttackedLedger, case: str) -> None:
    with attacked.only_alices():
        reply = attacked.push(new_id(), 0, Draft(), Draft(data=REFUSED[case]), Draft())
        assert isinstance(reply, Accepted)
        assert [(r.seq, r.code in ("invalid", "too_large")) for r in reply.refused] == [(2, True)]
    assert verify(attacked.owner).unsequenced == 0


@pytest.mark.parametrize("case", KEPT)
def test_unusual_json_is_kept_to_the_letter(attacked: AttackedLedger, case: str) -> None:
    draft = Draft(data=KEPT[case])
    with attacked.only_alices():
        assert attacked.refused(draft) == []
    assert (
        value(attacked.owner, "select data::text from ledger.events where id = %(id)s::uuid", id=draft.id) == draft.data
    )
    assert verify(attacked.owner).unsequenced == 0


@pytest.mark.parametrize("case", ["deep arrays", "deep objects", "deep and unclosed"])
@pytest.mark.parametrize("argument", ["params", "labels", "limits"])
def test_deep_json_does_not_break_submit_or_the_session(attacked: AttackedLedger, argument: str, case: str) -> None:
    text = REFUSED[case]
    with attacked.unchanged(), pytest.raises(psycopg.Error) as refusal:
        attacked.alice.execute(f"select ledger.submit('x', {argument} => %(text)s::json)".encode(), {"text": text})
    assert refusal.value.sqlstate in ("54001", "22P02", "JL003")
    assert value(attacked.alice, "select 1") == 1


def test_an_event_of_20_mb_is_refused_by_itself_before_it_is_read(attacked: AttackedLedger) -> None:
    """Were its push turned away, it would hold up for ever what its file has to send after it."""
    reply = attacked.push(new_id(), 0, Draft(data=request('{"a": "' + "x" * 20_000_000 + '"}')))
    assert isinstance(reply, Accepted)
    assert [(r.seq, r.code) for r in reply.refused] == [(1, "too_large")]
    with attacked.unchanged():
        together = attacked.push(new_id(), 0, Draft(data=request('{"a": "' + "x" * 20_000_000 + '"}')), Draft())
    assert isinstance(together, Refused)
    assert together.code == "too_large"


@pytest.mark.parametrize("field", ["id", "job_id", "type", "occurred_at", "correlation_id", "causation_id"])
def test_20_mb_beside_the_data_are_refused_too(attacked: AttackedLedger, field: str) -> None:
    """The limit of a push holds for all of it: what is refused is kept, with its texts."""
    with attacked.unchanged():
        reply = attacked.push(new_id(), 0, with_text(field, "x" * 20_000_000))
        assert isinstance(reply, Refused)
        assert reply.code == "too_large"


def test_what_is_kept_of_a_refused_event_is_short(attacked: AttackedLedger) -> None:
    attacked.refused(Draft(type="x" * 1_000_000, job_id="y" * 1_000_000))
    kept = value(
        attacked.owner, "select max(length(type) + length(job_id)) from ledger.refusals where owner = %(a)s", a=ALICE
    )
    assert kept <= 1000


def test_too_many_events_are_refused_as_a_whole(attacked: AttackedLedger) -> None:
    with attacked.unchanged():
        reply = attacked.push(new_id(), 0, *[Draft(data="{}")] * 5001)
        assert isinstance(reply, Refused)


def test_texts_that_never_end_cost_no_more_than_their_length(attacked: AttackedLedger) -> None:
    """A search that starts again at each quote takes time with the square of the length: hours, for this one."""
    attacked.owner.execute("set statement_timeout = '60s'")
    text = "[" * 100 + '"' + '\\"' * 1_000_000
    assert value(attacked.owner, "select ledger.is_deeper(%(text)s, 64)", text=text) is True
