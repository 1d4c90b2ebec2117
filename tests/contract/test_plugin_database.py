"""The fixture `ingest_mysql`: a database of one's own, and what befalls it."""

import contextlib
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pymysql
import pytest
from pydantic import BaseModel

from durable_ingest import Drainer, MySQL, Retry, Table
from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import DatabaseServer, IngestQueue, LambdaContext, sqs_event, sqs_record
from durable_ingest.testing.connection import connect
from durable_ingest.testing.database import IngestDatabase, SchemaError
from durable_ingest.testing.leased import LeasedServer

if TYPE_CHECKING:
    from pymysql.connections import Connection

    from durable_ingest.report import BatchReport

pytestmark = pytest.mark.database

SCHEMA = """
-- A comment; with a semicolon, and a quote that doesn't end.
CREATE TABLE customers (
    customer_id VARCHAR(40) PRIMARY KEY,
    email VARCHAR(200) NOT NULL DEFAULT ';',
    ingest_sequence DECIMAL(39,0)
);
CREATE TABLE notes (note_id INT PRIMARY KEY, text VARCHAR(200)); # the last one
"""


class Customer(BaseModel):
    """A row."""

    customer_id: str
    email: str


PLAIN = Table("customers", Customer, key="customer_id")
GUARDED = Table("customers", Customer, key="customer_id", sequence="ingest_sequence")


@pytest.fixture
def customers(ingest_mysql: IngestDatabase, tmp_path: Path) -> IngestDatabase:
    """A database with a schema."""
    (tmp_path / "schema.sql").write_text(SCHEMA)
    ingest_mysql.apply(tmp_path / "schema.sql")
    return ingest_mysql


def event(name: str = "a") -> dict[str, object]:
    """One customer's write."""
    return sqs_event(sqs_record({"customer_id": name, "email": f"{name}@example.com"}, group=name))


def test_files_and_folders_are_executed_in_order(
    ingest_mysql: IngestDatabase, tmp_path: Path
) -> None:
    """A folder's files by their names; each file as a whole."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "2_add.sql").write_text("ALTER TABLE notes ADD author VARCHAR(9);")
    (tmp_path / "migrations" / "1_make.sql").write_text("CREATE TABLE notes (id INT PRIMARY KEY);")
    (tmp_path / "rows.sql").write_text("INSERT INTO notes VALUES (2, 'b'), (1, 'a')")
    ingest_mysql.apply(tmp_path / "migrations", tmp_path / "rows.sql")
    assert ingest_mysql.rows("notes") == [{"id": 1, "author": "a"}, {"id": 2, "author": "b"}]


def test_a_refused_statement_is_named(ingest_mysql: IngestDatabase, tmp_path: Path) -> None:
    """The file, and which statement of it."""
    (tmp_path / "wrong.sql").write_text("CREATE TABLE a (id INT); CREATE TABEL b (id INT);")
    with pytest.raises(SchemaError, match=r"wrong\.sql, statement 2: .*TABEL"):
        ingest_mysql.apply(tmp_path / "wrong.sql")


def test_a_file_that_is_not_there_says_where_it_was_looked_for(
    ingest_mysql: IngestDatabase,
) -> None:
    """Folder by folder."""
    with pytest.raises(FileNotFoundError, match=r"there is no nothing\.sql in .*contract"):
        ingest_mysql.apply("nothing.sql")


def test_each_test_has_a_database_of_its_own(
    customers: IngestDatabase, database: DatabaseServer
) -> None:
    """It goes with the test."""
    name = customers.url.rsplit("/", 1)[1]
    other = IngestDatabase(database, [])
    assert other.url.rsplit("/", 1)[1] != name
    other.close()
    listed = [row[0] for row in database.execute("SHOW DATABASES")]
    assert name in listed
    assert other.url.rsplit("/", 1)[1] not in listed


@pytest.mark.parametrize("table", [PLAIN, GUARDED])
@pytest.mark.parametrize("stop", [False, pytest.param(True, marks=pytest.mark.chaos)])
def test_in_an_outage_a_drainer_holds_and_afterwards_it_stores(
    customers: IngestDatabase, table: Table, *, stop: bool
) -> None:
    """With the proxy gone, or the server really down; the drainer's connection was open."""
    drainer = Drainer(MySQL(customers.url, connect_timeout=1.0), table)
    drainer.handle(event("warm"), LambdaContext())
    assert not customers.away
    with customers.outage(stop=stop):
        assert customers.away
        with pytest.raises(BatchHeldError, match="unavailable"):
            drainer.handle(event(), LambdaContext(timeout=3.0))
    assert not customers.away
    drainer.handle(event(), LambdaContext())
    assert [row["customer_id"] for row in customers.rows("customers")] == ["a", "warm"]


