"""Errors that only a command's own statements meet: its message is held, and no other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from durable_ingest import Command, Inbox, MySQL
from tests.contract import store_kit
from tests.contract.store_kit import ITEMS_TABLE, Bench, run, sent
from tests.measured import measured

pytestmark = pytest.mark.database
bench = store_kit.bench


class Ask(BaseModel):
    """A statement for the database."""

    id: int
    sql: str


def ask(cursor: Any, record: Ask) -> None:  # noqa: ANN401 - PyMySQL's cursor
    """Apply `Ask`."""
    cursor.execute(record.sql)


ASK = Command("ask", Ask, group="id", apply=ask)
INBOX = Inbox()
GOOD = "INSERT INTO items VALUES ({}, 'good')"


@dataclass(frozen=True)
class Case:
    """A statement, and what each server makes of it; None where it is not that server's SQL."""

    sql: str
    mysql: str | None
    mariadb: str | None


CASES = {
    "syntax": Case("SELECT FROM items", "misconfigured 1064", "misconfigured 1064"),
    "group function": Case(
        "SELECT COUNT(SUM(id)) FROM items", "misconfigured 1111", "misconfigured 1111"
    ),
    "variable": Case("SELECT @@missing", "misconfigured 1193", "misconfigured 1193"),
    "collation": Case("SELECT 'a' COLLATE missing", "misconfigured 1273", "misconfigured 1273"),
    "locked row": Case(
        "SELECT name FROM items WHERE id = 0 FOR UPDATE NOWAIT",
        "contended 3572",
        "contended 1205",
    ),
    "time limit": Case(
        "SELECT /*+ MAX_EXECUTION_TIME(50) */ COUNT(*) FROM information_schema.COLUMNS a,"
        " information_schema.COLUMNS b, information_schema.COLUMNS c, information_schema.COLUMNS d",
        "unknown 3024",
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_commands_fault_holds_its_own_message(bench: Bench, name: str) -> None:
    """Before and after it others are stored; nothing is dead-lettered."""
    case = CASES[name]
    flavour = bench.server.flavour
    expected = case.mysql if flavour == "mysql" else case.mariadb
    bench.sql(ITEMS_TABLE)
    bench.sql(GOOD.format(0))
    INBOX.create(MySQL(bench.url, ssl_mode="DISABLED"))
    other = bench.connect()
    run(other, "BEGIN")
    run(other, "UPDATE items SET name = 'locked' WHERE id = 0")
    drain = bench.drain(ASK, inbox=INBOX)
    asked = case.sql if expected else GOOD.format(2)
    statements = [GOOD.format(1), asked, GOOD.format(3)]
    outcome = drain(
        *(sent(ASK, {"id": n, "sql": sql}, group=f"g{n}") for n, sql in enumerate(statements))
    )
    assert not outcome.dead
    assert outcome.faults == ({1: expected} if expected else {})
    assert outcome.stored == ([0, 2] if expected else [0, 1, 2])
    assert bench.met <= {(m.code, m.sqlstate) for m in measured() if m.server == flavour}


@pytest.fixture
def small_packets(bench: Bench) -> Iterator[int]:
    """Let the server take packets of 64 KiB at most."""
    [(before,)] = bench.server.execute("SELECT @@GLOBAL.max_allowed_packet")
    bench.server.execute("SET GLOBAL max_allowed_packet = 65536")
    yield 65536
    bench.server.execute(f"SET GLOBAL max_allowed_packet = {before}")


@pytest.mark.parametrize("ssl_mode", ["DISABLED", "PREFERRED"])
@pytest.mark.parametrize("size", [100_000, 2_000_000, 20_000_000])
def test_a_commands_statement_over_the_packet_limit(
    bench: Bench, small_packets: int, ssl_mode: str, size: int
) -> None:
    """The server says so (1153) or only hangs up (2006, 2013): no other message waits for it."""
    assert size > small_packets
    bench.sql(ITEMS_TABLE)
    INBOX.create(MySQL(bench.url, ssl_mode="DISABLED"))

    def store(cursor: Any, record: Ask) -> None:  # noqa: ANN401 - PyMySQL's cursor
        cursor.execute(record.sql.replace("large", "x" * size))

    contract = Command("store", Ask, group="id", apply=store)
    drain = bench.drain(contract, inbox=INBOX, ssl_mode=ssl_mode)
    statements = [GOOD.format(1), "INSERT INTO items VALUES (2, 'large')", GOOD.format(3)]
    outcome = drain(*(sent(contract, {"id": n, "sql": s}) for n, s in enumerate(statements)))
    assert outcome.stored == [0, 2]
    assert outcome.faults[1] in {"rejected 1153", "unknown 2006", "unknown 2013"}
    assert bench.sql("SELECT id FROM items ORDER BY id") == [(1,), (3,)]
