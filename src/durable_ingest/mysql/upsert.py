"""The text of an upsert.

The first assignments of `ON DUPLICATE KEY UPDATE` set each key column to itself, or to NULL where
the row that was hit has another key: it was then hit through another unique index, and MySQL
refuses (1048) instead of overwriting a row that the message does not name. The guard's column
comes last, because MySQL evaluates the assignments from left to right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from durable_ingest.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.contract import Table

_ROW_ALIASES: Final = ("durable_ingest_new", "durable_ingest_row")


Dialect = Literal["row alias", "VALUES()"]
"""How a server names the row that could not be inserted: `VALUES … AS new`, from MySQL 8.0.19;
`VALUES(column)`, MySQL 5.7 and MariaDB."""


class Upsert(Value):
    """An upsert without its rows: `head + ", ".join(rows) + tail`."""

    columns: tuple[str, ...]
    """Those of each row, in order."""
    head: str
    tail: str
    size: int
    """Bytes of head and tail."""


def quoted(name: str) -> str:
    """Quote an identifier; a dot separates schema and table."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in name.split("."))


def column(name: str) -> str:
    """Quote a column, whose name may hold a dot."""
    return "`" + name.replace("`", "``") + "`"


def upsert(
    table: Table, columns: Sequence[str], updated: Sequence[str], dialect: Dialect
) -> Upsert:
    """Write an upsert.

    Args:
        table: the contract.
        columns: the columns of each row, in order, the guard's included.
        updated: those among them that an existing row takes over, unless its guard is newer; key
            and guard need not be named.
        dialect: the server's.
    """
    guard = table.guard_column
    own_name = table.name.split(".")[-1]
    stored = f"{column(own_name)}." if dialect == "row alias" else ""
    row = next(column(name) for name in _ROW_ALIASES if name != own_name.lower())

    def new(name: str) -> str:
        if dialect == "row alias":
            return f"{row}.{column(name)}"
        return f"VALUES({column(name)})"

    def newer(name: str) -> str:
        if guard is None:
            return new(name)
        held, given = stored + column(guard), new(guard)
        return f"IF({held} IS NULL OR {given} >= {held}, {new(name)}, {stored}{column(name)})"

    keys = [
        f"{column(k)} = IF({stored}{column(k)} = {new(k)}, {stored}{column(k)}, NULL)"
        for k in table.key_columns
    ]
    plain = [name for name in updated if name not in table.key_columns and name != guard]
    others = [f"{column(name)} = {newer(name)}" for name in plain]
    last = [f"{column(guard)} = {newer(guard)}"] if guard is not None else []
    names = ", ".join(map(column, columns))
    alias = f" AS {row}" if dialect == "row alias" else ""
    head = f"INSERT INTO {quoted(table.name)} ({names}) VALUES "  # noqa: S608 - quoted
    tail = f"{alias} ON DUPLICATE KEY UPDATE " + ", ".join(keys + others + last)
    size = len((head + tail).encode())
    return Upsert(columns=tuple(columns), head=head, tail=tail, size=size)
