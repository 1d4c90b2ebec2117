"""Rows that another connection has locked, on a real server."""

import threading
from typing import Any

import pytest

from durable_ingest import MySQL, Table
from durable_ingest.testing import eventually
from tests.contract import store_kit
from tests.contract.store_kit import (
    ITEMS,
    ITEMS_TABLE,
    SEQUENCED,
    SEQUENCED_TABLE,
    Bench,
    run,
    sent,
)

pytestmark = pytest.mark.database
bench = store_kit.bench

BOTH = pytest.mark.parametrize(
    ("table", "create"),
    [(ITEMS, ITEMS_TABLE), (SEQUENCED, SEQUENCED_TABLE)],
    ids=["plain", "sequence"],
)


@BOTH
def test_a_locked_row_holds_its_own_group_alone(bench: Bench, table: Table, create: str) -> None:
    """It is contended, with what is behind it in its group; all others are stored in time."""
    bench.sql(create)
    drain = bench.drain(table)
    assert drain(*(sent(table, {"id": n, "name": "old"}) for n in range(4))).stored
    batch = [sent(table, {"id": n, "name": "new"}) for n in range(4)]
    batch.append(sent(table, {"id": 2, "name": "newest"}))
    other = bench.connect()
    run(other, "BEGIN")
    run(other, f"UPDATE {table.name} SET name = 'locked' WHERE id = 2")  # noqa: S608 - a constant's name
    outcome = drain(*batch, timeout=10.0)
    run(other, "ROLLBACK")
    assert outcome.stored == [0, 1, 3]
    assert outcome.held.keys() == {2, 4}
    assert outcome.faults == {2: "contended 1205"}
    assert drain(batch[2], batch[4]).stored == [0, 1]
    found = bench.sql(f"SELECT name FROM {table.name} ORDER BY id")  # noqa: S608 - a constant's name
    assert [row[0] for row in found] == ["new", "new", "newest", "new"]


@BOTH
def test_a_lock_that_goes_in_time_holds_nothing_up(bench: Bench, table: Table, create: str) -> None:
    """The statement waits for the row and is stored."""
    bench.sql(create)
    drain = bench.drain(table)
    drain(sent(table, {"id": 1, "name": "old"}))
    other = bench.connect()
    run(other, "BEGIN")
    run(other, f"UPDATE {table.name} SET name = 'locked' WHERE id = 1")  # noqa: S608 - a constant's name
    outcomes: list[Any] = []
    batch = [sent(table, {"id": n, "name": "new"}) for n in range(3)]
    draining = threading.Thread(target=lambda: outcomes.append(drain(*batch)))
    draining.start()
    eventually(lambda: waiting(bench), what="the upsert's wait for the lock")
    run(other, "COMMIT")
    draining.join(20)
    assert outcomes[0].stored == [0, 1, 2]
    assert bench.sql(f"SELECT DISTINCT name FROM {table.name}") == [("new",)]  # noqa: S608 - a constant's name


def waiting(bench: Bench) -> bool:
    """Say whether an upsert of this database is at work."""
    return bool(
        bench.server.execute(
            "SELECT 1 FROM information_schema.PROCESSLIST WHERE DB = %s AND INFO LIKE 'INSERT%%'",
            (bench.name,),
        )
    )


@BOTH
def test_a_deadlock_is_repeated(bench: Bench, table: Table, create: str) -> None:
    """The drainer locks 1 and waits for 2, the other has 2 and asks for 1: all is stored.

    The other transaction has changed more rows, so the server ends the drainer's (1213).
    """
    bench.sql(create)
    drain = bench.drain(table)
    rows = [sent(table, {"id": n, "name": "old"}) for n in range(1, 3)]
    assert drain(*rows).stored == [0, 1]
    bench.sql("CREATE TABLE ballast (id INT PRIMARY KEY)")
    other = bench.connect()
    run(other, "BEGIN")
    values = ", ".join(f"({n})" for n in range(500))
    run(other, f"INSERT INTO ballast VALUES {values}")  # noqa: S608 - numbers
    run(other, f"UPDATE {table.name} SET name = 'other' WHERE id = 2")  # noqa: S608 - a constant's name
    before = deadlocks(bench)
    outcomes: list[Any] = []
    batch = [sent(table, {"id": n, "name": "new"}) for n in range(1, 3)]
    draining = threading.Thread(target=lambda: outcomes.append(drain(*batch)))
    draining.start()
    eventually(lambda: waiting(bench), what="the upsert's wait for the lock")
    run(other, f"UPDATE {table.name} SET name = 'other' WHERE id = 1")  # noqa: S608 - a constant's name
    assert deadlocks(bench) == before + 1
    run(other, "COMMIT")
    draining.join(20)
    assert outcomes[0].stored == [0, 1]
    assert bench.sql(f"SELECT DISTINCT name FROM {table.name}") == [("new",)]  # noqa: S608 - a constant's name


def deadlocks(bench: Bench) -> int:
    """Count the server's deadlocks so far."""
    if bench.server.flavour == "mariadb":
        sql = "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'"
        return int(bench.server.execute(sql)[0][1])
    sql = "SELECT `COUNT` FROM information_schema.INNODB_METRICS WHERE NAME = 'lock_deadlocks'"
    return int(bench.server.execute(sql)[0][0])


def test_a_lock_is_waited_for_less_long_than_an_answer(bench: Bench) -> None:
    """Otherwise a locked row would look like a server that hangs."""
    bench.sql(ITEMS_TABLE)
    drain = bench.drain(ITEMS)
    drain({"id": 1, "name": "warm"})
    waits = drain.connection.query("SELECT @@innodb_lock_wait_timeout, @@lock_wait_timeout")
    assert max(waits[0]) < MySQL(bench.url).read_timeout


def test_a_locked_table_is_contended(bench: Bench) -> None:
    """A metadata lock, as of an ALTER TABLE, is waited for no longer than a row's."""
    bench.sql(ITEMS_TABLE)
    drain = bench.drain(ITEMS)
    assert drain({"id": 1, "name": "old"}).stored == [0]
    other = bench.connect()
    run(other, "LOCK TABLES items WRITE")
    outcome = drain({"id": 1, "name": "new"})
    assert outcome.faults == {0: "contended 1205"}
    run(other, "UNLOCK TABLES")
    assert drain({"id": 1, "name": "new"}).stored == [0]


@pytest.mark.parametrize("name", ["good", "stale", "too long for the column of twenty"])
def test_nothing_stays_locked_after_a_call(bench: Bench, name: str) -> None:
    """Whatever became of the batch, the table can be altered while the connection is kept."""
    bench.sql(ITEMS_TABLE)
    bench.sql(SEQUENCED_TABLE)
    drain = bench.drain(ITEMS, SEQUENCED)
    drain(
        sent(SEQUENCED, {"id": 1, "name": "newer"}, sequence=9), sent(ITEMS, {"id": 1, "name": "x"})
    )
    drain(sent(SEQUENCED, {"id": 1, "name": name}, sequence=7 if name == "stale" else 8))
    other = bench.connect()
    run(other, "SET SESSION lock_wait_timeout = 1")
    run(other, "ALTER TABLE sequenced ADD extra INT")
    assert drain.connection.query("SELECT 1") == [(1,)]
