"""What producer and drainer share: a customer, and the table that customers are stored in."""

from typing import Annotated

from durable_ingest import Table
from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Change(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, lt=2**63)
    email: str = Field(max_length=254)
    name: str = Field(min_length=1, max_length=200)
    notes: str = ""
    phone: str | None = Field(default=None, max_length=32)


class Customer(Change):
    """A row: what the client sent, and what the path and the verified token say."""

    tenant_id: Id
    customer_id: Id
    changed_by: str = Field(max_length=200)


customers = Table("customers", Customer, key=("tenant_id", "customer_id"), version="version")
