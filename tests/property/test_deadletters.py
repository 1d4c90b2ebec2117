"""Every dead letter is one that SQS takes."""

import json

from hypothesis import given
from hypothesis import strategies as st

from durable_ingest.deadletters import dead_letter
from durable_ingest.message import Message
from durable_ingest.outgoing import MAX_MESSAGE, size_of
from durable_ingest.rows import Fault, Refusal

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_refusals = st.builds(
    Refusal,
    fault=st.sampled_from(Fault),
    reason=st.builds(lambda text, times: text * times, _texts, st.integers(1, 200)),
    code=st.none() | st.integers(0, 9999),
    sqlstate=st.none() | st.just("HY000"),
    table=st.none() | st.text(st.characters(max_codepoint=0xD7FF), max_size=129),
)
_names = st.text("abcdefghij.", min_size=1, max_size=20) | st.sampled_from(
    ["ingest.name", "ingest.dedup", "ingest.dead", "ingest.sequence", "ingest.bytes"]
)


@given(
    _refusals,
    st.dictionaries(_names, st.text("x\u00e9", min_size=1, max_size=40), max_size=10),
    st.integers(0, 12_000),
    st.none() | st.integers(0, 2**128 - 1),
)
def test_a_dead_letter_fits(
    refusal: Refusal, attributes: dict[str, str], less: int, sequence: int | None
) -> None:
    """At most 2 KiB of explanation, ten attributes, and 1 MiB; the body is never touched."""
    room = MAX_MESSAGE - size_of("", attributes)
    given_message = Message(
        id="4e5c1f8e-6a0e-4f0e-9b7e-0c6f4d1f2a3b",
        receipt_handle="h",
        body="x" * (room - less),
        group_id="g",
        sequence=sequence,
        sent=1_700_000_000.123456,
        first_received=1_700_000_000.0,
        receive_count=1,
        attributes=attributes,
    )
    letter = dead_letter(given_message, refusal)
    assert letter.body == given_message.body
    assert letter.size <= MAX_MESSAGE
    assert len(letter.attributes) <= 10
    explained = letter.attributes.get("ingest.dead")
    if explained is not None:
        assert len(explained.encode()) <= 2048
        assert json.loads(explained)["fault"] == refusal.fault
    assert less < 10_000 or explained
