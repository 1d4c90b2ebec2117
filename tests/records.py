"""Contracts that several tests use."""

from pydantic import BaseModel

from durable_ingest import Table
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
