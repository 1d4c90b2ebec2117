"""Exactly once: a message's identity is remembered in the transaction of its effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from durable_ingest.mysql.connection import ServerError
from durable_ingest.mysql.inbox import IDENTITY, IDENTITY_BYTES
from durable_ingest.mysql.upsert import column, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from durable_ingest.mysql.connection import Connection
    from durable_ingest.mysql.preflight import TableFacts
    from durable_ingest.rows import Row

_DUPLICATE: Final = 1062
_LOCK_WAIT: Final = 1205
_MOST_TRIES: Final = 3


class Once:
    """The inbox of one connection."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        self.table = table
        """The name of its table."""
        self._quoted = quoted(table)

    def claim(self, rows: Sequence[Row], execute: Callable[[str], object]) -> list[Row]:
        """Remember messages in the open transaction; return the rows that were not done before.

        A plain INSERT: where another transaction has written the same message and not committed
        yet, it waits for that one's end. IGNORE would take a warning for an answer. What is
        stored already was committed together with its effect. Of a message that stands in the
        rows twice, the first is returned.

        Args:
            rows: those to be written, in order.
            execute: runs a statement on this connection.

        Raises:
            ServerError: nothing is remembered.
        """
        first: dict[bytes, Row] = {}
        for row in rows:
            first.setdefault(row.identity, row)
        for _ in range(_MOST_TRIES):
            if not first:
                return []
            listed = [self._connection.literal(identity) for identity in sorted(first)]
            try:
                execute(self._insert(listed))
            except ServerError as error:
                if error.code != _DUPLICATE:
                    raise
            else:
                return list(first.values())
            done = self._connection.query(self._select(listed))
            for (identity,) in done:
                first.pop(bytes(identity), None)
            execute("ROLLBACK")
        raise ServerError(_LOCK_WAIT, None, "the inbox changed while it was read")

    def _insert(self, literals: Sequence[str]) -> str:
        values = ", ".join(f"({literal})" for literal in literals)
        return f"INSERT INTO {self._quoted} ({column(IDENTITY)}) VALUES {values}"  # noqa: S608 - quoted

    def _select(self, literals: Sequence[str]) -> str:
        name, values = column(IDENTITY), ", ".join(literals)
        return f"SELECT {name} FROM {self._quoted} WHERE {name} IN ({values})"  # noqa: S608 - quoted


def inbox_problems(table: str, facts: TableFacts) -> list[str]:
    """Say what makes a table unfit to be an inbox."""
    remedy = "make it with `durable-ingest inbox create`"
    if not facts.columns:
        return [f"the inbox {table!r} does not exist, or the user may not see it; {remedy}"]
    found = facts.columns.get(IDENTITY)
    fits = found is not None and found.type == "binary" and found.width == IDENTITY_BYTES
    unique = [(IDENTITY, False)] in facts.unique_indexes.values()
    if not fits or not unique or facts.engine.lower() != "innodb":
        return [f"the table {table!r} is no inbox; name another, or {remedy}"]
    return []
