"""What a type checker must refuse: each ignored error is demanded, by its code."""

from typing import Any

from pydantic import BaseModel

import durable_ingest
import durable_ingest.testing
from durable_ingest import Command, Drainer, Enqueuer, Inbox, MySQL, Retry, Table
from durable_ingest.apigateway import endpoint
from durable_ingest.testing import LambdaContext

durable_ingest.Enquer  # type: ignore[attr-defined]
durable_ingest.testing.sqs_events  # type: ignore[attr-defined]


class Customer(BaseModel):
    """A row."""

    customer_id: str


def apply(cursor: Any, record: Customer) -> None:
    """Do nothing."""


def apply_without_record(cursor: Any) -> None:
    """Take too little."""


Table("customers", Customer)  # type: ignore[call-arg]
Table("customers", Customer, "customer_id")  # type: ignore[call-arg]
Table("customers", Customer, key=1)  # type: ignore[arg-type]
Table("customers", Customer, key="customer_id", versoin="v")  # type: ignore[call-arg]
Table("customers", dict, key="customer_id")  # type: ignore[arg-type]
Table("customers", Customer(customer_id="1"), key="customer_id")  # type: ignore[arg-type]
customers = Table("customers", Customer, key="customer_id")
customers.name = "others"  # type: ignore[misc]

Command("count", Customer, apply=apply)  # type: ignore[call-arg]
Command("count", Customer, group="customer_id")  # type: ignore[call-arg]
Command("count", Customer, group="customer_id", apply="apply")  # type: ignore[arg-type]
Command("count", Customer, group="customer_id", apply=apply_without_record)  # type: ignore[arg-type]

Enqueuer("https://…/q.fifo", "customers")  # type: ignore[arg-type]
Enqueuer("https://…/q.fifo", customers, timeout="5")  # type: ignore[arg-type]
enqueuer = Enqueuer("https://…/q.fifo", customers)
enqueuer.enqueue({"customer_id": "1"})  # type: ignore[arg-type]
enqueuer.enqueue(Customer(customer_id="1"), key="k")  # type: ignore[call-arg]
enqueuer.enqueue(Customer(customer_id="1"), "k")  # type: ignore[call-arg]
enqueuer.enqueue_many(Customer(customer_id="1"))  # type: ignore[arg-type]
receipt = enqueuer.enqueue(Customer(customer_id="1"))
receipt.message_id = "other"  # type: ignore[misc]
receipt.id  # type: ignore[attr-defined]
number: int = receipt.sequence_number  # type: ignore[assignment]

endpoint(enqueuer)  # type: ignore[call-arg]
endpoint(enqueuer, Customer)  # type: ignore[arg-type]
endpoint(enqueuer, customers, record=lambda event: event)  # type: ignore[arg-type, misc]

MySQL()  # type: ignore[call-arg]
MySQL.from_iam("h", user="u")  # type: ignore[call-arg]
mysql = MySQL.from_env()

Drainer("mysql://u:p@h/d", customers)  # type: ignore[arg-type]
Drainer(mysql, Customer)  # type: ignore[arg-type]
Drainer(mysql, customers, acknowledge="maybe")  # type: ignore[arg-type]
Drainer(mysql, customers, inbox="durable_ingest_inbox")  # type: ignore[arg-type]
Drainer(mysql, customers, retry=5)  # type: ignore[arg-type]
drainer = Drainer(mysql, customers)
drainer.handle()  # type: ignore[call-arg]
drainer.handle("event", LambdaContext())  # type: ignore[arg-type]
drainer.drain({})  # type: ignore[attr-defined]

Retry(patience="5")  # type: ignore[arg-type]
Inbox(keep=45)  # type: ignore[arg-type]
