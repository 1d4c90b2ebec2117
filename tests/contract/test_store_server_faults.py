"""Faults of a whole server, a database or an account: held, whatever the code; then stored."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pymysql
import pytest

from durable_ingest.testing import DatabaseServer, eventually
from durable_ingest.testing.connection import Address
from tests.contract import store_kit
from tests.contract.store_kit import ITEMS, ITEMS_TABLE, Bench, Drain, Outcome, run, sent
from tests.measured import measured

if TYPE_CHECKING:
    from pymysql.connections import Connection

pytestmark = pytest.mark.database
bench = store_kit.bench
server = store_kit.server

ALL = {0, 1, 2}


def deliver(drain: Drain) -> Outcome:
    """Drain three messages."""
    return drain(*(sent(ITEMS, {"id": n, "name": "good"}) for n in sorted(ALL)))


def stored(drain: Drain) -> bool:
    """Say whether three messages are stored."""
    return deliver(drain).stored == sorted(ALL)


@pytest.fixture(autouse=True)
def as_measured(bench: Bench) -> Iterator[None]:
    """See that whatever a test meets stands in the table of measured errors."""
    yield
    assert bench.met <= {
        (m.code, m.sqlstate) for m in measured() if m.server == bench.server.flavour
    }


@pytest.fixture
def drain(bench: Bench) -> Drain:
    """Give a drainer of a table, without a connection yet."""
    bench.sql(ITEMS_TABLE)
    return bench.drain(ITEMS)


@contextmanager
def variable(server: DatabaseServer, name: str, value: object) -> Iterator[None]:
    """Give a global variable another value for a while, on a connection that stays open."""
    admin = server.connect(server.admin_url)
    [(before,)] = run(admin, f"SELECT @@GLOBAL.{name}")
    run(admin, f"SET GLOBAL {name} = %s", value)
    try:
        yield
    finally:
        run(admin, f"SET GLOBAL {name} = %s", before)
        admin.close()


def test_too_many_connections(bench: Bench, server: DatabaseServer, drain: Drain) -> None:
    """Until one is free again: unavailable."""
    with variable(server, "max_connections", 10):
        others = []
        with pytest.raises(pymysql.err.OperationalError) as full:  # noqa: PT012 - until it is full
            while True:
                others.append(bench.connect())
        assert full.value.args[0] == 1040
        assert deliver(drain).faults == dict.fromkeys(ALL, "unavailable 1040")
        for other in others:
            other.close()
        eventually(lambda: stored(drain), what="a free connection")


@contextmanager
def only_transactions_that_read(bench: Bench) -> Iterator[None]:
    """Let every new session's transactions be read-only."""
    mysql = bench.server.flavour == "mysql"
    with variable(bench.server, "transaction_read_only" if mysql else "tx_read_only", 1):
        yield


def test_read_only_transactions(bench: Bench, drain: Drain) -> None:
    """As on a reader: unavailable, and the connection is made anew."""
    with only_transactions_that_read(bench):
        assert deliver(drain).faults == dict.fromkeys(ALL, "unavailable 1792")
    assert stored(drain)


def test_a_read_only_database(bench: Bench, drain: Drain) -> None:
    """MySQL's alone: unavailable."""
    if bench.server.flavour == "mysql":
        bench.server.execute(f"ALTER DATABASE `{bench.name}` READ ONLY = 1")
        outcome = deliver(drain)
        bench.server.execute(f"ALTER DATABASE `{bench.name}` READ ONLY = 0")
        assert outcome.faults == dict.fromkeys(ALL, "unavailable 3989")
    assert stored(drain)


def test_a_server_in_offline_mode(bench: Bench, server: DatabaseServer, drain: Drain) -> None:
    """MySQL's alone: it ends the connections and takes none."""
    assert stored(drain)
    if bench.server.flavour == "mysql":
        with variable(server, "offline_mode", 1):
            assert deliver(drain).faults == dict.fromkeys(ALL, "unavailable 3032")
    assert stored(drain)


@pytest.fixture
def busy(bench: Bench, drain: Drain) -> "Connection[Any]":
    """Give a connection that has locked the second of three rows."""
    assert stored(drain)
    other = bench.connect()
    run(other, "BEGIN")
    run(other, "UPDATE items SET name = 'locked' WHERE id = 1")
    return other


def session_of(bench: Bench) -> int | None:
    """Give the session in which an upsert is at work."""
    sql = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = %s AND INFO LIKE 'INSERT%%'"
    found = bench.server.execute(sql, (bench.name,))
    return int(found[0][0]) if found else None


