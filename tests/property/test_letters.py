"""Whatever lies in a dead-letter queue, and wherever a redrive of it ends."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from durable_ingest.deadletters import dead_letter
from durable_ingest.letter import Resend, read_letter
from durable_ingest.message import Message
from durable_ingest.outgoing import MAX_MESSAGE, Outgoing, size_of
from durable_ingest.rows import Fault, Refusal
from tests.letters_kit import DyingClient, Killed, Post

_names = st.sampled_from(
    ["ingest.name", "ingest.dedup", "ingest.dead", "ingest.sequence", "ingest.bytes"]
) | st.text("abcdefghij.", min_size=1, max_size=20)
_values = st.sampled_from(["7", "ab" * 32, "own", "{}"]) | st.text("x\u00e9", min_size=1)


def received(letter: Outgoing | Resend, **more: str) -> dict[str, Any]:
    """Write a letter, or what is sent back, as ReceiveMessage gives it."""
    attributes = {
        name: value if isinstance(value, dict) else {"DataType": "String", "StringValue": value}
        for name, value in letter.attributes.items()
    }
    return {
        "MessageId": "letter",
        "ReceiptHandle": "handle",
        "Body": letter.body,
        "MessageAttributes": attributes,
        "Attributes": {
            "MessageGroupId": letter.group_id,
            "MessageDeduplicationId": letter.dedup_id,
            "SentTimestamp": "1700000000000",
            **more,
        },
    }


@given(
    st.dictionaries(_names, _values, max_size=10),
    st.integers(0, 12_000),
    st.none() | st.integers(0, 2**128 - 1),
    st.booleans(),
    st.booleans(),
)
def test_what_goes_back_is_the_message_that_died(
    attributes: dict[str, str],
    less: int,
    sequence: int | None,
    grouped: bool,  # noqa: FBT001 - drawn
    moved: bool,  # noqa: FBT001 - drawn
) -> None:
    """Body, group, identity and sequence number are the first ones; it fits, or does not go."""
    first = Message(
        id="4e5c1f8e-6a0e-4f0e-9b7e-0c6f4d1f2a3b",
        receipt_handle="h",
        body="x" * (MAX_MESSAGE - size_of("", attributes) - less),
        group_id="g" if grouped or moved else None,
        sequence=sequence,
        sent=1_700_000_000.5,
        first_received=1_700_000_000.5,
        receive_count=1,
        attributes=attributes,
    )
    copy = dead_letter(first, Refusal(Fault.REJECTED, "no"))
    if moved:  # by SQS, as it is
        copy = copy._replace(attributes=attributes)
    more = {"DeadLetterQueueSourceArn": "arn"} if moved else {}
    letter = read_letter(received(copy, **more))
    assert letter.message.identity == first.identity
    assert letter.message.group_id == first.group_id
    resend = letter.resend()
    if resend is None:
        assert len(attributes) + 1 > 10 or less < 200
        return
    assert resend.size <= MAX_MESSAGE
    assert len(resend.attributes) <= 10
    assert (resend.body, resend.group_id) == (first.body, first.group_id or first.id)
    again = read_letter(received(resend))
    assert again.message.identity == first.identity
    assert "ingest.dead" not in resend.attributes
    if not moved and "ingest.sequence" in copy.attributes and sequence is not None:
        assert again.sequence == sequence


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["version", "sequence", "command", "plain", "unknown"]),
            st.integers(0, 3),
        ),
        min_size=1,
        max_size=30,
    ),
    st.lists(
        st.tuples(
            st.integers(0, 60),
            st.sampled_from(["before", "after", "lost"]),
            st.sampled_from([0, 20, 130, 660]),
        ),
        max_size=4,
    ),
)
def test_nothing_is_lost_or_passes_another(
    sent: list[tuple[str, int]], ends: list[tuple[int, str, int]]
) -> None:
    """However often it is killed; what may not go stays, and what is behind it."""
    post = Post()
    for place, (contract, group) in enumerate(sent):
        post.reject(contract, place, group=f"g{group}")
    for at, how, wait in ends:
        try:
            post.redrive(DyingClient(post.client, at, how))
        except Killed:
            assert how != "lost"
        post.clock.elapsed += wait
    post.clock.elapsed += 130
    post.redrive()
    stopped: set[int] = set()
    expected: dict[int, list[int]] = {}
    for place, (contract, group) in enumerate(sent):
        if contract in ("plain", "unknown"):
            stopped.add(group)
        if group not in stopped:
            expected.setdefault(group, []).append(place)
    first: dict[int, list[int]] = {}
    for place in dict.fromkeys(post.items()):
        first.setdefault(sent[place][1], []).append(place)
    assert first == expected
    assert len(post.dead()) == len(sent) - sum(map(len, expected.values()))
    assert not any(one.in_flight for one in post.dead())
