"""A team's contracts, shared by both functions."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel

from durable_ingest import Retry, Table


class Customer(BaseModel):
    """A row of `customers`."""

    customer_id: str
    email: str
    name: str | None = None


class Order(BaseModel):
    """A row of `orders`."""

    order_id: UUID
    customer_id: str
    changed_at: datetime
    total: Decimal


customers = Table("customers", Customer, key="customer_id", sequence="ingest_sequence")
orders = Table(
    "shop.orders",
    Order,
    key=("order_id",),
    group="customer_id",
    version="changed_at",
    insert_only=("customer_id",),
)


class Owned(Table):
    """A table, and who answers for it."""

    owner: str = "nobody"


class Patient(Retry):
    """Waits longer."""


invoices = Owned("invoices", Order, key="order_id")
patient = Patient(patience=60.0)
