"""What a server says of itself and of the tables that messages go to. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.contract import Table
from durable_ingest.deadline import Deadline
from durable_ingest.errors import DatabaseUnavailableError, DurableIngestError
from durable_ingest.mysql.connection import Connection, ServerError
from durable_ingest.mysql.faults import classify
from durable_ingest.mysql.inbox import IDENTITY
from durable_ingest.mysql.once import inbox_problems
from durable_ingest.mysql.preflight import problems
from durable_ingest.mysql.statements import facts_of
from durable_ingest.mysql.target import is_loopback
from durable_ingest.mysql.upkeep import maintained
from durable_ingest.mysql.upsert import column, quoted, upsert
from durable_ingest.rows import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.mysql.preflight import TableFacts
    from durable_ingest.mysql.target import MySQL
    from durable_ingest.ports import RememberingTable

_SERVER: Final = {
    "version": "@@version",
    "sql_mode": "@@global.sql_mode",
    "time_zone": "@@global.time_zone",
    "character_set": "@@character_set_database",
    "max_connections": "@@max_connections",
    "max_packet": "@@max_allowed_packet",
    "flush": "@@innodb_flush_log_at_trx_commit",
    "read_only": "@@global.read_only",
    "innodb_read_only": "@@global.innodb_read_only",
}
_TEXTS: Final = (
    "SELECT COLUMN_NAME, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS"
    " WHERE TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND TABLE_NAME = %s"
    " AND COLLATION_NAME IS NOT NULL"
)
_UNSIGNED: Final = (
    "SELECT COLUMN_NAME FROM information_schema.COLUMNS"
    " WHERE TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND TABLE_NAME = %s"
    " AND COLUMN_TYPE LIKE '%%unsigned%%'"
)
_COUNTER: Final = (
    "SELECT c.COLUMN_NAME, t.AUTO_INCREMENT FROM information_schema.COLUMNS c"
    " JOIN information_schema.TABLES t"
    " ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME"
    " WHERE c.TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND c.TABLE_NAME = %s"
    " AND c.EXTRA LIKE '%%auto_increment%%'"
)
_FRESH_COUNTERS: Final = "SET SESSION information_schema_stats_expiry = 0"
"""MySQL 8 shows counters of up to a day ago (Reference Manual, "Server System Variables")."""
_UNKNOWN_VARIABLE: Final = 1193


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """A server, as the drainer's user sees it."""

    version: str
    sql_mode: str
    """The server's own; sessions of a drainer set theirs."""
    time_zone: str
    character_set: str
    """The database's default."""
    max_connections: int
    max_packet: int
    """Bytes of the largest statement."""
    flush: int
    """innodb_flush_log_at_trx_commit."""
    read_only: bool
    encrypted: bool
    """Whether this connection is."""
    verified: bool = True
    """Whether the server's certificate and name are."""
    loopback: bool = False
    """Whether it is on this machine, where nobody listens."""
    grants: Sequence[str] = field(default=(), repr=False)
    """Never to be shown: MariaDB's hold the password's hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """A contract's table."""

    table: Table
    facts: TableFacts
    problems: Sequence[str]
    """What makes it another than its contract says, each with its remedy."""
    collations: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Lower-case column -> character set and collation."""
    unsigned: frozenset[str] = frozenset()
    """Lower-case columns."""
    counter: tuple[str, int] | None = None
    """An AUTO_INCREMENT column, and the next value."""
    refusal: str | None = None
    """Why the upsert would be refused, such as a missing privilege."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxState:
    """The inbox's table."""

    problems: Sequence[str]
    refusal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was seen."""

    host: str
    server: ServerFacts
    tables: Sequence[TableState]
    inbox: InboxState | None = None


def inspect(
    mysql: MySQL, contracts: Sequence[Contract], inbox: RememberingTable | None, clock: Clock
) -> Inspection:
    """Look at a server with the drainer's own rights.

    Raises:
        DatabaseUnavailableError: there is no log-in or no connection from here, or it was lost.
        MisconfiguredError: the server refuses the log-in or is not to be trusted.
    """
    try:
        login = mysql.credentials.login(Deadline.after(clock, mysql.connect_timeout))
    except DurableIngestError as error:  # whose rights are missing is the reader's, here
        raise DatabaseUnavailableError(str(error)) from None
    with maintained(mysql, clock, "the drainer's rights") as connection:
        _see_counters_fresh(connection)
        server = _server(connection, mysql, login.host)
        tables = [_table(connection, each) for each in contracts if isinstance(each, Table)]
        state = None if inbox is None else _inbox(connection, inbox.table)
        return Inspection(host=login.host, server=server, tables=tables, inbox=state)


def _server(connection: Connection, mysql: MySQL, host: str) -> ServerFacts:
    [row] = connection.query("SELECT " + ", ".join(_SERVER.values()))
    found = dict(zip(_SERVER, row, strict=True))
    cipher = connection.query("SHOW STATUS LIKE 'Ssl_cipher'")
    return ServerFacts(
        version=str(found["version"]),
        sql_mode=str(found["sql_mode"]),
        time_zone=str(found["time_zone"]),
        character_set=str(found["character_set"]),
        max_connections=int(found["max_connections"]),
        max_packet=int(found["max_packet"]),
        flush=int(found["flush"]),
        read_only=_is_on(found["read_only"]) or _is_on(found["innodb_read_only"]),
        encrypted=bool(cipher and cipher[0][1]),
        verified=mysql.ssl_mode == "VERIFY_IDENTITY",
        loopback=is_loopback(host),
        grants=[str(grant[0]) for grant in connection.query("SHOW GRANTS")],
    )


def _is_on(value: Any) -> bool:  # noqa: ANN401 - what the server gives
    return str(value).upper() not in {"0", "OFF"}


def _see_counters_fresh(connection: Connection) -> None:
    try:
        connection.execute(_FRESH_COUNTERS)
    except ServerError as error:
        if error.code != _UNKNOWN_VARIABLE:  # MariaDB's are always fresh
            raise


def _table(connection: Connection, table: Table) -> TableState:
    facts = facts_of(connection, table.name)
    found = problems(table, facts)
    schema, _, name = table.name.rpartition(".")
    place = [schema or None, name]
    texts = connection.query(_TEXTS, place)
    counters = connection.query(_COUNTER, place)
    return TableState(
        table=table,
        facts=facts,
        problems=found,
        collations={str(n).lower(): (str(charset), str(way)) for n, charset, way in texts},
        unsigned=frozenset(str(n).lower() for (n,) in connection.query(_UNSIGNED, place)),
        counter=next(((str(n), int(at or 0)) for n, at in counters), None),
        refusal=None if found else _refusal_of_upsert(connection, table),
    )


def _refusal_of_upsert(connection: Connection, table: Table) -> str | None:
    columns = [*table.fields.columns.values(), *filter(None, [table.sequence])]
    updated = [name for name in columns if name not in table.insert_only_columns]
    text = upsert(table, columns, updated, connection.dialect)
    row = ", ".join("NULL" for _ in columns)
    needs = f"SELECT, INSERT and UPDATE on {table.name}"
    return _refusal(connection, f"{text.head}({row}){text.tail}", needs)


def _inbox(connection: Connection, table: str) -> InboxState:
    found = inbox_problems(table, facts_of(connection, table))
    if found:
        return InboxState(problems=found, refusal=None)
    insert = f"INSERT INTO {quoted(table)} ({column(IDENTITY)}) VALUES ('')"  # noqa: S608 - quoted
    select = f"SELECT {column(IDENTITY)} FROM {quoted(table)} WHERE {column(IDENTITY)} = ''"  # noqa: S608 - quoted
    needs = f"SELECT and INSERT on {table}"
    refusals = (_refusal(connection, statement, needs) for statement in (insert, select))
    return InboxState(problems=[], refusal=next(filter(None, refusals), None))


def _refusal(connection: Connection, statement: str, needs: str) -> str | None:
    """Let the server plan a statement, which takes the same rights as doing it."""
    try:
        connection.query(f"EXPLAIN {statement}")
    except ServerError as error:
        if classify(error.code, error.sqlstate, error.text) is Fault.UNAVAILABLE:
            raise
        return error.reason(needs)
    return None
