"""What a lane's tables hold at the end."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chaos.contracts import CONTRACTS, INBOX
from chaos.facts import IDENTITY
from chaos.plan import Lane
from chaos.verdict import Step, Stored
from chaos.workload import Content
from durable_ingest import Table
from durable_ingest.testing.connection import connect

if TYPE_CHECKING:
    from pymysql.cursors import Cursor


def read_tables(lane: Lane, stored: Stored) -> None:
    """Add a lane's tables to what is known."""
    with (
        contextlib.closing(connect(lane.direct_mysql_url)) as connection,
        connection.cursor() as cursor,
    ):
        for contract in CONTRACTS[lane.kind]:
            if isinstance(contract, Table):
                sql = f"SELECT `key`, n, write_id, note, amount FROM `{contract.name}`"  # noqa: S608
                stored.rows |= {key: Content(*values) for key, *values in _rows(cursor, sql)}
        for key, n, sequence in _rows(
            cursor, "SELECT `key`, n, sequence FROM journal WHERE filler IS NULL ORDER BY id"
        ):
            step = Step(n, None if sequence is None else int(sequence))
            stored.journal.setdefault(key, []).append(step)
        if lane.kind == "inbox":
            _read_effects(cursor, stored)


def _read_effects(cursor: "Cursor", stored: Stored) -> None:
    sql = "SELECT `key`, n, write_id, note, amount FROM effects ORDER BY id"
    for key, *values in _rows(cursor, sql):
        stored.effects.setdefault(key, []).append(Content(*values))
    for key, times, total in _rows(cursor, "SELECT `key`, times, total FROM counters"):
        stored.counters[key] = (int(times), int(total))
    for (identity,) in _rows(cursor, f"SELECT dedup_id FROM `{INBOX.table}`"):  # noqa: S608
        stored.remembered.add(identity.hex()[:IDENTITY])


def _rows(cursor: "Cursor", sql: str) -> Iterator[Any]:
    cursor.execute(sql)
    yield from cursor.fetchall()
