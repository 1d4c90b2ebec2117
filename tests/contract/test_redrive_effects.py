"""What a redrive that is killed and run again does to a real database: every effect once."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from durable_ingest import Command, Drainer, Inbox, MySQL
from durable_ingest.testing import EventSource
from tests.contract import store_kit
from tests.contract.store_kit import Bench
from tests.letters_kit import PLAIN, SEQUENCE, VERSION, DyingClient, Item, Killed, Post

pytestmark = pytest.mark.database
bench = store_kit.bench

Drain = Callable[..., None]
INBOX = Inbox()
CALLS = 16
"""More calls than an undisturbed run makes."""
TABLES = (PLAIN, SEQUENCE, VERSION)


def count(cursor: Any, record: Item) -> None:  # noqa: ANN401 - PyMySQL's cursor
    """Count how often an item's command was applied, and which was the last."""
    cursor.execute(
        "INSERT INTO counted VALUES (%s, 1, %s)"
        " ON DUPLICATE KEY UPDATE times = times + 1, revision = %s",
        (record.item_id, record.revision, record.revision),
    )


COUNT = Command("count", Item, group="item_id", apply=count)


@pytest.fixture
def drain(bench: Bench) -> Iterator[Drain]:
    """Give what drains a queue into the database, as an event source mapping does."""
    for table in TABLES:
        bench.sql(
            f"CREATE TABLE {table.name} (item_id BIGINT PRIMARY KEY, note TEXT NOT NULL,"
            " revision BIGINT NOT NULL, ingest_sequence DECIMAL(39,0) NULL)"
        )
    bench.sql("CREATE TABLE counted (item_id BIGINT PRIMARY KEY, times INT, revision BIGINT)")
    mysql = MySQL(bench.url, ssl_mode="DISABLED")
    INBOX.create(mysql)
    guarded, remembering = Drainer(mysql, *TABLES), Drainer(mysql, *TABLES, COUNT, inbox=INBOX)

    def drained(post: Post, *, inbox: bool = False) -> None:
        drainer = remembering if inbox else guarded
        source = EventSource(post.client, post.pair.url, lambda: drainer.handle)
        while (invocation := source.step()) is not None:
            assert invocation.error is None
        assert post.queued() == []

    with closing(guarded._store), closing(remembering._store):
        yield drained


def letters(post: Post, contract: str, drain: Drain, *, inbox: bool = False) -> None:
    """Reject an item's first write and store its second; reject another item's two."""
    post.reject(contract, 1, group="a", revision=1)
    post.send({"item_id": 1, "revision": 2}, "a", ingest_name=contract)
    drain(post, inbox=inbox)
    post.reject(contract, 2, group="b", revision=1)
    post.reject(contract, 2, group="b", revision=2)


def disturbed(
    post: Post,
    at: int,
    how: str,
    between: Callable[[], object],
    *,
    unordered: bool = False,
) -> None:
    """Redrive; end at one call; wait eleven minutes; redrive until nothing is left."""
    client = DyingClient(post.client, at, how)
    settings: Any = {"contracts": (*TABLES, COUNT), "unordered": unordered}
    try:
        post.redrive(client, **settings)
    except Killed:
        post.clock.elapsed += 660
        between()
    assert at < CALLS - 1 or len(client.calls) <= at
    while post.dead():
        post.redrive(**settings)
        post.clock.elapsed += 130


@pytest.mark.parametrize("contract", ["version", "sequence"])
@pytest.mark.parametrize("how", ["before", "after", "lost"])
def test_a_guard_lets_the_newer_row_stay(
    bench: Bench, drain: Drain, contract: str, how: str
) -> None:
    """Killed anywhere and run again after eleven minutes."""
    for at in range(CALLS):
        bench.sql(f"DELETE FROM {contract}")  # noqa: S608 - ours
        post = Post()
        letters(post, contract, drain)
        disturbed(post, at, how, lambda: None)
        drain(post)
        rows = bench.sql(f"SELECT item_id, revision FROM {contract} ORDER BY item_id")  # noqa: S608
        assert rows == [(1, 2), (2, 2)], at


@pytest.mark.parametrize("how", ["before", "after", "lost"])
@pytest.mark.parametrize("drained", [False, True])
def test_an_inbox_lets_each_command_happen_once(
    bench: Bench,
    drain: Drain,
    how: str,
    drained: bool,  # noqa: FBT001 - parametrized
) -> None:
    """Whether or not the first copy was drained before the second came."""
    for at in range(CALLS):
        bench.sql("DELETE FROM counted")
        bench.sql("DELETE FROM durable_ingest_inbox")  # the strict queue counts its ids
        post = Post()
        letters(post, "count", drain, inbox=True)
        disturbed(post, at, how, partial(drain, post, inbox=True) if drained else lambda: None)
        drain(post, inbox=True)
        rows = bench.sql("SELECT item_id, times, revision FROM counted ORDER BY item_id")
        assert rows == [(1, 2, 1), (2, 2, 2)], at


def test_a_command_without_an_id_that_was_done_and_moved(bench: Bench, drain: Drain) -> None:
    """It was committed and never deleted, so SQS moved it: sent back, it is known all the same."""
    post = Post(max_receive_count=2)
    post.send({"item_id": 1, "revision": 1}, "a", ingest_name="count")
    fault = post.service.faults.fail_calls(
        lambda _: RuntimeError(), lambda operation, _: operation == "DeleteMessageBatch"
    )
    answers = []
    mysql = MySQL(bench.url, ssl_mode="DISABLED")
    drainer = Drainer(mysql, COUNT, inbox=INBOX)
    with closing(drainer._store):
        source = EventSource(
            post.client, post.pair.url, lambda: drainer.handle, report_batch_item_failures=True
        )
        for _ in range(3):
            answers.append(source.step())
            post.clock.elapsed += 31
    fault.end()
    assert answers[0] is not None
    [letter] = post.dead()
    assert letter.attributes.keys() == {"ingest.name"}
    assert post.redrive(contracts=[COUNT]).is_complete
    drain(post, inbox=True)
    assert bench.sql("SELECT times FROM counted") == [(1,)]


def test_a_plain_table_may_be_written_again(bench: Bench, drain: Drain) -> None:
    """As the documentation says of --unordered: the inbox does it once, and late."""
    post = Post()
    letters(post, "plain", drain, inbox=True)
    assert post.redrive().left
    assert bench.sql("SELECT revision FROM plain WHERE item_id = 1") == [(2,)]
    disturbed(post, 5, "after", partial(drain, post, inbox=True), unordered=True)
    drain(post, inbox=True)
    assert bench.sql("SELECT item_id, revision FROM plain ORDER BY 1") == [(1, 1), (2, 2)]