@pytest.mark.parametrize("acknowledge", ["report", "delete"])
def test_a_handler_that_swallows_what_its_drainer_held_stored_nothing(
    customers: IngestDatabase, ingest_queue: IngestQueue, acknowledge: Literal["report", "delete"]
) -> None:
    """The mapping deletes it all, which is a loss, though no answer says so."""
    client = ingest_queue.client
    drainer = Drainer(MySQL(customers.url), PLAIN, acknowledge=acknowledge, client=client)
    for name, email in (("a", "a@example.com"), ("b", "too long" * 50)):
        client.send_message(
            QueueUrl=ingest_queue.url,
            MessageBody=json.dumps({"customer_id": name, "email": email}),
            MessageGroupId=name,
            MessageDeduplicationId=name,
        )

    def handler(event: dict[str, Any], context: LambdaContext) -> None:
        with contextlib.suppress(BatchHeldError):
            drainer.handle(event, context)

    delivery = ingest_queue.deliver(handler)
    assert "b" in {record.body["customer_id"] for record in delivery.lost}
    assert "b" not in {record.body["customer_id"] for record in delivery.stored}
    assert "names no failure, but held 1 of 2 messages" in delivery.lost[-1].reason


def test_read_only_refuses_writes_and_ends(customers: IngestDatabase) -> None:
    """As after a failover: the connection stays and reads."""
    drainer = Drainer(MySQL(customers.url), GUARDED, retry=Retry(patience=0.0))
    with customers.read_only(), pytest.raises(BatchHeldError, match=r"read.only"):
        drainer.handle(event(), LambdaContext(timeout=3.0))
    drainer.handle(event(), LambdaContext())
    assert len(customers.rows("customers")) == 1


def test_in_the_dark_nothing_passes(customers: IngestDatabase) -> None:
    """The drainer finds out by its time limit."""
    drainer = Drainer(MySQL(customers.url, read_timeout=1.0), PLAIN)
    drainer.handle(event("warm"), LambdaContext())
    with customers.dark(), pytest.raises(BatchHeldError):
        drainer.handle(event(), LambdaContext(timeout=3.0))
    assert [row["customer_id"] for row in customers.rows("customers")] == ["warm"]
    drainer.handle(event(), LambdaContext())
    assert len(customers.rows("customers")) == 2


def test_killed_connections_are_replaced(customers: IngestDatabase) -> None:
    """At once: nothing is held."""
    drainer = Drainer(MySQL(customers.url), PLAIN)
    drainer.handle(event("warm"), LambdaContext())
    with customers.kill_connections():
        assert drainer.handle(event(), LambdaContext()) == {"batchItemFailures": []}
    assert len(customers.rows("customers")) == 2


@pytest.mark.parametrize("table", [PLAIN, GUARDED])
def test_the_answer_to_a_commit_is_lost(customers: IngestDatabase, table: Table) -> None:
    """Be it a COMMIT or an autocommitted statement: the row is there, the drainer knows nothing."""
    connection = through_the_proxy(customers)
    drainer = Drainer(MySQL(customers.url), table)
    with customers.lose_commit_answer() as faults:
        drainer.handle(event(), LambdaContext())
        assert faults.lost == 1
    assert len(customers.rows("customers")) == 1
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("INSERT INTO notes VALUES (1, 'after the fault')")


def test_a_transaction_is_lost_at_its_commit(customers: IngestDatabase) -> None:
    """Not at a statement inside it, whichever way it was begun."""
    connection = through_the_proxy(customers)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SET autocommit = 0")
        cursor.execute("INSERT INTO notes VALUES (1, '')")
        with customers.lose_commit_answer() as faults:
            cursor.execute("INSERT INTO notes VALUES (2, '')")
            cursor.execute("SAVEPOINT here")
            cursor.execute("ROLLBACK TO here")
            cursor.execute("INSERT INTO notes VALUES (3, '')")
            assert faults.lost == 0
            with pytest.raises(pymysql.err.OperationalError, match="Lost connection"):
                cursor.execute("COMMIT")
    assert [row["note_id"] for row in customers.rows("notes")] == [1, 2, 3]


def test_nothing_more_is_lost_when_the_fault_ends(customers: IngestDatabase) -> None:
    """What was ordered and not used is forgotten."""
    with customers.lose_commit_answer(times=5):
        pass
    drainer = Drainer(MySQL(customers.url), PLAIN)
    drainer.handle(event(), LambdaContext())
    with contextlib.closing(through_the_proxy(customers)) as connection:
        connection.cursor().execute("INSERT INTO notes VALUES (1, '')")
    assert len(customers.rows("notes")) == 1


def test_each_block_counts_its_own_lost_answers(customers: IngestDatabase) -> None:
    """The second does not begin with what the first one lost, and one inside does not end it."""
    with customers.lose_commit_answer(times=2) as outer:
        assert _loses_its_answer(customers)
        with customers.lose_commit_answer() as inner:
            assert _loses_its_answer(customers)
        assert not _loses_its_answer(customers)
    assert (outer.lost, inner.lost) == (2, 0)
    with customers.lose_commit_answer() as again:
        assert _loses_its_answer(customers)
    assert again.lost == 1


