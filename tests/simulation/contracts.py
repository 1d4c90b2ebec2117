"""The tables of the simulation: one of each kind, with the same columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from durable_ingest import Command, Table
from durable_ingest.errors import Reject
from durable_ingest.mysql.connection import ServerError
from durable_ingest.mysql.inbox import IDENTITY, Inbox
from tests.simulation.tables import TableModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from durable_ingest.contract import Contract
    from tests.simulation.history import Kind
    from tests.simulation.sql import Row

TOO_LONG: Final = "x" * 20
"""A note that no row can hold."""
TOO_LONG_YET: Final = "y" * 20
"""A note that the table refuses until its column is widened."""
UNKNOWN: Final = "unknown"
"""A note that the server refuses with a code that nobody knows, until it is mended."""
FATAL: Final = "fatal"
"""A note that takes the connection down, until the server is mended."""

_TEXT: Final = ("varchar", 64, None, None, None)
_NUMBER: Final = ("bigint", None, 19, 0, None)
_SEQUENCE: Final = ("decimal", None, 39, 0, None)


class Item(BaseModel):
    """A row. `value` is the number of the write, and rises with each."""

    id: str
    owner: str
    value: int
    note: str = ""
    tag: str | None = None


def contract(kind: Kind, *, shared_group: bool) -> Contract:
    """Make the contract of a kind."""
    group = "owner" if shared_group else None
    if kind == "command":
        return Command(kind, Item, group=group or "id", apply=count)
    if kind == "version":
        return Table(kind, Item, key="id", version="value", group=group)
    if kind == "sequence":
        return Table(kind, Item, key="id", sequence="ingest_sequence", group=group)
    return Table(kind, Item, key="id", group=group)


def count(cursor: Any, item: Item) -> None:  # noqa: ANN401 - a cursor
    """Apply a command: a counter that one upsert of the library's could not raise."""
    if item.note == TOO_LONG:
        raise Reject("the note is too long")
    columns = "`id`, `owner`, `value`, `note`, `tag`, `total`"
    cursor.execute(
        f"INSERT INTO `command` ({columns}) VALUES (%s, %s, %s, %s, NULL, 1)"  # noqa: S608 - no input
        " ON DUPLICATE KEY UPDATE `value` = VALUES(`value`), `total` = `total` + 1",
        (item.id, item.owner, item.value, item.note),
    )


def inbox_model() -> TableModel:
    """Make the server's inbox."""
    columns: dict[str, tuple[object, ...]] = {IDENTITY: ("binary", 32, None, None, None)}
    return TableModel(Inbox().table, IDENTITY, columns)


def table_model(kind: Kind, mended: Callable[[], bool]) -> TableModel:
    """Make the server's table of a kind."""
    columns: dict[str, tuple[object, ...]] = {
        "id": _TEXT,
        "owner": _TEXT,
        "value": _NUMBER,
        "note": _TEXT,
        "tag": _TEXT,
    }
    if kind == "sequence":
        columns["ingest_sequence"] = _SEQUENCE
    if kind == "command":
        columns["total"] = _NUMBER

    def check(row: Row) -> ServerError | None:
        if row["note"] == TOO_LONG:
            return ServerError(1406, "22001", "Data too long for column 'note' at row 1")
        if row["note"] == TOO_LONG_YET and not mended():
            return ServerError(1406, "22001", "Data too long for column 'note' at row 1")
        if row["note"] == UNKNOWN and not mended():
            return ServerError(9999, "HY000", "An error that nobody knows")
        if row["note"] == FATAL and not mended():
            return ServerError(2013, None, "Lost connection to MySQL server during query")
        return None

    return TableModel(kind, "id", columns, unique="tag", check=check)
