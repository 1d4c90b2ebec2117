"""A team's tests."""

from typing import assert_type

import drainer
import producer

from durable_ingest.testing import (
    EventSource,
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
