"""The candidates: each takes an event, and has its ten rows stored when it returns."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Any, Final

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from benchmarks.writes import COLUMNS, Customer
from durable_ingest import Drainer, Inbox, MySQL, Table
from durable_ingest.testing import LambdaContext
from durable_ingest.testing.connection import connect

Handler = Callable[[dict[str, Any]], object]
Maker = Callable[[str, ExitStack], Handler]
"""Takes the database's URL, and what closes its connection."""

PLAIN: Final = Table("customers", Customer, key="customer_id")
VERSION: Final = Table("customers", Customer, key="customer_id", version="version")
SEQUENCE: Final = Table("customers", Customer, key="customer_id", sequence="ingest_sequence")

_PLACES: Final = f"({', '.join(['%s'] * len(COLUMNS))})"
_HEAD: Final = f"INSERT INTO customers ({', '.join(COLUMNS)}) VALUES "  # noqa: S608 - constants
_TAIL: Final = " ON DUPLICATE KEY UPDATE " + ", ".join(f"{c} = VALUES({c})" for c in COLUMNS[1:])
_ONE_ROW: Final = _HEAD + _PLACES + _TAIL


def values(customer: Customer) -> tuple[object, ...]:
    """Give a row's values in the order of the columns."""
    return tuple(getattr(customer, column) for column in COLUMNS)


def upsert(customers: Sequence[Customer]) -> tuple[str, list[object]]:
    """Write one statement for all rows, as one does by hand; and its arguments."""
    sql = _HEAD + ", ".join([_PLACES] * len(customers)) + _TAIL
    return sql, [value for customer in customers for value in values(customer)]


def drainer(table: Table, *, inbox: bool = False) -> Maker:
    """Give durable_ingest's whole `handle`."""

    def make(url: str, _: ExitStack) -> Handler:
        mysql = MySQL(url, ssl_mode="DISABLED")
        remembered = Inbox() if inbox else None
        if remembered is not None:
            remembered.create(mysql)
        drains = Drainer(mysql, table, inbox=remembered)
        context = LambdaContext(86_400)
        return lambda event: drains.handle(event, context)

    return make


def powertools(*, commit: str) -> Maker:
    """Give Powertools' FIFO processor, which calls a handler for each record.

    Args:
        commit: "row" commits each, "batch" all at the end, "auto" leaves it to the server.
    """

    def make(url: str, stack: ExitStack) -> Handler:
        connection = stack.enter_context(closing(connect(url, autocommit=commit == "auto")))
        processor = SqsFifoPartialProcessor()

        def save(record: SQSRecord) -> None:
            customer = Customer.model_validate(json.loads(record.body))
            with connection.cursor() as cursor:
                cursor.execute(_ONE_ROW, values(customer))
            if commit == "row":
                connection.commit()

        def handle(event: dict[str, Any]) -> object:
            answer = process_partial_response(event, record_handler=save, processor=processor)
            if commit == "batch":
                connection.commit()
            return answer

        return handle

    return make


def bare(url: str, stack: ExitStack) -> Handler:
    """Give one autocommitted statement by hand, and nothing beside it."""
    connection = stack.enter_context(closing(connect(url)))

    def handle(event: dict[str, Any]) -> object:
        bodies = (json.loads(record["body"]) for record in event["Records"])
        customers = [Customer.model_validate(body) for body in bodies]
        with connection.cursor() as cursor:
            return cursor.execute(*upsert(customers))

    return handle


BARE: Final = "bare statement"
ROW: Final = "Powertools, a commit a row"
BATCH: Final = "Powertools, a commit a batch"
WRITERS: Final[dict[str, Maker]] = {
    "sequence": drainer(SEQUENCE),
    "version": drainer(VERSION),
    "plain": drainer(PLAIN),
    "inbox": drainer(PLAIN, inbox=True),
    BARE: bare,
    BATCH: powertools(commit="batch"),
    "Powertools, autocommit": powertools(commit="auto"),
    ROW: powertools(commit="row"),
}
