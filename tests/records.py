"""Contracts that several tests use."""

from pydantic import BaseModel

from durable_ingest import Table
from durable_ingest.message import Message
from durable_ingest.outgoing import Outgoing


class Customer(BaseModel):
    """A row without a version."""

    customer_id: str
    email: str = ""


class Price(BaseModel):
    """A row whose owner counts its versions."""

    sku: str
    amount: int = 0
    version: int


CUSTOMERS = Table("customers", Customer, key="customer_id")
PRICES = Table("prices", Price, key="sku", version="version")


def delivered(number: int) -> Message:
    """Make a message of a group of its own, which is first received as it is sent."""
    return Message(
        id=f"m-{number}",
        receipt_handle=f"h-{number}",
        body="{}",
        group_id=str(number),
        sequence=number,
        sent=1_700_000_000.0,
        first_received=1_700_000_000.0,
        receive_count=1,
        attributes={},
    )


def entry(group: str, dedup: str = "d", *, body: str = "{}", order_free: bool = False) -> Outgoing:
    """Make a message without attributes."""
    return Outgoing(
        contract="t",
        body=body,
        group_id=group,
        dedup_id=dedup,
        attributes={},
        order_free=order_free,
        idempotency_key=None,
    )
