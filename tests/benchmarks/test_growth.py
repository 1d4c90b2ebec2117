"""What growth is measured with: new customers, an endless queue, a full inbox."""

import pytest

from benchmarks import buffer_pool, inbox_plans, memory
from benchmarks.endless_queue import EndlessQueue
from benchmarks.growing import sizes
from benchmarks.remembered import AT_ONCE, DAYS, fill
from benchmarks.writes import create_table, newcomers
from durable_ingest import Inbox, MySQL
from durable_ingest.testing.connection import run


def test_sizes_are_powers_of_ten() -> None:
    """From a thousand."""
    assert sizes(100_000) == [1_000, 10_000, 100_000]


def test_newcomers_never_come_twice() -> None:
    """And are the same in every run; their keys are in no order."""
    keys = [customer.customer_id for start in (0, 50) for customer in newcomers(start, 50)]
    assert len(set(keys)) == 100
    assert keys != sorted(keys)
    assert keys[50:] == [customer.customer_id for customer in newcomers(50, 50)]


def test_an_endless_queue_gives_each_message_once() -> None:
    """Each in a group of its own, in rising order."""
    queue = EndlessQueue()
    messages = [message for _ in range(3) for message in queue.receive_message()["Messages"]]
    assert len({message["Attributes"]["MessageGroupId"] for message in messages}) == 30
    sequences = [message["Attributes"]["SequenceNumber"] for message in messages]
    assert sequences == sorted(set(sequences))
    entries = [{"Id": "0", "ReceiptHandle": "handle-0"}, {"Id": "1", "ReceiptHandle": "handle-1"}]
    assert queue.delete_message_batch(QueueUrl="x", Entries=entries) == {
        "Successful": [{"Id": "0"}, {"Id": "1"}]
    }


@pytest.mark.database
def test_a_poll_is_watched_to_its_end(database_url: str) -> None:
    """All messages are written; memory is noted on the way, some twenty times."""
    create_table(database_url)
    found = memory.polled(database_url, 1_000)
    counts = [count for count, _ in found["samples"]]
    assert counts == sorted(counts)
    assert counts[-1] >= 1_000
    assert all(size > memory.MEBI for _, size in found["samples"])
    assert run(database_url, "SELECT COUNT(*) FROM customers")[0][0] >= 1_000


@pytest.mark.database
def test_an_inbox_is_filled_with_hashes_of_the_last_weeks(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By several statements; none is old enough to be pruned."""
    monkeypatch.setattr("benchmarks.remembered.AT_ONCE", 400)
    inbox = Inbox()
    inbox.create(MySQL(database_url))
    fill(database_url, inbox.table, 1_000)
    [(count, first, span)] = run(
        database_url,
        "SELECT COUNT(*), SUM(dedup_id = UNHEX(SHA2(999, 256))),"
        " TIMESTAMPDIFF(DAY, MIN(stored_at), UTC_TIMESTAMP(6)) FROM durable_ingest_inbox",
    )
    assert (count, first, span) == (1_000, 1, DAYS)
    assert inbox.prune(MySQL(database_url)) == 0
    assert AT_ONCE > 400


@pytest.mark.database
def test_both_statements_find_their_rows_by_an_index(database_url: str) -> None:
    """Explained as they were sent."""
    create_table(database_url)
    inbox = Inbox()
    inbox.create(MySQL(database_url))
    fill(database_url, inbox.table, 20_000)
    run(database_url, f"ANALYZE TABLE {inbox.table}")
    found = inbox_plans.explained(database_url, inbox)
    plans = {what: (plan["type"], plan["key"]) for what, plan in found.items()}
    assert plans == {
        "which of ten are done": ("range", "PRIMARY"),
        "prune": ("range", "stored_at"),
    }
    section = inbox_plans.plans(found)
    assert section.rows[0][:3] == ["which of ten are done", "range", "PRIMARY"]
    assert section.data["prune"]["key"] == "stored_at"
    assert buffer_pool.table_size(database_url, inbox.table) > 20_000 * 40
