"""A connection on which rows of known tables are written, one transaction at a time."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from durable_ingest.mysql.connection import Connection, ServerError
from durable_ingest.mysql.faults import classify, describe
from durable_ingest.mysql.preflight import COLUMNS_SQL, INDEX_SQL, problems, read_facts
from durable_ingest.mysql.upsert import column, quoted, upsert
from durable_ingest.mysql.values import UnreadableError, UnstorableError, row_values
from durable_ingest.ports import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.contract import Table
    from durable_ingest.deadline import Deadline
    from durable_ingest.mysql.preflight import TableFacts
    from durable_ingest.ports import Row

NO_TIME = Refusal(Fault.UNAVAILABLE, "no time was left; give the function more, or smaller batches")
_STATEMENT_FRAME = 64  # bytes of a packet that are not the statement


class RefusedError(Exception):
    """Rows were not committed; `refusal` says why.

    `lost` is true where it is unknown whether the transaction took place, or where the session
    can do nothing more: it has to be closed.
    """

    def __init__(self, refusal: Refusal, *, lost: bool = False) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal
        self.lost = lost


class Session:
    """Checks each table when it is first written to, and writes transactions."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.changed: Counter[str] = Counter()
        """How many transactions of this session have changed rows of each table."""
        self._facts: dict[str, TableFacts] = {}

    def write(self, rows: Sequence[Row], deadline: Deadline) -> None:
        """Write rows in one transaction: runs of one table in arrival order, then COMMIT.

        Where every table has a guard, a single statement is autocommitted: an abandoned one that
        lands late changes nothing newer. Any other is only ended by a COMMIT that is sent before
        the deadline.

        Raises:
            RefusedError: nothing is committed, or (`lost`) that is unknown.
        """
        statements = self._statements(rows)
        whole = self.connection.autocommit and len(statements) == 1
        if self.connection.autocommit and not whole:
            self._execute("BEGIN", deadline)
        changed = {
            table.name for table, sql in statements if self._execute(sql, deadline, table) > 0
        }
        if not whole:
            self._commit(deadline)
        self.changed.update(changed)

    def rollback(self) -> bool:
        """Undo an open transaction; False where the session is of no further use."""
        try:
            self.connection.execute("ROLLBACK")
        except ServerError:
            return False
        return True

    def forget(self, table: str | None) -> None:
        """Check a table again before its next rows: its schema is not what it was."""
        self._facts.pop(table or "", None)

    def shows_stale(self, row: Row) -> bool:
        """Say whether a committed guard makes a row that cannot be written an old one.

        A sequence that is stored already is this very message's own effect.
        """
        table = row.contract
        if table.guard_column is None:
            return False
        try:
            values = self._values(row)
            given = self.connection.literal(values[table.guard_column])
            operator = ">=" if table.version is None else ">"
            keys = [
                f"{column(k)} = {self.connection.literal(values[k])}" for k in table.key_columns
            ]
            condition = " AND ".join([*keys, f"{column(table.guard_column)} {operator} {given}"])
            sql = f"SELECT 1 FROM {quoted(table.name)} WHERE {condition}"  # noqa: S608 - quoted
            found = bool(self.connection.query(sql))
            self.connection.execute("ROLLBACK")
        except (UnstorableError, UnreadableError, ServerError):
            return False
        return found

    def _statements(self, rows: Sequence[Row]) -> list[tuple[Table, str]]:
        statements: list[tuple[Table, str]] = []
        for (table, present), run in groupby(rows, lambda row: (row.contract, row.present)):
            self._check(table)
            statements += [(table, sql) for sql in self._upserts(table, present, list(run))]
        return statements

    def _upserts(self, table: Table, present: frozenset[str], rows: list[Row]) -> list[str]:
        """Write one run as few statements as `max_allowed_packet` lets it be.

        Groups are sorted, so that concurrent drainers lock them in one order; a group's own rows
        keep theirs.
        """
        columns = [*table.fields.columns.values(), *filter(None, [table.sequence])]
        updated = [
            table.fields.columns[field] for field in table.fields.columns if field in present
        ]
        kept = [name for name in updated if name not in table.insert_only_columns]
        text = upsert(table, columns, kept, self.connection.dialect)
        room = self.connection.max_packet - _STATEMENT_FRAME - len((text.head + text.tail).encode())
        statements: list[list[str]] = [[]]
        used = 0
        for row in sorted(rows, key=lambda row: row.group):
            literal = self._literal(row, columns)
            size = len(literal.encode("utf-8", "surrogateescape")) + 2
            if size > room:
                reason = f"the row is {size} bytes; max_allowed_packet leaves room for {room}"
                raise RefusedError(Refusal(Fault.REJECTED, reason, 1153, "08S01", table.name))
            if used + size > room:
                statements.append([])
                used = 0
            statements[-1].append(literal)
            used += size
        return [text.head + ", ".join(literals) + text.tail for literals in statements]

    def _values(self, row: Row) -> dict[str, object]:
        values = row_values(row.contract, row.record, self._facts[row.contract.name].columns)
        if row.contract.sequence is not None:
            values[row.contract.sequence] = str(row.sequence)
        return values

    def _literal(self, row: Row, columns: list[str]) -> str:
        try:
            values = self._values(row)
        except UnstorableError as error:
            refusal = Refusal(Fault.REJECTED, str(error), table=row.contract.name)
            raise RefusedError(refusal) from error
        except UnreadableError as error:
            raise RefusedError(Refusal(Fault.MISCONFIGURED, str(error))) from error
        literals = [
            self.connection.literal(values[name]) if name in values else "DEFAULT"
            for name in columns
        ]
        return "(" + ", ".join(literals) + ")"

    def _check(self, table: Table) -> None:
        """Compare a table with its contract, once."""
        if table.name in self._facts:
            return
        schema, _, name = table.name.rpartition(".")
        arguments = (schema or None, name)
        try:
            columns = self.connection.query(COLUMNS_SQL, arguments)
            indexes = self.connection.query(INDEX_SQL, arguments)
        except ServerError as error:
            raise _refused(error, table) from error
        facts = read_facts(columns, indexes)
        found = problems(table, facts)
        if found:
            raise RefusedError(Refusal(Fault.MISCONFIGURED, "; ".join(found), table=table.name))
        self._facts[table.name] = facts

    def _execute(self, sql: str, deadline: Deadline, table: Table | None = None) -> int:
        if deadline.passed():
            raise RefusedError(NO_TIME, lost=True)
        try:
            return self.connection.execute(sql)
        except ServerError as error:
            raise _refused(error, table) from error

    def _commit(self, deadline: Deadline) -> None:
        """Commit, or give the session up.

        After a COMMIT that failed, whatever its code, a second one answers OK and the rows are
        gone: the whole transaction has to be done again on another connection.
        """
        try:
            self._execute("COMMIT", deadline)
        except RefusedError as error:
            was = error.refusal
            reason = f"the COMMIT failed: {was.reason}"
            refusal = Refusal(Fault.UNAVAILABLE, reason, was.code, was.sqlstate, was.table)
            raise RefusedError(refusal, lost=True) from error


def _refused(error: ServerError, table: Table | None) -> RefusedError:
    key = table.key_columns if table is not None else ()
    columns = table.fields.columns.values() if table is not None else ()
    fault = classify(error.code, error.sqlstate, error.text, key)
    refusal = Refusal(
        fault=fault,
        reason=describe(error.code, error.text, columns),
        code=error.code,
        sqlstate=error.sqlstate,
        table=table.name if table is not None else None,
    )
    return RefusedError(refusal, lost=fault is Fault.UNAVAILABLE)
