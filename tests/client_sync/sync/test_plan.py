"""What follows from the server's answers, without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from client_sync.sync.plan import (
    LARGE_PAGE_BYTES,
    LAST_PAGE,
    SMALL_PAGE_BYTES,
    Acknowledge,
    BeginEpoch,
    Disbelieve,
    MintReplica,
    Pause,
    Position,
    Refusal,
    Rewind,
    StorePage,
    after_pull,
    after_push,
    check_owner,
    next_page_size,
    push_is_due,
)
from ledger.model.protocol import Accepted, Behind, Forked, Refused, RefusedEvent

REPLICA = UUID("01970000-0000-7000-8000-000000000001")
EPOCH = UUID("01970000-0000-7000-8000-0000000000e1")
OTHER = UUID("01970000-0000-7000-8000-0000000000e2")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FRESH = Position(REPLICA)
FORKED_ONCE = Position(REPLICA, seq_offset=10, acked_seq=12, epoch=EPOCH, acked_epoch=EPOCH)


def test_an_accepted_push_is_acknowledged_up_to_what_was_sent() -> None:
    assert after_push(FRESH, [1, 2, 3], Accepted(head=3, time=NOON)) == Acknowledge(upto=3, seq_offset=0)


def test_p2_what_an_earlier_reply_said_is_not_taken_for_what_was_sent_now() -> None:
    # the server took 1000 events and its reply was lost; of these, 500 were sent again and compared
    assert after_push(FRESH, range(1, 501), Accepted(head=1000, time=NOON)) == Acknowledge(500, 0)


def test_p8_refusals_come_back_in_the_numbers_of_the_file() -> None:
    refused = RefusedEvent(seq=3, event_id="e", code="invalid", detail="why")
    reply = Accepted(head=4, time=NOON, refused=(refused,))
    assert after_push(FORKED_ONCE, [13, 14], reply) == Acknowledge(14, 10, (Refusal(13, "e", "invalid", "why"),))


def test_a_fork_starts_counting_after_what_was_acknowledged() -> None:
    position = replace(FRESH, acked_seq=5)
    decision = after_push(position, [6, 7, 8], Forked(at=6, head=7))
    assert decision == MintReplica(forked_at=6, seq_offset=5)
    assert replace(position, seq_offset=5).base_seq == 0


def test_a_restored_server_is_sent_what_it_has_lost() -> None:
    assert after_push(FORKED_ONCE, [13, 14, 15], Behind(head=1)) == Rewind(acked_seq=11, seq_offset=10)


def test_a_server_that_knows_nothing_is_sent_everything() -> None:
    # also what went to it before the file forked: it may have lost that too, and takes no event twice
    assert after_push(FORKED_ONCE, [13, 14, 15], Behind(head=0)) == Rewind(acked_seq=0, seq_offset=0)


def test_a_push_refused_as_a_whole_pauses() -> None:
    assert after_push(FRESH, [1], Refused(code="not_yours", detail="why")) == Pause("not_yours", "why")


numbers = st.integers(-5, 40) | st.integers(0, 2**63 - 1)
replies = st.one_of(
    st.builds(
        Accepted.model_construct,
        head=numbers,
        time=st.just(NOON),
        refused=st.lists(
            st.builds(
                RefusedEvent.model_construct, seq=numbers, event_id=st.just("e"), code=st.just("c"), detail=st.just("d")
            ),
            max_size=3,
        ).map(tuple),
    ),
    st.builds(Forked.model_construct, at=numbers, head=numbers),
    st.builds(Behind.model_construct, head=numbers),
)


@given(replies, st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(0, 5))
def test_nothing_is_acknowledged_that_was_not_answered(
    reply: Accepted | Forked | Behind, offset: int, base: int, compacted: int, sent: int
) -> None:
    acked = offset + base
    position = replace(FRESH, seq_offset=offset, acked_seq=acked, compacted_seq=min(compacted, acked))
    batch = range(acked + 1, acked + 1 + sent)
    decision = after_push(position, batch, reply)
    match decision:
        case Acknowledge():
            assert isinstance(reply, Accepted)
            assert reply.head >= base + sent
            assert decision.upto == acked + sent
            assert {refusal.local_seq for refusal in decision.refused} <= set(batch)
            assert len({refusal.local_seq for refusal in decision.refused}) == len(decision.refused)
        case MintReplica():
            assert decision.forked_at in batch
            assert decision.seq_offset == acked
        case Rewind():
            assert 0 <= decision.acked_seq < acked or decision.acked_seq == 0
            assert decision.seq_offset <= decision.acked_seq
            assert isinstance(reply, Behind)
            assert 0 <= reply.head < base
        case _:
            assert isinstance(decision, Disbelieve)


def test_a_file_has_one_owner() -> None:
    assert check_owner(FRESH, "alice") is None
    assert check_owner(replace(FRESH, owner="alice"), "alice") is None
    assert check_owner(replace(FRESH, owner="alice"), "bob") == Pause(
        "not_yours", "this file belongs to alice, and the session to bob"
    )


def test_there_is_nothing_to_push_when_all_is_acknowledged() -> None:
    assert push_is_due(FRESH, 1)
    assert not push_is_due(FRESH, 0)
    assert not push_is_due(FORKED_ONCE, 12)


def test_a_server_in_a_new_epoch_is_asked_whether_it_still_has_everything() -> None:
    assert push_is_due(replace(FORKED_ONCE, epoch=OTHER), 12)
    assert not push_is_due(replace(FRESH, epoch=OTHER), 0), "nothing was ever sent to it"


def test_a_new_epoch_is_only_asked_once_its_log_was_read_to_the_end() -> None:
    assert not push_is_due(replace(FORKED_ONCE, epoch=OTHER, settled=False), 12)


def test_what_is_acknowledged_before_the_log_was_read_says_nothing_of_what_went_before() -> None:
    reading = replace(FORKED_ONCE, epoch=OTHER, settled=False)
    assert reading.confirmed_epoch == EPOCH
    assert replace(reading, settled=True).confirmed_epoch == OTHER
    assert replace(FRESH, epoch=OTHER, settled=False).confirmed_epoch == OTHER, "nothing went before"


def test_p1_what_the_log_of_a_new_epoch_lacks_is_sent_again_however_far_the_server_counts() -> None:
    position = replace(FORKED_ONCE, epoch=OTHER, missing_seq=12)
    reply = Accepted(head=2, time=NOON)
    again = after_push(position, [], reply)
    assert again == Rewind(acked_seq=11, seq_offset=9)
    assert again.acked_seq - again.seq_offset == reply.head, "numbered on: what has a number is not sent under another"
    assert after_push(replace(position, missing_seq=4), [], reply) == Rewind(acked_seq=3, seq_offset=1)


def test_a_page_moves_the_cursor() -> None:
    position = replace(FRESH, epoch=EPOCH)
    assert after_pull(position, 70, EPOCH, events=64, asked=64) == StorePage(70, EPOCH, more=True)
    assert after_pull(position, 70, EPOCH, events=3, asked=64) == StorePage(70, EPOCH, more=False)


def test_another_epoch_begins_anew() -> None:
    assert after_pull(FRESH, 70, EPOCH, events=1, asked=1) == BeginEpoch(EPOCH)
    assert after_pull(replace(FRESH, epoch=EPOCH), 0, OTHER, events=0, asked=64) == BeginEpoch(OTHER)


@given(st.lists(st.integers(1, 300_000) | st.integers(1, 30_000_000), max_size=50))
@example([30_000_000] * 5)
def test_pages_grow_and_shrink_with_the_size_of_events(event_bytes: list[int]) -> None:
    size = 64
    for each in event_bytes:
        page = size * each
        following = next_page_size(size, page)
        assert 1 <= following <= LAST_PAGE
        assert (following < size) == (page > LARGE_PAGE_BYTES and size > 1)
        assert not (following > size and page >= SMALL_PAGE_BYTES)
        size = following


def test_behind_exactly_where_the_file_was_compacted_is_still_countable() -> None:
    position = Position(REPLICA, seq_offset=2, acked_seq=9, compacted_seq=5)
    assert after_push(position, [10], Behind(head=3)) == Rewind(acked_seq=5, seq_offset=2)
    assert after_push(position, [10], Behind(head=2)) == Rewind(acked_seq=0, seq_offset=-2), "one less is not"
