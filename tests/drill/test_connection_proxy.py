"""Alternative A: a connection proxy that holds its clients, on a real server."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pymysql
import pytest

from drill.alternatives.connection_proxy import ACCESS_DENIED, NO_CONNECTION, ConnectionProxy
from drill.alternatives.writer import UnavailableError, Writer, upsert
from drill.stage import HANDLERS
from durable_ingest.testing import eventually
from durable_ingest.testing.connection import Address, connect
from tests.drill.fake_writer import row

if TYPE_CHECKING:
    from pymysql.connections import Connection

    from durable_ingest.testing import DatabaseServer

pytestmark = pytest.mark.database


@pytest.fixture
def url(database_url: str) -> str:
    """Give a database with the drill's table."""
    schema = (HANDLERS / "schema.sql").read_text(encoding="utf-8")
    with session(database_url) as connection:
        run(connection, schema)
    return database_url


@pytest.fixture
def proxy(url: str) -> Iterator[ConnectionProxy]:
    """Give a proxy with two connections and much patience."""
    with ConnectionProxy(url, borrow_timeout=60, size=2) as made:
        yield made


def session(url: str) -> "contextlib.closing[Connection[Any]]":
    """Connect."""
    return contextlib.closing(connect(url))


def run(connection: "Connection[Any]", sql: str) -> tuple[tuple[Any, ...], ...]:
    """Execute one statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(cursor.fetchall())


def answers(connection: "Connection[Any]") -> bool:
    """Say whether the connection is lent one to the server."""
    try:
        return run(connection, "SELECT 1") == ((1,),)
    except pymysql.err.OperationalError:
        return False


def stored(url: str) -> list[tuple[Any, ...]]:
    """Read the table, past the proxy."""
    with session(url) as connection:
        sql = "SELECT customer_id, revision FROM customers ORDER BY customer_id"
        return list(run(connection, sql))


def test_statements_and_results_pass(proxy: ConnectionProxy) -> None:
    """Rows, errors, pings, text of any kind."""
    with session(proxy.url) as connection:
        assert run(connection, "SELECT 1, '李雷 🐙', NULL UNION SELECT 2, '', 'x'") == (
            (1, "李雷 🐙", None),
            (2, "", "x"),
        )
        with pytest.raises(pymysql.err.ProgrammingError):
            run(connection, "SELECT * FROM missing")
        connection.ping(reconnect=False)
        assert run(connection, f"SELECT '{'x' * 100_000}'") == (("x" * 100_000,),)


def test_more_clients_than_connections_share_them(proxy: ConnectionProxy) -> None:
    """A connection serves one statement, then another client's."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(session(proxy.url)) for _ in range(5)]
        ids = {run(client, "SELECT CONNECTION_ID()") for client in clients}
    assert len(ids) <= 2


def test_a_transaction_keeps_its_connection(proxy: ConnectionProxy) -> None:
    """Others have another one meanwhile."""
    with session(proxy.url) as first, session(proxy.url) as second:
        run(first, "BEGIN")
        inside = run(first, "SELECT CONNECTION_ID()")
        assert run(second, "SELECT CONNECTION_ID()") != inside
        assert run(first, "SELECT CONNECTION_ID()") == inside
        run(first, "COMMIT")


def test_what_a_session_sets_stays_with_it(proxy: ConnectionProxy) -> None:
    """It keeps the connection."""
    with session(proxy.url) as first, session(proxy.url) as second:
        run(first, "SET @mine = 1")
        assert run(second, "SELECT @mine") == ((None,),)
        assert run(first, "SELECT @mine") == ((1,),)


def test_a_wrong_password_is_refused(proxy: ConnectionProxy) -> None:
    """As the server does."""
    with pytest.raises(pymysql.err.OperationalError) as refused:
        connect(replace(Address.parse(proxy.url), password="wrong").url)
    assert refused.value.args[0] == ACCESS_DENIED


