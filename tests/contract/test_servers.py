"""What the tests rely on in a database server that they own, whichever kind it is."""

import threading
from collections.abc import Iterator

import pymysql
import pytest

from durable_ingest.testing import DatabaseServer, GivenServer, eventually, fresh_database
from durable_ingest.testing.connection import connect

pytestmark = [pytest.mark.database, pytest.mark.chaos]


@pytest.fixture
def server(database: DatabaseServer) -> Iterator[DatabaseServer]:
    """The session's server; it is left running and writable whatever a test did."""
    yield database
    database.thaw()
    if not database.running:
        database.start()
    database.read_only(on=False)


@pytest.fixture
def table_url(server: DatabaseServer) -> str:
    """A database with a table `t` that holds the row 1."""
    url = fresh_database(server)
    write(server, url, "CREATE TABLE t (id INT PRIMARY KEY)")
    write(server, url, "INSERT INTO t VALUES (1)")
    return url


def write(server: DatabaseServer, url: str, sql: str) -> None:
    """Execute as the application's user."""
    connection = server.connect(url)
    try:
        connection.cursor().execute(sql)
    finally:
        connection.close()


def rows(server: DatabaseServer, url: str) -> list[int]:
    """Read the table as the application's user."""
    connection = server.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM t ORDER BY id")
            return [row[0] for row in cursor.fetchall()]
    finally:
        connection.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_data_and_port_outlive_an_end(server: DatabaseServer, table_url: str, end: str) -> None:
    """After stop or kill no connection is made; after start the row is there at the same URL."""
    getattr(server, end)()
    assert not server.running
    with pytest.raises(pymysql.err.OperationalError) as refused:
        server.connect(table_url)
    assert refused.value.args[0] == 2003
    server.start()
    assert server.running
    assert rows(server, table_url) == [1]


def test_a_stopped_server_can_come_up_read_only(server: DatabaseServer, table_url: str) -> None:
    """The first write after the start is refused with 1290, until writing is allowed."""
    server.stop()
    server.start(read_only=True)
    with pytest.raises(pymysql.err.OperationalError) as refused:
        write(server, table_url, "INSERT INTO t VALUES (2)")
    assert refused.value.args[0] == 1290
    server.read_only(on=False)
    write(server, table_url, "INSERT INTO t VALUES (2)")
    server.stop()
    server.start()
    assert rows(server, table_url) == [1, 2]


def test_a_running_server_becomes_read_only(server: DatabaseServer, table_url: str) -> None:
    """Writes are refused with 1290 and reads are answered."""
    server.read_only(on=True)
    with pytest.raises(pymysql.err.OperationalError) as refused:
        write(server, table_url, "INSERT INTO t VALUES (2)")
    assert refused.value.args[0] == 1290
    assert rows(server, table_url) == [1]


def test_a_frozen_server_keeps_connections_and_answers_nothing(
    server: DatabaseServer, table_url: str
) -> None:
    """An open connection waits until the thaw and then gets its answer."""
    connection = server.connect(table_url)
    answers: list[object] = []

    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM t")
            answers.extend(cursor.fetchall())

    server.freeze()
    assert server.running
    asking = threading.Thread(target=ask)
    asking.start()
    asking.join(0.3)
    assert not answers
    server.thaw()
    asking.join(10)
    connection.close()
    assert answers == [(1,)]


def test_a_hung_server_times_out(server: DatabaseServer, table_url: str) -> None:
    """A bounded connection to a frozen server raises instead of waiting for the thaw."""
    server.freeze()
    with pytest.raises(pymysql.err.OperationalError):
        connect(table_url, timeout=1.0)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_frozen_server_can_be_ended(server: DatabaseServer, table_url: str, end: str) -> None:
    """Stop and kill need no thaw."""
    server.freeze()
    getattr(server, end)()
    assert not server.running
    server.start()
    assert rows(server, table_url) == [1]


def test_ending_twice_changes_nothing(server: DatabaseServer) -> None:
    """Stop and kill of a server that is down return."""
    server.kill()
    server.kill()
    server.stop()
    assert not server.running


def test_starting_twice_is_refused(server: DatabaseServer) -> None:
    """A start of a running server is the caller's mistake."""
    with pytest.raises(RuntimeError, match="runs already"):
        server.start()


def test_the_application_user_is_no_administrator(server: DatabaseServer) -> None:
    """It may not SET GLOBAL, so that read-only binds it."""
    with pytest.raises(pymysql.err.OperationalError) as refused:
        write(server, server.url, "SET GLOBAL read_only = OFF")
    assert refused.value.args[0] == 1227


def test_databases_are_apart(server: DatabaseServer, table_url: str) -> None:
    """Each fresh database is empty, another's table is not in it, and both are utf8mb4."""
    other = fresh_database(server)
    assert other != table_url
    with pytest.raises(pymysql.err.ProgrammingError) as missing:
        rows(server, other)
    assert missing.value.args[0] == 1146
    names = [url.rpartition("/")[2] for url in (table_url, other)]
    found = server.execute(
        "SELECT default_character_set_name FROM information_schema.schemata"
        " WHERE schema_name IN (%s, %s)",
        names,
    )
    assert found == [("utf8mb4",), ("utf8mb4",)]


def test_the_flavour_is_the_servers_own(server: DatabaseServer) -> None:
    """`flavour` agrees with the version that the server gives."""
    version = server.execute("SELECT VERSION()")[0][0]
    assert (server.flavour == "mariadb") == ("MariaDB" in version)


def test_a_given_server_drops_what_it_made(server: DatabaseServer) -> None:
    """Closing a given server removes its fresh databases and leaves the server alone."""
    given = GivenServer(server.url, server.admin_url)
    name = fresh_database(given).rpartition("/")[2]
    assert given.flavour == server.flavour
    assert (name,) in server.execute("SHOW DATABASES")
    given.close()
    assert (name,) not in server.execute("SHOW DATABASES")
    assert eventually(lambda: server.running)
