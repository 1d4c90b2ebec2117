"""Whatever SQS does with each entry, a group's messages are stored as a prefix, in order."""

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from durable_ingest.answers import SendFailure
from durable_ingest.batching import MAX_ENTRIES, next_batch
from durable_ingest.deadline import Deadline
from durable_ingest.outgoing import MAX_MESSAGE, Outgoing
from durable_ingest.receipt import Receipt
from durable_ingest.sending import Sending
from tests.model_queue import Answer, ModelQueue
from tests.records import entry
from tests.virtual_clock import VirtualClock

_FREE = {"free", "loose"}
_shapes = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "free", "loose", "d", "e"]),
        st.sampled_from([2, 2, 2, 400_000, MAX_MESSAGE]),
    ),
    max_size=25,
)


def messages(shapes: list[tuple[str, int]]) -> list[Outgoing]:
    """Make messages of groups and sizes."""
    return [
        entry(group, str(n), body=_BODIES[size], order_free=group in _FREE)
        for n, (group, size) in enumerate(shapes)
    ]


_BODIES = {size: "x" * size for size in (2, 400_000, MAX_MESSAGE)}


def check_batch(batch: list[Outgoing]) -> None:
    """SQS takes it, and no failure of an entry can reorder a group."""
    assert 1 <= len(batch) <= MAX_ENTRIES
    assert sum(e.size for e in batch) <= MAX_MESSAGE
    ordered = Counter(e.group_id for e in batch if not e.order_free)
    assert set(ordered.values()) <= {1}


@given(_shapes)
def test_batches_take_every_message_once_and_each_group_in_order(
    shapes: list[tuple[str, int]],
) -> None:
    """Down to the last one; the first that waits is always in the next batch."""
    pending = list(enumerate(messages(shapes)))
    taken: dict[str, list[int]] = defaultdict(list)
    while pending:
        batch = next_batch(pending)
        check_batch([e for n, e in pending if n in batch])
        assert batch[0] == pending[0][0]
        for n, waiting in pending:
            if n in batch:
                taken[waiting.group_id].append(n)
        pending = [(n, e) for n, e in pending if n not in batch]
    assert all(places == sorted(places) for places in taken.values())
    assert sum(map(len, taken.values())) == len(shapes)


@given(
    _shapes,
    st.lists(st.lists(st.sampled_from(Answer), max_size=4), min_size=25, max_size=25),
    st.lists(st.floats(0, 1), max_size=20),
    st.floats(0.1, 6),
)
def test_groups_are_stored_as_prefixes_in_order(
    shapes: list[tuple[str, int]],
    answers: list[list[Answer]],
    takes: list[float],
    seconds: float,
) -> None:
    """And every result says what is true of its message."""
    script = [list(given) for given in answers]

    def answer(sent: Outgoing) -> Answer:
        mine = script[int(sent.dedup_id)]
        return mine.pop(0) if mine else Answer.STORED

    clock = VirtualClock()
    queue = ModelQueue(clock, answer, takes)
    entries = messages(shapes)
    results = Sending(queue, entries, clock, Deadline.after(clock, seconds)).run()

    for batch in queue.batches:
        check_batch(batch)
    stored = {e.dedup_id for e in queue.stored}
    sent = {e.dedup_id for batch in queue.batches for e in batch}
    for group in {e.group_id for e in entries} - _FREE:
        given_order = [e.dedup_id for e in entries if e.group_id == group]
        stored_order = [e.dedup_id for e in queue.stored if e.group_id == group]
        assert stored_order == given_order[: len(stored_order)]
    for message, result in zip(entries, results, strict=True):
        if isinstance(result, Receipt):
            assert result.dedup_id == message.dedup_id
            assert message.dedup_id in stored
        else:
            assert isinstance(result, SendFailure)
            assert result.attempted == (message.dedup_id in sent)
            assert result.in_doubt or message.dedup_id not in stored
