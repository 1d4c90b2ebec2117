"""What the database's contract tests share: drainers on a real database, and SQS' part played.

Test modules take the fixtures that they use by name: `bench = store_kit.bench`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from pydantic import BaseModel

from durable_ingest import Drainer, Inbox, MySQL, Retry, Table
from durable_ingest.clock import SYSTEM_CLOCK, SystemClock
from durable_ingest.contract import Contract
from durable_ingest.errors import BatchHeldError
from durable_ingest.mysql.store import MySQLStore
from durable_ingest.testing import (
    DatabaseServer,
    LambdaContext,
    TcpProxy,
    sqs_event,
    sqs_record,
)
from durable_ingest.testing.connection import Address
from tests.contract.accounts import Account

if TYPE_CHECKING:
    from pymysql.connections import Connection as PyMySQLConnection

    from durable_ingest.clock import Clock
    from durable_ingest.deadline import Deadline
    from durable_ingest.mysql.connection import Connection
    from durable_ingest.ports import RememberingTable, RetryPolicy, Store
    from durable_ingest.rows import Refusal, Row

DEAD_LETTERS = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead.fifo"
SHORT = Retry(patience=0.3, reserve=0.5)
"""Patience for tests in which the database stays away."""


class Sqs:
    """Plays a boto3 SQS client in which everything succeeds."""

    def __init__(self) -> None:
        self.meta = self
        self.endpoint_url = "https://sqs.eu-west-1.amazonaws.com"
        self.sent: list[dict[str, Any]] = []
        self.deleted: list[str] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Store dead letters."""
        assert QueueUrl == DEAD_LETTERS
        self.sent += Entries
        done = [{"Id": e["Id"], "MessageId": "letter", "SequenceNumber": "1"} for e in Entries]
        return {"Successful": done}

    def delete_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Delete."""
        assert QueueUrl != DEAD_LETTERS
        self.deleted += [entry["ReceiptHandle"] for entry in Entries]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - boto3's name
        Entries: Sequence[Any],  # noqa: N803 - boto3's name
    ) -> dict[str, Any]:
        """Hide."""
        assert QueueUrl != DEAD_LETTERS
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def get_queue_attributes(self, **asked: object) -> dict[str, Any]:
        """Tell no settings, so that none of these messages expires, however old it says it is."""
        assert asked["QueueUrl"] != DEAD_LETTERS
        return {"Attributes": {}}


@dataclass
class Outcome:
    """What became of a batch's messages, by their places in it."""

    stored: list[int] = field(default_factory=list)
    """Acknowledged, without a dead letter."""
    held: dict[int, str] = field(default_factory=dict)
    """The reasons."""
    dead: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What `ingest.dead` says."""
    faults: dict[int, str] = field(default_factory=dict)
    """The fault and the code that the store gave, such as "rejected 1406"."""


class Watched:
    """A `Database` that notes what its store refuses."""

    def __init__(self, mysql: MySQL) -> None:
        self.mysql = mysql
        self.refusals: dict[int, Refusal] = {}
        self.met: set[tuple[int, str | None]] = set()
        """The codes and SQLSTATEs so far."""

    def open(
        self,
        contracts: Sequence[Contract],
        clock: "Clock",
        retry: "RetryPolicy",
        inbox: "RememberingTable | None" = None,
    ) -> "Store":
        """Open the real store."""
        self.store = self.mysql.open(contracts, clock, retry, inbox)
        return self

    def reach(self, deadline: "Deadline") -> "Refusal | None":
        """Connect."""
        return self.store.reach(deadline)

    def write(self, rows: "Sequence[Row]", deadline: "Deadline") -> "dict[int, Refusal | None]":
        """Write through the real store."""
        results = self.store.write(rows, deadline)
        self.refusals |= {index: given for index, given in results.items() if given is not None}
        self.met |= {(r.code, r.sqlstate) for r in results.values() if r and r.code}
        return results

    @property
    def repeats(self) -> int:
        """Ask the real store."""
        return self.store.repeats

    def close(self) -> None:
        """Close the real store."""
        self.store.close()


class Drain:
    """A drainer of a test."""

    def __init__(
        self,
        mysql: MySQL,
        *contracts: Contract,
        retry: Retry,
        dead_letters: bool,
        inbox: Inbox | None = None,
        clock: "Clock" = SYSTEM_CLOCK,
    ) -> None:
        self.sqs = Sqs()
        self.database = Watched(mysql)
        self.contracts = contracts
        self.drainer = Drainer(
            self.database,
            *contracts,
            dead_letter_queue_url=DEAD_LETTERS if dead_letters else None,
            inbox=inbox,
            retry=retry,
            client=self.sqs,
            clock=clock,
        )

    @property
    def connection(self) -> "Connection":
        """The store's open connection."""
        store = self.database.store
        assert isinstance(store, MySQLStore)
        assert store.session is not None
        return store.session.connection

    def __call__(self, *messages: Mapping[str, Any], timeout: float = 30.0) -> Outcome:
        """Drain one batch.

        Args:
            messages: records of `sent`, or bodies for the first contract.
            timeout: the function's, in seconds.
        """
        self.database.refusals.clear()
        sent_before, deleted_before = len(self.sqs.sent), len(self.sqs.deleted)
        records = [m if "messageId" in m else sent(self.contracts[0], m) for m in messages]
        places = {record["messageId"]: n for n, record in enumerate(records)}
        outcome = Outcome()
        try:
            self.drainer.handle(sqs_event(*records), LambdaContext(timeout))
        except BatchHeldError as error:
            outcome.held = {places[message_id]: why for message_id, why in error.held.items()}
        for letter in self.sqs.sent[sent_before:]:
            why = json.loads(letter["MessageAttributes"]["ingest.dead"]["StringValue"])
            outcome.dead[places[why["message_id"]]] = why
        outcome.stored = [n for n in range(len(records)) if n not in outcome.held | outcome.dead]
        if outcome.held:  # otherwise Lambda deletes them all
            handles = {record["receiptHandle"]: n for n, record in enumerate(records)}
            deleted = sorted(handles[handle] for handle in self.sqs.deleted[deleted_before:])
            assert deleted == sorted([*outcome.stored, *outcome.dead])
        outcome.faults = {
            n: f"{r.fault} {r.code}" if r.code else str(r.fault)
            for n, r in self.database.refusals.items()
        }
        return outcome


