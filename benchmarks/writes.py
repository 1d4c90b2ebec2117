"""What every candidate is given: one model, its tables, and batches of ten as Lambda gives them."""

import json
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from typing import Any, Final

from pydantic import BaseModel

from durable_ingest.testing import sqs_event, sqs_record
from durable_ingest.testing.connection import connect

TEN: Final = 10
CUSTOMERS: Final = 1_000
COLUMNS: Final = ("customer_id", "email", "name", "city", "orders", "version")

CREATE: Final = """
CREATE TABLE customers (
  customer_id VARCHAR(36) PRIMARY KEY,
  email VARCHAR(254) NOT NULL,
  name VARCHAR(100) NOT NULL,
  city VARCHAR(100) NULL,
  orders INT NOT NULL,
  version BIGINT NOT NULL,
  ingest_sequence DECIMAL(39,0) NULL
) ENGINE=InnoDB
"""


class Customer(BaseModel):
    """A row."""

    customer_id: str
    email: str
    name: str
    city: str | None
    orders: int
    version: int


def row(number: int, version: int) -> Customer:
    """Make a customer's row of some version."""
    return Customer(
        customer_id=f"customer-{number:06}",
        email=f"customer.{number}.{version}@example.com",
        name=f"Customer {number}",
        city=None if number % 3 else "Łódź",
        orders=version % 100,
        version=version,
    )


def batch(number: int) -> list[Customer]:
    """Change ten customers; a later batch has later versions, and after a hundred the same ten."""
    first = number * TEN % CUSTOMERS
    return [row(first + place, number) for place in range(TEN)]


def newcomers(first: int, count: int) -> list[Customer]:
    """Make customers who were not there before, their keys at random places of the table."""
    numbers = range(first, first + count)
    keys = (sha256(str(number).encode()).hexdigest()[:32] for number in numbers)
    return [
        row(number, 0).model_copy(update={"customer_id": key})
        for number, key in zip(numbers, keys, strict=True)
    ]


def event(customers: Sequence[Customer]) -> dict[str, Any]:
    """Make the event in which Lambda delivers them, with the attributes of an `Enqueuer`."""
    return sqs_event(*(_record(customer.model_dump_json()) for customer in customers))


def _record(body: str) -> dict[str, Any]:
    group = json.loads(body)["customer_id"]
    attributes = {"ingest.name": "customers", "ingest.dedup": sha256(body.encode()).hexdigest()}
    return sqs_record(body, group=group, attributes=attributes)


def create_table(url: str) -> None:
    """Make the table anew. Guards use a column of it, or leave it NULL."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS customers")
        cursor.execute(CREATE)
