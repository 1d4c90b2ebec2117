"""A team's drainer, with each way to log in."""

import os
from datetime import timedelta
from typing import Any, assert_type

from contract import customers, orders

from durable_ingest import Drainer, Inbox, MySQL, Retry
from durable_ingest.errors import BatchHeldError

mysql = MySQL.from_env()
assert_type(mysql, MySQL)
by_url = MySQL("mysql://user:password@host/db", ssl_ca="/opt/rds.pem", read_timeout=5.0)
by_secret = MySQL.from_secret("a secret", host="writer.example.com", database="shop")
by_token = MySQL.from_iam("writer.example.com", user="drainer", database="shop")

drainer = Drainer(
    mysql,
    customers,
    orders,
    dead_letter_queue_url=os.environ.get("DLQ_URL"),
    inbox=Inbox(keep=timedelta(days=30)),
    acknowledge="report",
    retry=Retry(patience=2.0, reserve=1.5, attempts=2),
)
handler = drainer.handle


def logged(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Wrap it."""
    try:
        return assert_type(drainer.handle(event, context), dict[str, Any])
    except BatchHeldError as error:
        for message_id, reason in error.held.items():
            print(message_id, reason)  # noqa: T201 - as a team's function may
        raise
