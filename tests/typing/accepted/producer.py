"""A team's producer: the endpoint, and a handler of its own."""

import os
from collections.abc import Mapping
from typing import Any, assert_type

from contract import Customer, Order, customers, orders

from durable_ingest import Enqueuer, Receipt
from durable_ingest.apigateway import endpoint
from durable_ingest.errors import EnqueueError, Failure, QueueUnavailableError, RecordTooLargeError

enqueuer = Enqueuer(os.environ["QUEUE_URL"], customers, orders, timeout=3.0)
handler = endpoint(enqueuer, customers)


def from_route(event: Mapping[str, Any], body: Any) -> Customer:
    """Take the key from the route."""
    return Customer.model_validate({**body, "customer_id": event["pathParameters"]["id"]})


put = endpoint(enqueuer, customers, record=from_route)


def answer(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Call handlers as Lambda does."""
    return assert_type(handler(event, context), dict[str, Any]) or put(event, context)


def store(customer: Customer, changed: list[Order]) -> str:
    """Send in a handler of one's own."""
    receipt = enqueuer.enqueue(customer, idempotency_key="a key")
    assert_type(receipt, Receipt)
    try:
        assert_type(enqueuer.enqueue_many(changed, to=orders), list[Receipt])
        enqueuer.enqueue_many(iter(changed), to="orders", idempotency_keys=[None, "k"])
    except (RecordTooLargeError, QueueUnavailableError):
        return ""
    except EnqueueError as error:
        stored = [done.message_id for done in error.receipts if done is not None]
        again = [failure.index for failure in error.failures if failure.retryable]
        assert_type(error.failures, list[Failure])
        return f"{stored} {again}"
    return receipt.message_id + receipt.sequence_number + receipt.group_id
