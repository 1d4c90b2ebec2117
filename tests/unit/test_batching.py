"""The next batch: at most 10 entries and 1 MiB, and one of each group."""

from durable_ingest.batching import next_batch
from durable_ingest.outgoing import MAX_MESSAGE
from tests.records import entry


def test_a_group_has_its_first_alone_in_a_batch() -> None:
    """Interleaved groups go on."""
    groups = ["a", "a", "b", "a", "b", "c"]
    assert next_batch(enumerate(map(entry, groups))) == [0, 2, 5]


def test_order_free_groups_go_together() -> None:
    """A version tells the older write, whatever the order."""
    assert next_batch((n, entry("a", order_free=True)) for n in range(3)) == [0, 1, 2]


def test_a_message_that_needs_order_closes_a_group_of_others() -> None:
    """Nor does one that needs none pass one that does."""
    mixed = [entry("a", order_free=True), entry("a"), entry("a", order_free=True)]
    assert next_batch(enumerate(mixed)) == [0]
    assert next_batch(enumerate(mixed[1:])) == [0]


def test_ten_entries_fill_a_batch() -> None:
    """As SQS allows."""
    assert next_batch((n, entry(str(n))) for n in range(11)) == list(range(10))


def test_a_mebibyte_fills_a_batch() -> None:
    """Counted in bytes; a smaller message of another group may still join."""
    half = "\u00e9" * (MAX_MESSAGE // 4)
    sizes = [entry("a", body=half), entry("b", body=half + "x"), entry("c", body=half)]
    assert next_batch(enumerate(sizes)) == [0, 2]


def test_nothing_of_a_group_passes_one_that_had_no_room() -> None:
    """Order-free ones neither: a batch is cut by their order."""
    big = "x" * (MAX_MESSAGE - 1)
    free = [entry("a", order_free=True), entry("a", body=big + "y", order_free=True)]
    assert next_batch(enumerate([entry("b", body="x"), *free, entry("a", order_free=True)])) == [
        0,
        1,
    ]


def test_no_messages_make_no_batch() -> None:
    """The sender stops there."""
    assert next_batch([]) == []