def test_who_waits_too_long_gets_an_error(url: str) -> None:
    """And may try again on the same connection."""
    with (
        ConnectionProxy(url, borrow_timeout=0.05, size=1) as proxy,
        session(proxy.url) as first,
        session(proxy.url) as second,
    ):
        run(first, "BEGIN")
        with pytest.raises(pymysql.err.OperationalError) as refused:
            run(second, "SELECT 1")
        assert refused.value.args[0] == NO_CONNECTION
        run(first, "COMMIT")
        eventually(lambda: answers(second))


def test_a_client_that_goes_away_gives_its_connection_up(proxy: ConnectionProxy) -> None:
    """What it had not committed is rolled back."""
    with session(proxy.url) as client:
        run(client, "BEGIN")
        run(client, "INSERT INTO customers VALUES ('a', 'e', 'n', 1, 1)")
    with session(proxy.url) as client:
        eventually(lambda: run(client, "SELECT COUNT(*) FROM customers FOR UPDATE") == ((0,),))


def test_writes_are_held_until_there_is_a_writer(
    url: str, proxy: ConnectionProxy, database: "DatabaseServer"
) -> None:
    """New clients are let in meanwhile."""
    writers = [Writer(proxy.url, timeout=60) for _ in range(4)]
    database.read_only(on=True)
    tried = threading.Semaphore(0)

    def write(number: int) -> None:
        tried.release()
        writers[number].write([row(str(number), 1)])

    with ThreadPoolExecutor(4) as pool:
        try:
            writes = [pool.submit(write, number) for number in range(4)]
            for _ in writes:
                assert tried.acquire(timeout=30)
            assert stored(url) == []
            assert not any(write.done() for write in writes)
        finally:
            database.read_only(on=False)
        for each in writes:
            each.result(60)
    assert stored(url) == [(str(number), 1) for number in range(4)]
    for writer in writers:
        writer.close()


def test_connections_that_the_server_ended_are_replaced(
    proxy: ConnectionProxy, database: "DatabaseServer"
) -> None:
    """An idle client notices nothing."""
    with session(proxy.url) as client:
        [(number,)] = run(client, "SELECT CONNECTION_ID()")
        database.execute(f"KILL {number}")
        eventually(
            lambda: (
                (number,) not in database.execute("SELECT id FROM information_schema.processlist")
            )
        )
        assert run(client, "SELECT CONNECTION_ID()") != ((number,),)


def test_an_older_write_changes_nothing(url: str) -> None:
    """By the time at which its request came in; of equal ones the last counts."""
    with contextlib.closing(Writer(url, timeout=30)) as writer:
        writer.write([row("a", 2, 2000), row("b", 1, 1000), row("b", 2, 1000)])
        writer.write([row("a", 1, 1000)])
        assert stored(url) == [("a", 2), ("b", 2)]
        writer.write([row("a", 3, 3000)])
    assert stored(url) == [("a", 3), ("b", 2)]


def test_a_kept_connection_that_broke_is_replaced(url: str, database: "DatabaseServer") -> None:
    """Within the same write."""
    with contextlib.closing(Writer(url, timeout=30)) as writer:
        writer.write([row("a", 1, 1)])
        assert writer._connection is not None
        [(number,)] = run(writer._connection, "SELECT CONNECTION_ID()")
        database.execute(f"KILL {number}")
        writer.write([row("a", 2, 2)])
    assert stored(url) == [("a", 2)]


def test_a_write_that_the_server_refuses_is_said(url: str, database: "DatabaseServer") -> None:
    """While it is read-only, and while it is not there."""
    with contextlib.closing(Writer(url, timeout=30)) as writer:
        database.read_only(on=True)
        try:
            with pytest.raises(UnavailableError):
                writer.write([row("a", 1)])
        finally:
            database.read_only(on=False)
    nowhere = Writer("mysql://a:b@127.0.0.1:1/c", timeout=30)
    with pytest.raises(UnavailableError):
        nowhere.write([row("a", 1)])


def test_the_statement_names_each_column_once_per_row() -> None:
    """Five values each."""
    assert upsert(3).count("%s") == 15
