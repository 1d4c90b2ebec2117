"""What both functions share: the customers' table and the model of its rows."""

from pydantic import BaseModel

from durable_ingest import Table


class Customer(BaseModel):
    """One row of the table `customers` (see schema.sql)."""

    customer_id: str
    email: str
    name: str
    revision: int
    """Counts the changes of one customer. The drill's checker reads it; no guard does."""


customers = Table("customers", Customer, key="customer_id", sequence="ingest_sequence")
