"""What `docs/refused-rows.md` says of sending a dead letter again."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from durable_ingest import Drainer, Enqueuer, Inbox, MySQL, Retry, Table
from durable_ingest.reading import Reading, dead_letters_of
from durable_ingest.redrive import Redrive
from durable_ingest.sqs_letters import SqsLetterQueue
from durable_ingest.testing import IngestDatabase, IngestQueue

pytestmark = [pytest.mark.database, pytest.mark.queue]

REFUSED, NEWER = "too long for it", "newer"


class Customer(BaseModel):
    """A row whose owner counts its changes."""

    customer_id: str
    email: str
    revision: int


OLD = Customer(customer_id="c1", email=REFUSED, revision=1)
NEW = Customer(customer_id="c1", email=NEWER, revision=2)


def by_command(queue: IngestQueue, table: Table) -> None:
    """Send every dead letter again as `durable-ingest dead-letters redrive --unordered` does."""
    dead = SqsLetterQueue(queue.client, queue.dead_letter_url, 3.0)
    back = SqsLetterQueue(queue.client, queue.url, 3.0)
    with Reading(dead, dead_letters_of(dead, back, None), [table]) as reading:
        Redrive(reading, back, unordered=True).run()
    assert reading.outcome.is_complete


def by_sqs(queue: IngestQueue, _table: Table) -> None:
    """Let SQS move them."""
    source = queue.client.get_queue_attributes(
        QueueUrl=queue.dead_letter_url, AttributeNames=["QueueArn"]
    )
    queue.client.start_message_move_task(
        SourceArn=source["Attributes"]["QueueArn"], DestinationArn=queue.arn
    )


def move_what_was_received_once(queue: IngestQueue) -> None:
    """Change the queue's redrive policy."""
    url = queue.url
    given = queue.client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    policy = json.loads(given["Attributes"]["RedrivePolicy"]) | {"maxReceiveCount": 1}
    queue.client.set_queue_attributes(
        QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)}
    )


class Shop:
    """A table of one kind, its queue and its drainer."""

    def __init__(self, database: IngestDatabase, queue: IngestQueue, **kind: Any) -> None:  # noqa: ANN401 - a Table's
        """Make the table; nothing is in it."""
        self._database = database
        self._queue = queue
        inbox = kind.pop("inbox", None)
        database.execute(
            "CREATE TABLE customers (customer_id VARCHAR(9) PRIMARY KEY, email VARCHAR(9),"
            " revision INT, ingest_sequence DECIMAL(39,0))"
        )
        if inbox is not None:
            inbox.create(MySQL(database.url))
        self.table = Table("customers", Customer, key="customer_id", **kind)
        self.enqueue = Enqueuer(queue.url, self.table, client=queue.client).enqueue
        self._handle = Drainer(
            MySQL(database.url),
            self.table,
            dead_letter_queue_url=queue.dead_letter_url,
            inbox=inbox,
            retry=Retry(patience=0.0),
            client=queue.client,
        ).handle

    def drain(self) -> None:
        """Drain the queue to its end."""
        self._queue.deliver(self._handle)
        assert self._queue.messages() == []

    def mend(self) -> None:
        """Make room for what was refused."""
        self._database.execute("ALTER TABLE customers MODIFY email VARCHAR(99)")

    def email(self) -> str:
        """Read the row."""
        [row] = self._database.rows("customers")
        return str(row["email"])


@pytest.mark.parametrize("way", [by_command, by_sqs])
@pytest.mark.parametrize(
    ("kind", "stays"),
    [
        ({}, REFUSED),
        ({"sequence": "ingest_sequence"}, NEWER),
        ({"version": "revision"}, NEWER),
        ({"inbox": Inbox()}, REFUSED),
    ],
    ids=["plain", "sequence", "version", "inbox"],
)
def test_what_a_copy_that_is_sent_again_does_to_a_newer_row(
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    kind: dict[str, Any],
    stays: str,
    way: Callable[[IngestQueue, Table], None],
) -> None:
    """The page's table: a guard keeps the newer row, nothing else does."""
    shop = Shop(ingest_mysql, ingest_queue, **kind)
    shop.enqueue(OLD)
    shop.enqueue(NEW)
    shop.drain()
    assert [letter.body["email"] for letter in ingest_queue.dead_letters()] == [REFUSED]
    assert shop.email() == NEWER
    shop.mend()
    way(ingest_queue, shop.table)
    shop.drain()
    assert ingest_queue.dead_letters() == []
    assert shop.email() == stays


def test_a_message_that_sqs_moved_looks_new_to_a_sequence(
    ingest_mysql: IngestDatabase, ingest_queue: IngestQueue
) -> None:
    """It has no `ingest.sequence`: the page says to treat it as one of a plain table."""
    shop = Shop(ingest_mysql, ingest_queue, sequence="ingest_sequence")
    shop.mend()
    shop.enqueue(OLD)
    move_what_was_received_once(ingest_queue)
    for _ in range(2):
        ingest_queue.client.receive_message(QueueUrl=ingest_queue.url)
        ingest_queue.advance(60.0)
    shop.enqueue(NEW)
    shop.drain()
    assert [letter.body["email"] for letter in ingest_queue.dead_letters()] == [REFUSED]
    assert shop.email() == NEWER
    by_sqs(ingest_queue, shop.table)
    shop.drain()
    assert shop.email() == REFUSED
