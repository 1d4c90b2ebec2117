"""The statements that write rows into tables which are what their contracts say."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from durable_ingest.mysql.connection import ServerError
from durable_ingest.mysql.preflight import COLUMNS_SQL, INDEX_SQL, problems, read_facts
from durable_ingest.mysql.refused import RefusedError, refusing
from durable_ingest.mysql.upsert import column, quoted, upsert
from durable_ingest.mysql.values import UnreadableError, UnstorableError, row_literals
from durable_ingest.rows import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.contract import Table
    from durable_ingest.mysql.connection import Connection
    from durable_ingest.mysql.preflight import TableFacts
    from durable_ingest.mysql.upsert import Upsert
    from durable_ingest.rows import Row

_MOST_TEXTS = 64  # which fields a body gives is its sender's choice
_STATEMENT_FRAME = 64  # bytes of a packet that are not the statement
_GROUP = attrgetter("group")


class Statements:
    """What is written on one connection. Each table is looked at before its first rows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._facts: dict[str, TableFacts] = {}
        self._texts: dict[tuple[str, frozenset[str]], Upsert] = {}

    def know(self, table: Table) -> bool:
        """Say whether a table has been looked at."""
        return table.name in self._facts

    def forget(self, table: str | None) -> None:
        """Look at a table again before its next rows: its schema is not what it was."""
        self._facts.pop(table or "", None)

    def forget_all(self) -> None:
        """Look at all of them again."""
        self._facts.clear()

    def check(self, table: Table) -> None:
        """Compare a table with its contract, once.

        Raises:
            RefusedError: it is not what the contract says, or could not be looked at.
        """
        if table.name in self._facts:
            return
        try:
            facts = facts_of(self._connection, table.name)
        except ServerError as error:
            raise refusing(error, table) from error
        found = problems(table, facts)
        if found:
            raise RefusedError(Refusal(Fault.MISCONFIGURED, "; ".join(found), table=table.name))
        self._facts[table.name] = facts

    def check_inbox(self, table: str) -> None:
        """See that the inbox is one, once.

        Raises:
            ServerError: it could not be looked at.
            RefusedError: it is none.
        """
        if table in self._facts:
            return
        from durable_ingest.mysql.once import inbox_problems  # noqa: PLC0415 - most have no inbox

        facts = facts_of(self._connection, table)
        if found := inbox_problems(table, facts):
            raise RefusedError(Refusal(Fault.MISCONFIGURED, "; ".join(found)), everywhere=True)
        self._facts[table] = facts

    def newer(self, table: Table, row: Row) -> str:
        """Ask for a stored row that shows this one, of a table with a guard, to be an old one.

        Raises:
            UnstorableError, UnreadableError: the row cannot be written.
        """
        literals = self._literals(table, row)
        guard = str(table.guard_column)
        operator = ">=" if table.version is None else ">"
        keys = [f"{column(k)} = {literals[k]}" for k in table.key_columns]
        condition = " AND ".join([*keys, f"{column(guard)} {operator} {literals[guard]}"])
        return f"SELECT 1 FROM {quoted(table.name)} WHERE {condition}"  # noqa: S608 - quoted

    def upserts(self, table: Table, present: frozenset[str], rows: list[Row]) -> list[str]:
        """Write one run as few statements as `max_allowed_packet` lets it be.

        Groups are sorted, so that concurrent drainers lock them in one order; a group's own rows
        keep theirs.

        Args:
            table: the contract, which has been checked.
            present: the fields that these rows' bodies gave.
            rows: the rows, in arrival order.

        Raises:
            RefusedError: a row cannot be written.
        """
        text = self._text(table, present)
        room = self._connection.max_packet - _STATEMENT_FRAME - text.size
        statements: list[list[str]] = [[]]
        used = 0
        for row in sorted(rows, key=_GROUP):
            written = self._row(table, row, text.columns)
            size = len(written.encode("utf-8", "surrogateescape")) + 2
            if size > room:
                reason = f"the row is {size} bytes; max_allowed_packet leaves room for {room}"
                raise RefusedError(Refusal(Fault.REJECTED, reason, 1153, "08S01", table.name))
            if used + size > room:
                statements.append([])
                used = 0
            statements[-1].append(written)
            used += size
        return [text.head + ", ".join(written) + text.tail for written in statements]

    def _text(self, table: Table, present: frozenset[str]) -> Upsert:
        """Write the upsert of rows that give these fields, once."""
        text = self._texts.get((table.name, present))
        if text is None:
            given = [name for field, name in table.fields.columns.items() if field in present]
            kept = [name for name in given if name not in table.insert_only_columns]
            columns = [*table.fields.columns.values(), *filter(None, [table.sequence])]
            text = upsert(table, columns, kept, self._connection.dialect)
            if len(self._texts) < _MOST_TEXTS:
                self._texts[table.name, present] = text
        return text

    def _literals(self, table: Table, row: Row) -> dict[str, str]:
        literals = row_literals(table, row.record, self._facts[table.name].columns)
        if table.sequence is not None:
            literals[table.sequence] = f"'{row.sequence}'"
        return literals

    def _row(self, table: Table, row: Row, columns: Sequence[str]) -> str:
        try:
            literals = self._literals(table, row)
        except UnstorableError as error:
            refusal = Refusal(Fault.REJECTED, str(error), table=table.name)
            raise RefusedError(refusal) from error
        except UnreadableError as error:
            raise RefusedError(Refusal(Fault.MISCONFIGURED, str(error))) from error
        return "(" + ", ".join([literals.get(name, "DEFAULT") for name in columns]) + ")"


def facts_of(connection: Connection, table: str) -> TableFacts:
    """Ask what a table is.

    Raises:
        ServerError: it could not be asked.
    """
    schema, _, name = table.rpartition(".")
    arguments = (schema or None, name)
    columns = connection.query(COLUMNS_SQL, arguments)
    return read_facts(columns, connection.query(INDEX_SQL, arguments))
