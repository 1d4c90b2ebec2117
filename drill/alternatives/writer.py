"""What all alternatives share: rows into the database, over a connection that is kept."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import pymysql
from pydantic import TypeAdapter

from drill.workload import Customer
from durable_ingest.testing.connection import connect

if TYPE_CHECKING:
    from pymysql.connections import Connection

WRITTEN: Mapping[str, Any] = {"statusCode": 200}
KEPT: Mapping[str, Any] = {"statusCode": 202}
REFUSED: Mapping[str, Any] = {"statusCode": 503, "headers": {"retry-after": "1"}}

COLUMNS = tuple(column.name for column in fields(Customer))
_GONE_AWAY = 2006
_LOST = 2013
_customers = TypeAdapter(Customer)


class UnavailableError(Exception):
    """The database took no writes."""


@dataclass(frozen=True)
class Row:
    """A row, and when its request reached the gateway.

    An older one changes nothing: else a write that was retried or kept for long would undo newer
    ones.
    """

    customer: Customer
    arrived: int
    """Milliseconds since 1970."""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """Read it from API Gateway's event."""
        customer = _customers.validate_json(event["body"])
        return cls(customer, int(event["requestContext"]["timeEpoch"]))

    def values(self) -> tuple[object, ...]:
        """Give the columns' values, the guard's last."""
        return (*astuple(self.customer), self.arrived)


def upsert(rows: int) -> str:
    """Give the statement for so many rows; MySQL and MariaDB take it."""
    newer = "VALUES(ingest_sequence) >= COALESCE(ingest_sequence, 0)"
    values = ", ".join([f"({', '.join(['%s'] * (len(COLUMNS) + 1))})"] * rows)
    # Assigned from left to right: the guard's own column comes last.
    changing = (*COLUMNS[1:], "ingest_sequence")
    changes = ", ".join(f"{name} = IF({newer}, VALUES({name}), {name})" for name in changing)
    return (
        f"INSERT INTO customers ({', '.join(COLUMNS)}, ingest_sequence)"  # noqa: S608  fields' names
        f" VALUES {values} ON DUPLICATE KEY UPDATE {changes}"
    )


class Writer:
    """Writes rows, each statement committed by itself.

    Args:
        url: the database.
        timeout: seconds that each wait for the server may take.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        """Open nothing."""
        self._url = url
        self._timeout = timeout
        self._connection: Connection[Any] | None = None

    def write(self, rows: Sequence[Row]) -> None:
        """Write them in one statement. Where the kept connection has broken, try on a new one.

        Raises:
            UnavailableError: none is written, or, where the answer was lost, all may be.
        """
        kept = self._connection is not None
        try:
            self._execute(rows)
        except (pymysql.err.Error, OSError) as error:
            self.close()
            if kept and _is_broken(error):
                self.write(rows)
                return
            raise UnavailableError from error

    def _execute(self, rows: Sequence[Row]) -> None:
        if self._connection is None:
            self._connection = connect(self._url, timeout=self._timeout)
        with self._connection.cursor() as cursor:
            cursor.execute(upsert(len(rows)), [value for row in rows for value in row.values()])

    def close(self) -> None:
        """Close the connection; the next write opens another."""
        if self._connection is not None:
            with contextlib.suppress(pymysql.err.Error, OSError):
                self._connection.close()
            self._connection = None


def _is_broken(error: Exception) -> bool:
    """Say whether the connection has ended, where the server has not answered with an error."""
    if isinstance(error, pymysql.err.OperationalError):
        return error.args[0] in {_GONE_AWAY, _LOST}
    return isinstance(error, (pymysql.err.InterfaceError, OSError))
