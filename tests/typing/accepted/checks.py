"""A team's tests."""

from typing import assert_type

import drainer
import producer

from durable_ingest.testing import (
    ContextMaker,
    DeliveredRecord,
    Delivery,
    EventSource,
    IngestDatabase,
    IngestEnvironment,
    IngestQueue,
    Invocation,
    LambdaContext,
    MemoryQueueService,
    eventually,
    http_event,
    sqs_event,
    sqs_record,
)


def test_an_answer() -> None:
    """Call a handler."""
    answer = producer.handler(http_event({"customer_id": "c1"}), LambdaContext(3.0))
    assert answer["statusCode"] == 202


def test_a_batch() -> None:
    """Let an event source mapping call the drainer."""
    drainer.handler(sqs_event(sqs_record({"customer_id": "c1"})), LambdaContext())
    service = MemoryQueueService(lambda: 0.0)
    pair = service.create_queue("writes")
    source = EventSource(service.client(), pair.url, lambda: drainer.drainer.handle)
    assert_type(source.step(), Invocation | None)
    assert eventually(lambda: service.depth(pair.url) == 0, within=5.0)


def test_a_write_survives_the_upgrade(
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_env: IngestEnvironment,
    ingest_context: ContextMaker,
) -> None:
    """Let the plugin take the database away."""
    ingest_mysql.apply("schema.sql")
    own_producer, own_drainer = ingest_env.load("producer", "drainer")
    with ingest_mysql.outage():
        own_producer.handler(http_event({"customer_id": "c1"}), ingest_context)
        assert len(ingest_queue.deliver(own_drainer.handler).held) == 1
    delivery = ingest_queue.deliver(own_drainer.handler, batch_size=5, timeout=3.0)
    assert_type(delivery, Delivery)
    assert_type(delivery.stored, tuple[DeliveredRecord, ...])
    assert ingest_mysql.rows("customers")[0]["email"] == "a@example.com"