def _loses_its_answer(customers: IngestDatabase) -> bool:
    with contextlib.closing(through_the_proxy(customers)) as connection:
        try:
            connection.cursor().execute("INSERT INTO customers VALUES (UUID(), '', 0)")
        except pymysql.err.OperationalError:
            return True
    return False


def test_what_a_row_says_of_autocommit_is_no_setting(customers: IngestDatabase) -> None:
    """Only SET changes the mode."""
    with contextlib.closing(through_the_proxy(customers)) as connection:
        cursor = connection.cursor()
        cursor.execute("INSERT INTO notes VALUES (1, 'autocommit = 0')")
        with customers.lose_commit_answer() as fault, pytest.raises(pymysql.err.OperationalError):
            cursor.execute("INSERT INTO notes VALUES (2, '')")
    assert fault.lost == 1


def _reaches(database: IngestDatabase) -> bool:
    try:
        with contextlib.closing(connect(database.url, timeout=1.0)) as connection:
            connection.cursor().execute(
                "INSERT INTO notes VALUES (1, '') ON DUPLICATE KEY UPDATE text = ''"
            )
    except pymysql.err.MySQLError:
        return False
    return True


@pytest.mark.parametrize("fault", ["outage", "read_only", "dark"])
def test_a_fault_lasts_until_the_last_block_ends(customers: IngestDatabase, fault: str) -> None:
    """A helper that takes the database away may be used while it is away."""
    with getattr(customers, fault)():
        with getattr(customers, fault)():
            pass
        assert customers.away
        assert not _reaches(customers)
    assert not customers.away
    assert _reaches(customers)


def test_what_still_lasts_when_the_test_ends_is_taken_back(
    customers: IngestDatabase, database: DatabaseServer
) -> None:
    """The next test finds a server that writes; blocks that end later change nothing."""
    other = IngestDatabase(database, [])
    blocks = [other.outage(), other.read_only(), other.dark()]
    for block in blocks:
        block.__enter__()
    other.close()
    assert _reaches(customers)
    before = threading.active_count()
    for block in blocks:
        block.__exit__(None, None, None)
    assert threading.active_count() == before


@pytest.mark.parametrize("sql", ["", "\n", "-- Nothing, on purpose.\n", "DO 1;\n-- The end.\n"])
def test_a_script_may_do_nothing(ingest_mysql: IngestDatabase, tmp_path: Path, sql: str) -> None:
    """As migrations do that were taken back."""
    (tmp_path / "nothing.sql").write_text(sql)
    ingest_mysql.apply(tmp_path / "nothing.sql")
    assert ingest_mysql.execute("SHOW TABLES") == []


def test_a_folder_without_scripts_is_told(ingest_mysql: IngestDatabase, tmp_path: Path) -> None:
    """A wrong folder is not a schema."""
    with pytest.raises(FileNotFoundError, match=r"there is no \.sql file in "):
        ingest_mysql.apply(tmp_path)


def test_rows_of_a_table_without_a_key_are_read_too(ingest_mysql: IngestDatabase) -> None:
    """In no order; and names are quoted."""
    ingest_mysql.execute("CREATE TABLE `odd name` (x INT)")
    ingest_mysql.execute("INSERT INTO `odd name` VALUES (%s)", (7,))
    assert ingest_mysql.rows("odd name") == [{"x": 7}]


def test_a_client_that_demands_tls_is_told(customers: IngestDatabase) -> None:
    """The proxy hides it, as the fixture says."""
    drainer = Drainer(MySQL(customers.url, ssl_mode="REQUIRED"), PLAIN)
    with pytest.raises(BatchHeldError):
        drainer.handle(event(), LambdaContext(timeout=3.0))


def through_the_proxy(customers: IngestDatabase) -> "Connection[Any]":
    """Connect as a team's own code does."""
    return connect(customers.url)


def test_a_given_server_comes_back_without_an_administrators_rights(
    database: DatabaseServer,
) -> None:
    """Its settings were not changed, so there is nothing to set."""
    server = LeasedServer(database.url)
    server.stop()
    server.start()
    try:
        server.connect().close()
    finally:
        server.stop()


@pytest.mark.chaos
def test_a_server_that_is_down_is_started_for_the_next_test(database: DatabaseServer) -> None:
    """One outage that could not be ended fails one test, not all that follow."""
    database.stop()
    following = IngestDatabase(database, [])
    assert following.execute("SELECT 1") == [(1,)]
    following.close()


def test_what_is_tried_again_is_reported(customers: IngestDatabase) -> None:
    """A lost answer costs one more transaction; an outage attempts to connect."""
    reports: list[BatchReport] = []
    retry = Retry(patience=0.2)
    drainer = Drainer(MySQL(customers.url), PLAIN, retry=retry, on_report=reports.append)
    drainer.handle(event(), LambdaContext())
    with customers.lose_commit_answer():
        drainer.handle(event(), LambdaContext())
    with customers.outage(), pytest.raises(BatchHeldError):
        drainer.handle(event(), LambdaContext(timeout=3.0))
    assert [report.retries for report in reports[:2]] == [0, 1]
    assert reports[2].retries > 1
    assert reports[2].outage
