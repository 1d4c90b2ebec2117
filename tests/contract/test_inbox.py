"""Exactly once: the inbox beside the rows, on a real database."""

from datetime import timedelta
from typing import Any

import pytest

from durable_ingest import Inbox, MySQL
from durable_ingest.errors import ContractError, DatabaseUnavailableError, MisconfiguredError
from durable_ingest.mysql.inbox import BATCH
from durable_ingest.testing import Action, TcpProxy
from tests.contract import store_kit
from tests.contract.store_kit import (
    ITEMS,
    ITEMS_TABLE,
    SEQUENCED,
    SEQUENCED_TABLE,
    VERSIONED,
    VERSIONED_TABLE,
    Bench,
    sent,
)

pytestmark = pytest.mark.database
bench = store_kit.bench
proxy = store_kit.proxy

INBOX = Inbox()


@pytest.fixture(autouse=True)
def tables(bench: Bench) -> None:
    """Make the tables and the inbox."""
    for table in (ITEMS_TABLE, VERSIONED_TABLE, SEQUENCED_TABLE):
        bench.sql(table)
    INBOX.create(MySQL(bench.url))


def remembered(bench: Bench) -> int:
    """Count the inbox."""
    return int(bench.sql("SELECT COUNT(*) FROM durable_ingest_inbox")[0][0])


def test_a_message_delivered_again_alone_changes_nothing(bench: Bench) -> None:
    """Also after a newer one, which a plain table alone would lose."""
    drain = bench.drain(ITEMS, inbox=INBOX)
    older = sent(ITEMS, {"id": 1, "name": "older"})
    drain(older)
    drain(sent(ITEMS, {"id": 1, "name": "newer"}))
    assert drain(older).stored == [0]
    assert bench.sql("SELECT name FROM items") == [("newer",)]
    assert remembered(bench) == 2


def test_a_batch_in_which_some_are_done(bench: Bench) -> None:
    """The others are written, in one more transaction."""
    drain = bench.drain(ITEMS, VERSIONED, SEQUENCED, inbox=INBOX)
    batch = [
        sent(ITEMS, {"id": 1, "name": "a"}),
        sent(VERSIONED, {"id": 1, "name": "a", "v": 1}),
        sent(SEQUENCED, {"id": 1, "name": "a"}),
        sent(ITEMS, {"id": 2, "name": "b"}),
    ]
    drain(batch[1], batch[3])
    assert drain(*batch).stored == [0, 1, 2, 3]
    assert bench.sql("SELECT id, name FROM items ORDER BY id") == [(1, "a"), (2, "b")]
    assert remembered(bench) == 4


def test_what_is_done_stays_done_beside_what_is_new(bench: Bench) -> None:
    """An old message in a batch with a new one has no second effect."""
    drain = bench.drain(ITEMS, inbox=INBOX)
    older = sent(ITEMS, {"id": 1, "name": "older"})
    drain(older)
    drain(sent(ITEMS, {"id": 1, "name": "newer"}))
    assert drain(older, sent(ITEMS, {"id": 2, "name": "b"})).stored == [0, 1]
    assert bench.sql("SELECT name FROM items ORDER BY id") == [("newer",), ("b",)]


def test_a_rejected_row_leaves_no_trace(bench: Bench) -> None:
    """So that its dead letter, once mended and redriven, has its effect."""
    drain = bench.drain(ITEMS, inbox=INBOX)
    guilty = sent(ITEMS, {"id": 2, "name": "x" * 21})
    outcome = drain(
        sent(ITEMS, {"id": 1, "name": "a"}), guilty, sent(ITEMS, {"id": 3, "name": "c"})
    )
    assert outcome.stored == [0, 2]
    assert list(outcome.dead) == [1]
    assert remembered(bench) == 2
    bench.sql("ALTER TABLE items MODIFY name VARCHAR(40) NOT NULL")
    assert bench.drain(ITEMS, inbox=INBOX)(guilty).stored == [0]
    assert bench.sql("SELECT id FROM items ORDER BY id") == [(1,), (2,), (3,)]


def test_a_lost_answer_to_commit(bench: Bench, proxy: TcpProxy) -> None:
    """The second transaction finds the first one's trace and writes nothing."""
    cuts = iter([Action.CUT_ANSWER])

    def hook(request: bytes) -> Action:
        return next(cuts, Action.PASS) if request == b"\x03COMMIT" else Action.PASS

    drain = bench.drain(ITEMS, inbox=INBOX, url=proxy.url(bench.url))
    drain(sent(ITEMS, {"id": 9, "name": "warm"}))
    proxy.on_request = hook
    assert drain(sent(ITEMS, {"id": 1, "name": "a"})).stored == [0]
    assert next(cuts, None) is None
    assert remembered(bench) == 2


def test_ten_new_messages_are_three_requests(bench: Bench, proxy: TcpProxy) -> None:
    """Remember, write, COMMIT."""
    drain = bench.drain(ITEMS, inbox=INBOX, url=proxy.url(bench.url))
    drain(sent(ITEMS, {"id": 99, "name": "warm"}))
    proxy.requests.clear()
    drain(*(sent(ITEMS, {"id": n, "name": "a"}) for n in range(10)))
    assert [request[1:7] for request in proxy.requests] == [b"INSERT", b"INSERT", b"COMMIT"]