def sent(contract: Contract, body: str | Mapping[str, Any], **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - those of sqs_record
    """Build the record of a message that arrived just now.

    Its group is its contract's name and key, unless `settings` name another.
    """
    values = json.loads(body) if isinstance(body, str) else body
    fields = contract.key_columns if isinstance(contract, Table) else contract.group_fields
    parts = [str(values.get(name)) for name in fields]
    defaults: dict[str, Any] = {
        "group": ":".join([contract.name, *parts]),
        "first_received": int(SYSTEM_CLOCK.now() * 1000),
        "attributes": {"ingest.name": contract.name} | settings.pop("attributes", {}),
    }
    return sqs_record(body, **(defaults | settings))


class Ahead(SystemClock):
    """The real clock, put forward by hand."""

    def __init__(self) -> None:
        self.by = 0.0

    def monotonic(self) -> float:
        """Give the real one's, and so many seconds more."""
        return super().monotonic() + self.by


def session_id(drain: Drain) -> int:
    """Give the server's id of a drainer's session."""
    return int(drain.connection.query("SELECT CONNECTION_ID()")[0][0])


class Bench:
    """An empty database of the server under test."""

    def __init__(self, server: DatabaseServer, url: str, drainers: Account) -> None:
        self.server = server
        self.url = url
        self.drainers = drainers
        self.name = url.rpartition("/")[2]
        self._drains: list[Drain] = []
        self._connections: list[PyMySQLConnection[Any]] = []

    @property
    def met(self) -> set[tuple[int, str | None]]:
        """The codes and SQLSTATEs that its drainers' stores gave."""
        return set().union(*(drain.database.met for drain in self._drains))

    def sql(self, text: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Execute one statement as the application, in UTC."""
        if not self._connections or not self._connections[0].open:
            self._connections.insert(0, self.connect())
        return run(self._connections[0], text, *arguments)

    def root(self, text: str) -> list[tuple[Any, ...]]:
        """Execute one statement as root, in this database, where any row format may be made."""
        connection = self.server.connect(self.server.admin_url)
        try:
            run(connection, f"USE `{self.name}`")
            run(connection, "SET SESSION innodb_strict_mode = OFF")
            return run(connection, text)
        finally:
            connection.close()

    def connect(self) -> "PyMySQLConnection[Any]":
        """Open another connection, closed after the test."""
        address = Address.parse(self.url)
        connection = pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=address.database,
            autocommit=True,
            read_timeout=30,
            ssl_disabled=True,  # saves loading the machine's certificate authorities
        )
        run(connection, "SET time_zone = '+00:00'")
        self.keep(connection)
        return connection

    def keep(self, connection: "PyMySQLConnection[Any]") -> None:
        """Close a connection with the others."""
        self._connections.append(connection)

    def drain(  # noqa: PLR0913 - a drainer's settings, by name
        self,
        *contracts: Contract,
        retry: Retry = SHORT,
        dead_letters: bool = True,
        inbox: Inbox | None = None,
        url: str | None = None,
        mysql: MySQL | None = None,
        clock: "Clock" = SYSTEM_CLOCK,
        **settings: Any,  # noqa: ANN401 - those of MySQL
    ) -> Drain:
        """Make a drainer of this database; without TLS, unless `settings` say otherwise.

        It logs in with the documented rights alone, unless `url` names a user of its own. What a
        command needs is its own business: with one it is the application.
        """
        given = url or self.url
        if all(isinstance(contract, Table) for contract in contracts):
            given = self.drainers.url(given)
        mysql = mysql or MySQL(given, **({"ssl_mode": "DISABLED"} | settings))
        drain = Drain(
            mysql, *contracts, retry=retry, dead_letters=dead_letters, inbox=inbox, clock=clock
        )
        self._drains.append(drain)
        return drain

    def close(self) -> None:
        """Give all connections back."""
        for drain in self._drains:
            drain.database.close()
        for connection in self._connections:
            if connection.open:
                connection.close()


def run(
    connection: "PyMySQLConnection[Any]", text: str, *arguments: object
) -> list[tuple[Any, ...]]:
    """Execute one statement on a plain connection; return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(text, arguments or None)
        return list(cursor.fetchall())


class Item(BaseModel):
    """A small row."""

    id: int
    name: str


ITEMS = Table("items", Item, key="id")
ITEMS_TABLE = "CREATE TABLE items (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL)"


class Versioned(BaseModel):
    """A small row with a version."""

    id: int
    name: str
    v: int


VERSIONED = Table("versioned", Versioned, key="id", version="v")
VERSIONED_TABLE = (
    "CREATE TABLE versioned (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL, v BIGINT)"
)
SEQUENCED = Table("sequenced", Item, key="id", sequence="seq")
SEQUENCED_TABLE = (
    "CREATE TABLE sequenced (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL, seq DECIMAL(39,0))"
)


@pytest.fixture
def bench(
    database: DatabaseServer, database_url: str, drainers_account: Account
) -> Iterator[Bench]:
    """Give an empty database."""
    bench = Bench(database, database_url, drainers_account)
    yield bench
    bench.close()


@pytest.fixture
def server(database: DatabaseServer) -> Iterator[DatabaseServer]:
    """Give the session's server, to be left running and writable whatever a test did."""
    yield database
    database.thaw()
    if not database.running:
        database.start()
    database.read_only(on=False)


@pytest.fixture
def proxy(database: DatabaseServer) -> Iterator[TcpProxy]:
    """Give a proxy in front of the server."""
    with TcpProxy(Address.parse(database.url).port) as proxy:
        yield proxy
