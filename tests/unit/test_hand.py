"""What a poller has in hand: whole receives, one at a time for each group."""

from durable_ingest.hand import BATCH_BYTES, Hand, Moment, Receive
from durable_ingest.message import Message, message
from durable_ingest.testing import sqs_record
from tests.virtual_clock import VirtualClock

BEGAN = Moment(0.0, 1_700_000_000.0)


def receive(*names: str, body: str = "{}") -> Receive:
    """Make a receive of messages, each named by its group and a digit."""
    return Receive([made(name, body) for name in names], BEGAN, 150)


def made(name: str, body: str) -> Message:
    """Make a message."""
    return message(sqs_record(body, group=name[:-1], message_id=name))


def test_a_batch_is_of_whole_receives() -> None:
    """As many as fit, and one at least."""
    hand = Hand()
    receives = [receive(*(f"{group}{n}" for n in range(7))) for group in "abcd"]
    for one in receives:
        assert hand.take(one)
    assert hand.next_batch(20) == receives[:2]
    assert [len(one.messages) for one in receives] == [7] * 4
    assert hand.next_batch(5) == receives[2:3]
    assert hand.next_batch(500) == receives[3:]
    assert hand.next_batch(500) == []


def test_a_batch_is_bounded_by_its_bytes() -> None:
    """However few messages that is."""
    hand = Hand()
    receives = [receive(f"{group}0", body="x" * (BATCH_BYTES // 2)) for group in "abc"]
    for one in receives:
        hand.take(one)
    assert hand.next_batch(500) == receives[:1]
    assert hand.size > BATCH_BYTES


def test_the_next_receive_of_a_group_waits_until_the_first_is_settled() -> None:
    """The deletes of two would be in no order; other groups go on."""
    hand = Hand()
    first, next_one, other = receive("a0", "b0"), receive("b1", "c0"), receive("d0")
    hand.take(first)
    assert hand.next_batch(10) == [first]
    assert hand.take(next_one)
    assert hand.take(other)
    assert hand.next_batch(10) == [other]
    assert hand.next_batch(10) == []
    assert hand.behind({"b"}) == [next_one]
    hand.release(first)
    assert hand.next_batch(10) == [next_one]


def test_a_second_receive_of_a_waiting_group_is_not_taken() -> None:
    """Nor one with a message that is in hand, waiting or not."""
    hand = Hand()
    waiting, settling = receive("a0"), receive("b0")
    hand.take(settling)
    hand.next_batch(10)
    hand.take(waiting)
    assert not hand.take(receive("a1"))
    assert not hand.take(receive("b0"))
    assert hand.messages == 2
    hand.drop(waiting)
    assert hand.take(receive("a1"))


def test_what_is_let_go_of_is_forgotten() -> None:
    """Room, groups and messages."""
    hand = Hand()
    for _ in range(2):
        one, other = receive("a0", "a1"), receive("b0")
        assert hand.take(one)
        assert hand.take(other)
        hand.drop(other)
        assert hand.next_batch(10) == [one]
        hand.release(one)
        assert (hand.messages, hand.size, hand.waiting) == (0, 0, [])


def test_a_lease_ends_by_the_clock_that_goes_further() -> None:
    """One of them stands still while a machine sleeps."""
    clock = VirtualClock()
    one = receive("a0")
    clock.elapsed = 100
    assert one.left(clock) == 50
    one.since = Moment(50.0, 1_700_000_000.0)
    assert one.left(clock) == 50
    one.since = Moment(0.0, 1_700_000_050.0)
    assert one.left(clock) == 50