def test_an_uncommitted_twin_is_waited_for(bench: Bench) -> None:
    """Another drainer has the same message and has not committed: it is held, not written."""
    message = sent(ITEMS, {"id": 1, "name": "a"}, attributes={"ingest.dedup": "ab" * 32})
    other = bench.connect()
    store_kit.run(other, "BEGIN")
    store_kit.run(other, "INSERT INTO durable_ingest_inbox (dedup_id) VALUES (%s)", b"\xab" * 32)
    outcome = bench.drain(ITEMS, inbox=INBOX)(message, sent(ITEMS, {"id": 2, "name": "b"}))
    assert list(outcome.held) == [0]
    assert outcome.faults[0].startswith("contended")
    store_kit.run(other, "COMMIT")
    assert bench.drain(ITEMS, inbox=INBOX)(message).stored == [0]
    assert bench.sql("SELECT id FROM items") == [(2,)]


def test_one_message_twice_in_a_batch(bench: Bench) -> None:
    """A client sent it again after SQS' five minutes: the first one has the effect."""
    twice = {"attributes": {"ingest.dedup": "cd" * 32}}
    first = sent(ITEMS, {"id": 1, "name": "a"}, **twice)
    between = sent(ITEMS, {"id": 1, "name": "b"})
    again = sent(ITEMS, {"id": 1, "name": "a"}, attributes={"ingest.dedup": "cd" * 32})
    assert bench.drain(ITEMS, inbox=INBOX)(first, between, again).stored == [0, 1, 2]
    assert bench.sql("SELECT name FROM items") == [("b",)]


def test_without_the_table_everything_is_held(bench: Bench) -> None:
    """And the remedy is named."""
    drain = bench.drain(ITEMS, inbox=Inbox("elsewhere"))
    outcome = drain(*(sent(ITEMS, {"id": n, "name": "a"}) for n in range(3)))
    assert list(outcome.held) == [0, 1, 2]
    assert "inbox create" in outcome.held[0]
    assert drain(sent(ITEMS, {"id": 1, "name": "a"})).faults == {0: "misconfigured"}


@pytest.mark.parametrize(
    "breakage",
    [
        "DROP TABLE durable_ingest_inbox",
        "ALTER TABLE durable_ingest_inbox MODIFY dedup_id BINARY(16) NOT NULL",
        "ALTER TABLE durable_ingest_inbox ADD more INT NOT NULL",
        (
            "CREATE TRIGGER refuses BEFORE INSERT ON durable_ingest_inbox FOR EACH ROW SIGNAL"
            " SQLSTATE '22001'"
        ),
    ],
)
def test_what_is_wrong_with_the_inbox_is_no_rows_fault(bench: Bench, breakage: str) -> None:
    """Everything is held, nothing dead-lettered."""
    drain = bench.drain(ITEMS, inbox=INBOX)
    drain(sent(ITEMS, {"id": 9, "name": "warm"}))
    bench.sql("DELETE FROM durable_ingest_inbox")
    bench.sql(breakage)
    outcome = drain(*(sent(ITEMS, {"id": n, "name": "a"}) for n in range(3)))
    assert list(outcome.held) == [0, 1, 2]
    assert {fault.split()[0] for fault in outcome.faults.values()} == {"misconfigured"}
    assert bench.sql("SELECT id FROM items") == [(9,)]


def test_another_table_is_no_inbox(bench: Bench) -> None:
    """Its name was given by mistake."""
    outcome = bench.drain(ITEMS, inbox=Inbox("items"))(sent(ITEMS, {"id": 1, "name": "a"}))
    assert "no inbox" in outcome.held[0]
    with pytest.raises(MisconfiguredError, match="no inbox"):
        Inbox("items").create(MySQL(bench.url))


def fill(bench: Bench, rows: int) -> None:
    """Remember messages of 46 days ago."""
    values = ", ".join(
        f"(UNHEX(SHA2('{n}', 256)), UTC_TIMESTAMP(6) - INTERVAL 46 DAY)" for n in range(rows)
    )
    bench.sql(f"INSERT INTO durable_ingest_inbox (dedup_id, stored_at) VALUES {values}")  # noqa: S608 - numbers


def test_pruning_takes_the_old_ones_in_batches(bench: Bench) -> None:
    """Those younger than `keep` stay."""
    fill(bench, 2 * BATCH + 5)
    bench.drain(ITEMS, inbox=INBOX)(sent(ITEMS, {"id": 1, "name": "a"}))
    assert INBOX.prune(MySQL(bench.url)) == 2 * BATCH + 5
    assert remembered(bench) == 1
    assert Inbox(keep=timedelta(days=1)).prune(MySQL(bench.url)) == 0


def test_pruning_stops_in_time(bench: Bench) -> None:
    """No batch is begun after it."""
    fill(bench, 2 * BATCH)
    assert INBOX.prune(MySQL(bench.url), within=0.001) == BATCH
    assert remembered(bench) == BATCH


@pytest.mark.parametrize("keep", [45, timedelta(0), None])
def test_what_is_no_time_to_keep(keep: Any) -> None:  # noqa: ANN401 - wrong ones
    """The argument is named."""
    with pytest.raises(ContractError, match=r"^keep: "):
        Inbox(keep=keep)


def test_a_server_that_is_not_there() -> None:
    """Creating and pruning say so."""
    nowhere = MySQL("mysql://u:p@127.0.0.1:1/d")
    with pytest.raises(DatabaseUnavailableError):
        INBOX.prune(nowhere)
    with pytest.raises(DatabaseUnavailableError):
        INBOX.create(nowhere)