@pytest.mark.parametrize("what", ["QUERY", "CONNECTION"])
def test_a_write_that_is_killed_is_repeated(
    bench: Bench, drain: Drain, busy: "Connection[Any]", what: str
) -> None:
    """While it waits for a lock: all is stored once the lock is gone."""
    outcomes: list[Outcome] = []
    draining = threading.Thread(target=lambda: outcomes.append(deliver(drain)))
    draining.start()
    eventually(lambda: session_of(bench), what="the upsert's wait for the lock")
    bench.server.execute(f"KILL {what} {session_of(bench)}")
    run(busy, "ROLLBACK")
    draining.join(20)
    assert outcomes[0].stored == sorted(ALL)


def test_a_time_limit_for_statements(
    bench: Bench, server: DatabaseServer, drain: Drain, busy: "Connection[Any]"
) -> None:
    """MariaDB's alone: the row that takes too long waits by itself."""
    if bench.server.flavour == "mariadb":
        drain.database.close()
        with variable(server, "max_statement_time", 0.3):
            outcome = deliver(drain)
        assert (outcome.stored, outcome.faults) == ([0, 2], {1: "unavailable 1969"})
    run(busy, "ROLLBACK")
    drain.database.close()
    assert stored(drain)


def test_a_lock_that_a_trigger_waits_for(bench: Bench, drain: Drain) -> None:
    """Contended, as if it were the row's own. MySQL waits there even where NOWAIT is said."""
    bench.sql("CREATE TABLE one (id INT PRIMARY KEY)")
    bench.sql("INSERT INTO one VALUES (1)")
    look = "SELECT id INTO @x FROM one WHERE id = 1 FOR UPDATE"
    bench.sql(f"CREATE TRIGGER look BEFORE INSERT ON items FOR EACH ROW {look}")
    other = bench.connect()
    run(other, "BEGIN")
    run(other, "UPDATE one SET id = 2")
    assert deliver(drain).faults == dict.fromkeys(ALL, "contended 1205")
    run(other, "ROLLBACK")
    assert stored(drain)


def test_a_server_that_is_backed_up(bench: Bench, drain: Drain) -> None:
    """Under FLUSH TABLES WITH READ LOCK nothing is written: contended."""
    assert stored(drain)
    other = bench.server.connect(bench.server.admin_url)
    run(other, "FLUSH TABLES WITH READ LOCK")
    outcome = deliver(drain)
    run(other, "UNLOCK TABLES")
    other.close()
    assert outcome.faults == dict.fromkeys(ALL, "contended 1205")
    assert stored(drain)


@dataclass(frozen=True)
class Bar:
    """What is done to an account, the faults that each server gives, and how it is undone."""

    change: str
    mysql: str
    mariadb: str
    undo: str
    used_up: bool = False
    """Whether another session of the account has to take what it may have."""


BARS = {
    "locked": Bar("ACCOUNT LOCK", "misconfigured 3118", "misconfigured 4151", "ACCOUNT UNLOCK"),
    "expired": Bar(
        "PASSWORD EXPIRE",
        "misconfigured 1862",
        "misconfigured 1820",
        "IDENTIFIED BY 'secret'",
    ),
    "TLS required": Bar("REQUIRE SSL", "misconfigured 1045", "misconfigured 1045", "REQUIRE NONE"),
    "one connection": Bar(
        "WITH MAX_USER_CONNECTIONS 1",
        "unavailable 1226",
        "unavailable 1226",
        "WITH MAX_USER_CONNECTIONS 0",
        used_up=True,
    ),
    "few queries": Bar(
        "WITH MAX_QUERIES_PER_HOUR 1",
        "unavailable 1226",
        "unavailable 1226",
        "WITH MAX_QUERIES_PER_HOUR 0",
        used_up=True,
    ),
    "few changes": Bar(
        "WITH MAX_UPDATES_PER_HOUR 1",
        "unavailable 1226",
        "unavailable 1226",
        "WITH MAX_UPDATES_PER_HOUR 0",
        used_up=True,
    ),
}


@pytest.fixture
def clerk(bench: Bench) -> Iterator[Address]:
    """Give the address of a user who may do anything in this database."""
    user = f"clerk_{bench.name[-8:]}"
    bench.server.execute(f"CREATE USER {user}@'%' IDENTIFIED BY 'secret'")
    bench.server.execute(f"GRANT ALL ON `{bench.name}`.* TO {user}@'%'")
    yield replace(Address.parse(bench.url), user=user, password="secret")
    bench.server.execute(f"DROP USER {user}@'%'")


