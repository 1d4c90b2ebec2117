"""A connection on which rows of known tables are written, one transaction at a time."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from durable_ingest.contract import Command, Table
from durable_ingest.errors import Reject
from durable_ingest.mysql.commands import BrokenCommandError
from durable_ingest.mysql.connection import Connection, ServerError
from durable_ingest.mysql.preflight import COLUMNS_SQL, INDEX_SQL, problems, read_facts
from durable_ingest.mysql.upsert import column, quoted, upsert
from durable_ingest.mysql.values import UnreadableError, UnstorableError, row_literals
from durable_ingest.rows import NO_TIME, Fault, Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

    from durable_ingest.contract import Contract
    from durable_ingest.deadline import Deadline
    from durable_ingest.mysql.once import Once
    from durable_ingest.mysql.preflight import TableFacts
    from durable_ingest.mysql.upsert import Upsert

_Step = tuple[str, "Callable[[Deadline], int]"]
_MARK = "durable_ingest"
_LONG = 1.0  # seconds after which a lost connection is the command's own doing
_MOST_TEXTS = 64  # which fields a body gives is its sender's choice
_STATEMENT_FRAME = 64  # bytes of a packet that are not the statement
_GROUP = attrgetter("group")
_KIND = attrgetter("contract", "present")


class RefusedError(Exception):
    """Rows were not committed; `refusal` says why.

    `lost` is true where it is unknown whether the transaction took place, or where the session
    can do nothing more: it has to be closed. `everywhere` is true where no row of any kind could
    be written. `culprit` is the row whose command was running when the connection was lost.
    """

    def __init__(
        self,
        refusal: Refusal,
        *,
        lost: bool = False,
        everywhere: bool = False,
        culprit: Row | None = None,
    ) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal
        self.lost = lost
        self.everywhere = everywhere
        self.culprit = culprit


class Session:
    """Checks each table when it is first written to, and writes transactions."""

    def __init__(self, connection: Connection, inbox: str | None = None) -> None:
        self.connection = connection
        self._inbox = inbox
        self._once: Once | None = None
        if inbox is not None:
            from durable_ingest.mysql.once import Once  # noqa: PLC0415 - most have no inbox

            self._once = Once(connection, inbox)
        self.changed: Counter[str] = Counter()
        """How many transactions of this session have changed rows of each table."""
        self._facts: dict[str, TableFacts] = {}
        self._texts: dict[tuple[str, frozenset[str]], Upsert] = {}

    def write(self, rows: Sequence[Row], deadline: Deadline) -> None:
        """Write rows in one transaction: runs of one contract in arrival order, then COMMIT.

        With an inbox, their messages are remembered first, and those done before are left out.
        Without one, and where every table has a guard, a single statement is autocommitted: an
        abandoned one that lands late changes nothing newer. Any other is only ended by a COMMIT
        that is sent before the deadline.

        Raises:
            RefusedError: nothing is committed, or (`lost`) that is unknown.
        """
        if self._once is not None:
            rows = self._claim(self._once, rows, deadline)
            if not rows:
                return
        steps = self._steps(rows)
        whole = self.connection.autocommit and len(steps) == 1
        if self.connection.autocommit and not whole:
            self._execute("BEGIN", deadline)
        runs_commands = self._once is not None and _has_commands(rows)
        if runs_commands:
            self._execute(f"SAVEPOINT {_MARK}", deadline)
        changed = {name for name, step in steps if step(deadline)}
        if runs_commands:
            self._check_transaction(deadline)
        if not whole:
            self._commit(deadline)
        for name in changed:
            self.changed[name] += 1

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
        if isinstance(table, Command) or table.guard_column is None:
            return False
        if table.name not in self._facts:  # the server failed while the table was looked at
            return False
        try:
            literals = self._literals(table, row)
            given = literals[table.guard_column]
            operator = ">=" if table.version is None else ">"
            keys = [f"{column(k)} = {literals[k]}" for k in table.key_columns]
            condition = " AND ".join([*keys, f"{column(table.guard_column)} {operator} {given}"])
            sql = f"SELECT 1 FROM {quoted(table.name)} WHERE {condition}"  # noqa: S608 - quoted
            found = bool(self.connection.query(sql))
            self.connection.execute("ROLLBACK")
        except (UnstorableError, UnreadableError, ServerError):
            return False
        return found

    def _claim(self, once: Once, rows: Sequence[Row], deadline: Deadline) -> list[Row]:
        """Remember the rows' messages; whatever is wrong with the inbox is no row's fault."""
        try:
            self._check_inbox()
            return once.claim(rows, partial(self._request, deadline=deadline))
        except ServerError as error:
            refused = _refused(error, None)
            if refused.refusal.fault in (Fault.UNAVAILABLE, Fault.CONTENDED):
                raise refused from error
            self._facts.clear()
            reason = f"the inbox {self._inbox!r}: {refused.refusal.reason}"
            unusable = Refusal(Fault.MISCONFIGURED, reason, error.code, error.sqlstate)
            raise RefusedError(unusable, everywhere=True) from error

    def _steps(self, rows: Sequence[Row]) -> list[_Step]:
        """Prepare a transaction: an upsert for each run of a table, a call for each command."""
        steps: list[_Step] = []
        for (contract, present), run in groupby(rows, _KIND):
            if isinstance(contract, Command):
                steps += [(contract.name, partial(self._apply, contract, row)) for row in run]
                continue
            self._check(contract)
            steps += [
                (contract.name, partial(self._execute, sql, contract=contract))
                for sql in self._upserts(contract, present, list(run))
            ]
        return steps

    def _upserts(self, table: Table, present: frozenset[str], rows: list[Row]) -> list[str]:
        """Write one run as few statements as `max_allowed_packet` lets it be.

        Groups are sorted, so that concurrent drainers lock them in one order; a group's own rows
        keep theirs.
        """
        text = self._text(table, present)
        room = self.connection.max_packet - _STATEMENT_FRAME - text.size
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
            text = upsert(table, columns, kept, self.connection.dialect)
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

    def _check(self, table: Table) -> None:
        """Compare a table with its contract, once."""
        if table.name in self._facts:
            return
        try:
            facts = facts_of(self.connection, table.name)
        except ServerError as error:
            raise _refused(error, table) from error
        found = problems(table, facts)
        if found:
            raise RefusedError(Refusal(Fault.MISCONFIGURED, "; ".join(found), table=table.name))
        self._facts[table.name] = facts

    def _check_inbox(self) -> None:
        """See that the inbox is one, once."""
        if self._inbox is None or self._inbox in self._facts:
            return
        from durable_ingest.mysql.once import inbox_problems  # noqa: PLC0415 - as above

        facts = facts_of(self.connection, self._inbox)
        if found := inbox_problems(self._inbox, facts):
            raise RefusedError(Refusal(Fault.MISCONFIGURED, "; ".join(found)), everywhere=True)
        self._facts[self._inbox] = facts

    def _apply(self, command: Command, row: Row, deadline: Deadline) -> int:
        """Run a command."""
        if deadline.passed():
            raise RefusedError(NO_TIME, lost=True)
        began = deadline.clock.monotonic()
        try:
            self.connection.apply(command.apply, _copy_of(row.record), dooms=_dooms)
        except ServerError as error:
            refused = _refused(error, command)
            long = deadline.clock.monotonic() - began >= _LONG or deadline.passed()
            culprit = row if long else None
            raise RefusedError(refused.refusal, lost=refused.lost, culprit=culprit) from error
        except Reject as error:
            detail = str(getattr(error, "reason", error))
            refusal = Refusal(Fault.REJECTED, f"{command.name} rejects it", detail=detail)
            raise RefusedError(refusal) from error
        except BrokenCommandError as error:
            reason = f"{command.name}: {error}"
            raise RefusedError(Refusal(Fault.MISCONFIGURED, reason)) from error
        return 1

    def _check_transaction(self, deadline: Deadline) -> None:
        """See that the transaction is still the one in which the messages were remembered.

        A command that catches an error does not know that it may have rolled everything back,
        and neither error packets nor the server's status flags tell.
        """
        try:
            self._request(f"RELEASE SAVEPOINT {_MARK}", deadline)
        except ServerError as error:
            refused = _refused(error, None)
            if refused.refusal.fault is not Fault.UNAVAILABLE:
                reason = "the transaction ended while a command ran"
                refused = RefusedError(Refusal(Fault.CONTENDED, reason, error.code))
            raise refused from error

    def _execute(self, sql: str, deadline: Deadline, contract: Contract | None = None) -> int:
        try:
            return self._request(sql, deadline)
        except ServerError as error:
            raise _refused(error, contract) from error

    def _request(self, sql: str, deadline: Deadline) -> int:
        if deadline.passed():
            raise RefusedError(NO_TIME, lost=True)
        return self.connection.execute(sql)

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


def facts_of(connection: Connection, table: str) -> TableFacts:
    """Ask what a table is.

    Raises:
        ServerError: it could not be asked.
    """
    schema, _, name = table.rpartition(".")
    arguments = (schema or None, name)
    columns = connection.query(COLUMNS_SQL, arguments)
    return read_facts(columns, connection.query(INDEX_SQL, arguments))


def _has_commands(rows: Sequence[Row]) -> bool:
    return any(isinstance(row.contract, Command) for row in rows)


def _copy_of(record: BaseModel) -> BaseModel:
    """Copy a record for a command, which may change it, and may run again.

    Raises:
        BrokenCommandError: the model's own code failed.
    """
    try:
        return record.model_copy(deep=True)
    except Exception as error:
        problem = f"the model raised {type(error).__name__} while its record was copied"
        raise BrokenCommandError(problem) from error


def _dooms(error: ServerError) -> bool:
    """Say whether a transaction may be lost with a statement, as it is with a deadlock.

    Errors of the row itself (SQLSTATE class 22, data, and 23, constraints) undo the statement.
    """
    return (error.sqlstate or "")[:2] not in ("22", "23")


def _refused(error: ServerError, contract: Contract | None) -> RefusedError:
    table = contract if isinstance(contract, Table) else None
    key = table.key_columns if table is not None else ()
    columns = table.fields.columns.values() if table is not None else ()
    from durable_ingest.mysql.faults import classify, describe  # noqa: PLC0415 - errors are rare

    fault = classify(error.code, error.sqlstate, error.text, key, columns)
    refusal = Refusal(
        fault=fault,
        reason=describe(error.code, error.text, columns, _needs(contract), key),
        code=error.code,
        sqlstate=error.sqlstate,
        table=table.name if table is not None else None,
    )
    return RefusedError(refusal, lost=fault is Fault.UNAVAILABLE)


def _needs(contract: Contract | None) -> str:
    """Name the rights that writing to a contract needs; without one, to an inbox."""
    match contract:
        case Table():
            return f"SELECT, INSERT and UPDATE on {contract.name!r}"
        case Command():
            return f"what the statements of {contract.name!r} need"
        case None:
            return "SELECT and INSERT on it"
