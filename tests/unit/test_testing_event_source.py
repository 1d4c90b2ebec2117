"""The event source mapping on virtual time."""

from typing import Any

from durable_ingest.testing import EventSource, LambdaContext, MemoryQueueService
from tests.virtual_clock import VirtualClock


def test_a_functions_time_is_of_the_clock_that_is_given() -> None:
    """A handler that lets it run out has timed out, and its messages stay."""
    clock = VirtualClock()
    service = MemoryQueueService(clock.now)
    url = service.create_queue("queue").url
    client = service.client()
    remaining: list[int] = []
    for body in "12":
        client.send_message(
            QueueUrl=url, MessageBody=body, MessageGroupId=body, MessageDeduplicationId=body
        )

    def handler(event: dict[str, Any], context: LambdaContext) -> None:
        remaining.append(context.get_remaining_time_in_millis())
        clock.sleep(float(event["Records"][0]["body"]))
        remaining.append(context.get_remaining_time_in_millis())

    source = EventSource(
        client, url, lambda: handler, batch_size=1, function_timeout=2.0, now=clock.monotonic
    )
    steps = [source.step(), source.step()]
    assert [(step.timed_out, len(step.deleted)) for step in steps if step] == [
        (False, 1),
        (True, 0),
    ]
    assert remaining == [2000, 1000, 2000, 0]
    assert [message.body for message in service.stored(url)] == ["2"]
