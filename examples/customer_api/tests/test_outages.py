"""Writes that come while the database is away, or goes away."""

import json
from types import ModuleType

from durable_ingest.testing import IngestDatabase, IngestEnvironment, IngestQueue, LambdaContext

from .requests import ADA, put

Functions = tuple[ModuleType, ...]


def test_a_write_survives_the_upgrade(
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_env: IngestEnvironment,
    ingest_context: LambdaContext,
) -> None:
    """It is answered at once, held, and stored when the database is back."""
    ingest_mysql.apply("migrations")
    producer, drainer = ingest_env.load("producer", "drainer")
    with ingest_mysql.outage():
        assert producer.handler(put("c-1"), ingest_context)["statusCode"] == 202
        assert len(ingest_queue.deliver(drainer.handler).held) == 1
    assert len(ingest_queue.deliver(drainer.handler).stored) == 1
    assert ingest_mysql.rows("customers")[0]["email"] == "ada@example.com"


def test_many_writes_of_a_few_customers_are_caught_up_in_order(
    functions: Functions,
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_context: LambdaContext,
) -> None:
    """Each row ends as its last write says."""
    producer, drainer = functions
    with ingest_mysql.outage():
        for version in range(1, 11):
            for customer in ("c-1", "c-2", "c-3"):
                event = put(customer, version=version, name=f"{customer}, {version}")
                assert producer.handler(event, ingest_context)["statusCode"] == 202
        assert len(ingest_queue.deliver(drainer.handler).held) == 30
    assert len(ingest_queue.deliver(drainer.handler).stored) == 30
    names = [row["name"] for row in ingest_mysql.rows("customers")]
    assert names == ["c-1, 10", "c-2, 10", "c-3, 10"]


def test_a_failover_that_leaves_a_read_only_writer_is_waited_out(
    functions: Functions,
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_context: LambdaContext,
) -> None:
    """The kept connection is to the old writer, which answers and refuses every write."""
    producer, drainer = functions
    producer.handler(put("c-1"), ingest_context)
    assert len(ingest_queue.deliver(drainer.handler).stored) == 1
    producer.handler(put("c-2"), ingest_context)
    with ingest_mysql.read_only():
        [held] = ingest_queue.deliver(drainer.handler).held
        assert "read-only" in held.reason
    assert len(ingest_queue.deliver(drainer.handler).stored) == 1
    assert len(ingest_mysql.rows("customers")) == 2


def test_a_lost_answer_to_the_commit_stores_the_row_once(
    functions: Functions,
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_context: LambdaContext,
) -> None:
    """Nobody knows whether it was committed, so it is written again; it is the same row."""
    producer, drainer = functions
    producer.handler(put("c-1"), ingest_context)
    with ingest_mysql.lose_commit_answer() as answers:
        assert len(ingest_queue.deliver(drainer.handler).stored) == 1
    assert answers.lost == 1
    assert len(ingest_mysql.rows("customers")) == 1


def test_connections_that_died_meanwhile_are_replaced(
    functions: Functions,
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_context: LambdaContext,
) -> None:
    """As after an idle night; no batch is held for it."""
    producer, drainer = functions
    for customer in ("c-1", "c-2"):
        producer.handler(put(customer), ingest_context)
        delivery = ingest_queue.deliver(drainer.handler)
        assert (len(delivery.stored), len(delivery.invocations)) == (1, 1)
        ingest_mysql.kill_connections()


def test_a_mapping_without_its_response_type_loses_nothing(
    functions: Functions,
    ingest_queue: IngestQueue,
    ingest_context: LambdaContext,
) -> None:
    """Should somebody forget it in the template, Lambda deletes whatever is answered.

    A newer producer's field, which this drainer does not know, holds one message of the batch.
    """
    producer, drainer = functions
    producer.handler(put("c-1"), ingest_context)
    ingest_queue.client.send_message(
        QueueUrl=ingest_queue.url,
        MessageBody=json.dumps(ADA | {"fax": "1"}),
        MessageGroupId="customers:acme:c-2",
        MessageDeduplicationId="newer",
    )
    delivery = ingest_queue.deliver(drainer.handler, report_batch_item_failures=False)
    assert (len(delivery.stored), len(delivery.held), delivery.lost) == (1, 1, ())


def test_before_the_migrations_writes_wait(
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_env: IngestEnvironment,
    ingest_context: LambdaContext,
) -> None:
    """A deploy in the wrong order is mended by the migration alone."""
    producer, drainer = ingest_env.load("producer", "drainer")
    producer.handler(put("c-1", phone="+44 20 7946 0000"), ingest_context)
    ingest_mysql.apply("migrations/001_customers.sql")
    [held] = ingest_queue.deliver(drainer.handler).held
    assert held.reason == "table 'customers' has no column 'phone'; add it"
    ingest_mysql.apply("migrations/002_customers_phone.sql")
    assert len(ingest_queue.deliver(drainer.handler).stored) == 1
    assert ingest_mysql.rows("customers")[0]["phone"] == "+44 20 7946 0000"
