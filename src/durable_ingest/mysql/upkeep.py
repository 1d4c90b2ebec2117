"""Making and pruning an inbox: what is done beside the drainers, not by them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from durable_ingest.backoff import retrying
from durable_ingest.deadline import Deadline
from durable_ingest.errors import DatabaseUnavailableError, MisconfiguredError
from durable_ingest.mysql.connection import Connection, ServerError
from durable_ingest.mysql.faults import classify
from durable_ingest.mysql.inbox import BATCH, STORED_AT
from durable_ingest.mysql.upsert import column, quoted
from durable_ingest.rows import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable_ingest.clock import Clock
    from durable_ingest.mysql.inbox import Inbox
    from durable_ingest.mysql.target import MySQL

_ATTEMPTS = 20


class _ContendedError(Exception):
    """Another transaction holds a lock."""


@contextmanager
def maintained(mysql: MySQL, clock: Clock, needs: str) -> Iterator[Connection]:
    """Connect for a while, autocommitting; `needs` names the rights that this takes.

    Raises:
        DatabaseUnavailableError, MisconfiguredError: what the server's errors mean.
    """
    connection = None
    try:
        deadline = Deadline.after(clock, mysql.connect_timeout)
        connection = Connection.open(mysql, autocommit=True, deadline=deadline)
        yield connection
    except ServerError as error:
        fault = classify(error.code, error.sqlstate, error.text)
        transient = fault in (Fault.UNAVAILABLE, Fault.CONTENDED)
        kind = DatabaseUnavailableError if transient else MisconfiguredError
        raise kind(error.reason(needs)) from None
    finally:
        if connection is not None:
            connection.close()


def delete_older(connection: Connection, inbox: Inbox, deadline: Deadline) -> int:
    """Delete an inbox's old rows in small batches, until none is left or the time is over.

    A drainer's new rows are at the other end of the index, and READ COMMITTED locks no gaps.
    """
    microseconds = round(inbox.keep.total_seconds() * 1_000_000)
    oldest = connection.query("SELECT UTC_TIMESTAMP(6) - INTERVAL %s MICROSECOND", [microseconds])
    sql = (
        f"DELETE FROM {quoted(inbox.table)} WHERE {column(STORED_AT)} < '{oldest[0][0]}'"  # noqa: S608 - quoted
        f" ORDER BY {column(STORED_AT)} LIMIT {BATCH}"
    )
    deleted = 0
    while True:
        repeat = retrying(deadline.clock, deadline, on=_ContendedError, attempts=_ATTEMPTS)
        try:
            found: int = repeat(_delete, connection, sql)
        except _ContendedError as error:
            raise DatabaseUnavailableError("the inbox is locked by other transactions") from error
        deleted += found
        if found < BATCH or deadline.passed():
            return deleted


def _delete(connection: Connection, sql: str) -> int:
    try:
        return connection.execute(sql)
    except ServerError as error:
        if classify(error.code, error.sqlstate, error.text) is Fault.CONTENDED:
            raise _ContendedError from error
        raise