@pytest.mark.parametrize("name", BARS)
def test_an_account_that_is_barred(bench: Bench, clerk: Address, name: str) -> None:
    """Held with the code, and nothing dead-lettered; set right, the same drainer goes on."""
    bar = BARS[name]
    bench.sql(ITEMS_TABLE)
    drain = bench.drain(ITEMS, url=clerk.url)
    bench.server.execute(f"ALTER USER {clerk.user}@'%' {bar.change}")
    if bar.used_up:
        use_up(bench, bench.server.connect(clerk.url))
    expected = bar.mysql if bench.server.flavour == "mysql" else bar.mariadb
    assert deliver(drain).faults == dict.fromkeys(ALL, expected)
    bench.close()
    bench.server.execute(f"ALTER USER {clerk.user}@'%' {bar.undo}")
    eventually(lambda: stored(drain), what="the drainer's way back")


def use_up(bench: Bench, connection: "Connection[Any]") -> None:
    """Write until the account may not, and keep the connection till the bench is closed."""
    bench.keep(connection)
    with suppress(pymysql.err.OperationalError):
        for n in range(3):
            run(connection, f"INSERT INTO items VALUES ({n}, 'old')")  # noqa: S608 - a number


def test_a_server_that_takes_only_tls(bench: Bench, server: DatabaseServer, drain: Drain) -> None:
    """Misconfigured, since the drainer was told to do without; MariaDB has no certificate."""
    if bench.server.flavour == "mysql":
        with variable(server, "require_secure_transport", 1):
            outcome = deliver(drain)
        assert outcome.faults == dict.fromkeys(ALL, "misconfigured 3159")
    assert stored(drain)


def test_a_database_that_the_user_may_not_use(bench: Bench, clerk: Address) -> None:
    """Misconfigured, until the right is given."""
    bench.sql(ITEMS_TABLE)
    bench.server.execute(f"REVOKE ALL ON `{bench.name}`.* FROM {clerk.user}@'%'")
    drain = bench.drain(ITEMS, url=clerk.url)
    assert deliver(drain).faults == dict.fromkeys(ALL, "misconfigured 1044")
    bench.server.execute(f"GRANT ALL ON `{bench.name}`.* TO {clerk.user}@'%'")
    assert stored(drain)


def test_a_column_that_the_user_may_not_write(bench: Bench, clerk: Address) -> None:
    """Misconfigured, until the right is given."""
    bench.sql(ITEMS_TABLE)
    bench.server.execute(f"REVOKE ALL ON `{bench.name}`.* FROM {clerk.user}@'%'")
    rights = "SELECT, INSERT, UPDATE (id)"
    bench.server.execute(f"GRANT {rights} ON `{bench.name}`.items TO {clerk.user}@'%'")
    drain = bench.drain(ITEMS, url=clerk.url)
    assert deliver(drain).faults == dict.fromkeys(ALL, "misconfigured 1143")
    bench.server.execute(f"GRANT UPDATE (name) ON `{bench.name}`.items TO {clerk.user}@'%'")
    assert stored(drain)


@pytest.mark.parametrize(
    ("does", "code"),
    [
        ("INSERT INTO secrets VALUES (1)", 1142),
        ("CALL secret()", 1370),
        ("SET GLOBAL max_connections = 100", 1227),
    ],
)
def test_a_trigger_whose_definer_lacks_a_right(
    bench: Bench, clerk: Address, drain: Drain, does: str, code: int
) -> None:
    """Misconfigured: whoever wrote the row, the definer's rights count."""
    bench.sql("CREATE TABLE secrets (note INT)")
    bench.root("CREATE PROCEDURE secret() SET @x = 1")
    bench.server.execute(f"REVOKE ALL ON `{bench.name}`.* FROM {clerk.user}@'%'")
    for right in ("SELECT", "TRIGGER"):
        bench.server.execute(f"GRANT {right} ON `{bench.name}`.items TO {clerk.user}@'%'")
    bench.root(
        f"CREATE DEFINER = {clerk.user}@'%' TRIGGER pry BEFORE INSERT ON items FOR EACH ROW {does}"
    )
    assert deliver(drain).faults == dict.fromkeys(ALL, f"misconfigured {code}")
    bench.root("DROP TRIGGER pry")
    assert stored(drain)
