"""What the drainer's tests share: tables of each kind, a queue, and what became of a batch."""

import itertools
import json
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from botocore.exceptions import EndpointConnectionError
from pydantic import BaseModel

from durable_ingest import Drainer, MySQL, Retry, Table
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import (
    DatabaseServer,
    EventSource,
    Invocation,
    LambdaContext,
    QueuePair,
    QueueService,
    eventually,
    sqs_event,
    sqs_record,
)
from durable_ingest.testing.connection import Address
from durable_ingest.testing.events import record_from_message
from durable_ingest.testing.queue_service import create_queue
from durable_ingest.testing.servers import DATABASE
from tests.contract.accounts import Account

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from pymysql.connections import Connection

    from durable_ingest.clock import SystemClock

KINDS = ("plain", "sequence", "version")
MODES = ("delete", "report")
WIDTH = 40
"""Characters that `note` holds."""
TOO_LONG = "x" * (WIDTH + 1)
"""A note that the database refuses."""
PROMPT = Retry(patience=0.3)
"""Does not wait long for a database that is down."""
_numbers = itertools.count(1)


class Item(BaseModel):
    """A row of the tests' tables."""

    item_id: int
    note: str
    revision: int


class Parent(BaseModel):
    """A row of a second table."""

    parent_id: int


def contract(kind: str, name: str = "items") -> Table:
    """Make the contract of a table of this kind."""
    guards: dict[str, Any] = {
        "plain": {},
        "sequence": {"sequence": "ingest_sequence"},
        "version": {"version": "revision"},
    }
    return Table(name, Item, key="item_id", **guards[kind])


class MeddlingClient:
    """A client of SQS in which chosen calls and entries fail; it remembers all of them."""

    def __init__(self, client: "SQSClient") -> None:
        """Pass everything on, until told otherwise."""
        self._client = client
        self.meta = client.meta
        self.calls: list[tuple[str, list[dict[str, Any]]]] = []
        self.down: set[str] = set()
        """Operations that raise, as when SQS cannot be reached."""
        self.refuses: Callable[[str, Mapping[str, Any]], bool] = lambda _operation, _entry: False
        """Says which entries come back as failed, without an effect."""

    def send_message_batch(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        """Send."""
        return self._call("send_message_batch", arguments)

    def delete_message_batch(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        """Delete."""
        return self._call("delete_message_batch", arguments)

    def change_message_visibility_batch(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        """Hide."""
        return self._call("change_message_visibility_batch", arguments)

    def get_queue_attributes(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        """Look settings up."""
        self.calls.append(("get_queue_attributes", []))
        self._check("get_queue_attributes")
        return dict(self._client.get_queue_attributes(**arguments))

    def entries(self, operation: str) -> list[dict[str, Any]]:
        """Every entry that was asked for, in order."""
        return [entry for name, entries in self.calls if name == operation for entry in entries]

    def _call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        entries = arguments["Entries"]
        self.calls.append((operation, list(entries)))
        self._check(operation)
        passed = [entry for entry in entries if not self.refuses(operation, entry)]
        answer: dict[str, Any] = {}
        if passed:
            answer = dict(getattr(self._client, operation)(**{**arguments, "Entries": passed}))
        failed = [entry for entry in entries if entry not in passed]
        answer["Failed"] = [
            *answer.get("Failed", []),
            *({"Id": e["Id"], "SenderFault": False, "Code": "InternalError"} for e in failed),
        ]
        return answer

    def _check(self, operation: str) -> None:
        if operation in self.down:
            raise EndpointConnectionError(endpoint_url="https://sqs.invalid")


@dataclass
class Outcome:
    """What `handle` made of an event."""

    held: list[int]
    """Places of the messages that are held."""
    error: BatchHeldError | None
    answer: dict[str, Any] | None
    context: LambdaContext


@dataclass
class World:
    """An empty database and an empty queue."""

    desk: "Desk"
    url: str
    queue: QueuePair
    _drainers: list[Drainer] = field(default_factory=list)

    @property
    def database(self) -> DatabaseServer:
        """The server."""
        return self.desk.database

    @property
    def client(self) -> "SQSClient":
        """A client of the local SQS."""
        return self.desk.client

    @property
    def schema(self) -> str:
        """The test's database."""
        return Address.parse(self.url).database

    def table(self, kind: str = "plain", name: str = "items") -> Table:
        """Create a table and its contract."""
        self.sql(
            f"CREATE TABLE `{name}` (item_id BIGINT PRIMARY KEY, note VARCHAR({WIDTH}) NOT NULL,"
            " revision BIGINT NOT NULL, ingest_sequence DECIMAL(39,0) NULL)"
        )
        return contract(kind, name)

    def sql(self, statement: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement as root in the test's database."""
        self.desk.sql(f"USE `{self.schema}`")
        return self.desk.sql(statement, args)

    def rows(self, name: str = "items") -> dict[int, str]:
        """Give the notes that are stored, by item."""
        return dict(self.sql(f"SELECT item_id, note FROM `{name}` ORDER BY item_id"))  # noqa: S608

    def drainer(  # noqa: PLR0913 - a drainer's settings, by name
        self,
        *tables: Table,
        mysql: MySQL | None = None,
        dead_letters: bool | str = True,
        client: Any = None,  # noqa: ANN401
        acknowledge: Any = "delete",  # noqa: ANN401
        retry: Retry = PROMPT,
        clock: "SystemClock | None" = None,
    ) -> Drainer:
        """Make a drainer; its connection is closed after the test."""
        more: dict[str, Any] = {} if clock is None else {"clock": clock}
        own = self.queue.dead_letter_url if dead_letters else None
        drainer = Drainer(
            # Loading the system's certificates takes 40 ms: TLS is tested elsewhere.
            mysql or MySQL(self.desk.drainers.url(self.url), ssl_mode="DISABLED"),
            *tables,
            dead_letter_queue_url=dead_letters if isinstance(dead_letters, str) else own,
            client=client or self.client,
            acknowledge=acknowledge,
            retry=retry,
            **more,
        )
        self._drainers.append(drainer)
        return drainer

    def send(self, body: Mapping[str, object] | str, group: str, **attributes: str) -> None:
        """Send one message; attribute names have "_" for "."."""
        self.send_all([(body, group)], **attributes)

    def send_all(
        self, messages: Sequence[tuple[Mapping[str, object] | str, str]], **attributes: str
    ) -> None:
        """Send up to ten messages, each a body and a group, in order."""
        entries: list[Any] = [
            {
                "Id": str(place),
                "MessageBody": body if isinstance(body, str) else json.dumps(body),
                "MessageGroupId": group,
                "MessageDeduplicationId": f"d{next(_numbers)}",
                "MessageAttributes": {
                    name.replace("_", "."): {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                },
            }
            for place, (body, group) in enumerate(messages)
        ]
        answer = self.client.send_message_batch(QueueUrl=self.queue.url, Entries=entries)
        assert len(answer["Successful"]) == len(messages)

    def receive(self) -> dict[str, Any]:
        """Receive a batch as Lambda gives it."""
        return sqs_event(*(record_from_message(m, self.queue.arn) for m in self._messages()))

    def step(self, drainer: Drainer, *, reports: bool = False) -> Invocation:
        """Let an event source mapping receive once and call the drainer."""
        source = EventSource(
            self.client,
            self.queue.url,
            lambda: drainer.handle,
            report_batch_item_failures=reports,
        )
        invocation = source.step()
        assert invocation is not None
        return invocation

    def come_back(self, event: Mapping[str, Any]) -> list[int]:
        """End the visibility timeouts of an event's messages and receive.

        Returns the places in the event of those that are still in the queue.
        """
        self.unhide(event)
        ids = [record["messageId"] for record in event["Records"]]
        return sorted(ids.index(message["MessageId"]) for message in self._messages())

    def unhide(self, event: Mapping[str, Any]) -> None:
        """End the visibility timeouts of an event's messages."""
        entries: list[Any] = [
            {"Id": str(n), "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": 0}
            for n, record in enumerate(event["Records"])
        ]  # those that are deleted fail by themselves
        self.client.change_message_visibility_batch(QueueUrl=self.queue.url, Entries=entries)

    def dead(self) -> list[dict[str, Any]]:
        """Receive the dead letters, in order."""
        assert self.queue.dead_letter_url
        return self._messages(self.queue.dead_letter_url)

    def record(self, body: Mapping[str, object] | str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """Build a record of the test's queue that was never in it; by default sent just now."""
        sent = int(SYSTEM_CLOCK.now() * 1000)
        return sqs_record(body, queue_arn=self.queue.arn, **({"sent": sent} | more))

    def close(self) -> None:
        """Close the drainers' connections."""
        for drainer in self._drainers:
            drainer._store.close()

    def _messages(self, url: str = "") -> list[dict[str, Any]]:
        answer = self.client.receive_message(
            QueueUrl=url or self.queue.url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=0,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [dict(message) for message in answer.get("Messages", [])]


@dataclass
class Desk:
    """What the worlds of a module share, because connecting takes longer than a test."""

    database: DatabaseServer
    client: "SQSClient"
    drainers: Account
    """Whom drainers log in as: with the documented rights alone."""
    queue_service: QueueService
    _admin: "Connection[Any] | None" = None

    def sql(self, statement: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement as root, on a connection that is kept."""
        if self._admin is None or not self._admin.open:
            self._admin = self.database.connect(self.database.admin_url)
        try:
            self._admin.ping(reconnect=False)
        except (pymysql.Error, OSError):  # the server was restarted by a test
            self._admin = self.database.connect(self.database.admin_url)
        with self._admin.cursor() as cursor:
            cursor.execute(statement, tuple(args) or None)
            return list(cursor.fetchall())

    def close(self) -> None:
        """Close the connection."""
        if self._admin is not None and self._admin.open:
            self._admin.close()


@pytest.fixture(scope="module")
def desk_fixture(
    database: DatabaseServer, queue_service: QueueService, drainers_account: Account
) -> Iterator[Desk]:
    """Give a module its client; the module names it `desk`."""
    with (
        closing(queue_service.client()) as client,
        closing(Desk(database, client, drainers_account, queue_service)) as desk,
    ):
        yield desk


@pytest.fixture
def world_fixture(desk: Desk) -> Iterator[World]:
    """Give a test an empty database and an empty queue; a module names it `world`."""
    number = next(_numbers)
    name = f"{DATABASE}_{secrets.token_hex(4)}"
    desk.database.databases.append(name)
    desk.sql(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
    url = replace(Address.parse(desk.database.url), database=name).url
    with closing(World(desk, url, create_queue(desk.client, f"drainer-{number}"))) as world:
        yield world


@contextmanager
def frozen(database: DatabaseServer) -> Iterator[None]:
    """Hang the server. A stopped process may run on for a moment, so wait until it is silent."""
    address = Address.parse(database.url)

    def silent() -> bool:
        try:
            with socket.create_connection((address.host, address.port), 0.15) as probe:
                return not probe.recv(1)
        except TimeoutError:
            return True

    database.freeze()
    try:
        eventually(silent, what="silence")
        yield
    finally:
        database.thaw()


def connections(world: World) -> int:
    """Count the drainers' connections that the server knows."""
    where = "WHERE DB = %s AND USER <> 'root'"
    sql = f"SELECT COUNT(*) FROM information_schema.PROCESSLIST {where}"  # noqa: S608
    return int(world.sql(sql, [world.schema])[0][0])


def all_quiet(world: World) -> bool:
    """Wait until the server has done all that it was ever sent."""
    return eventually(lambda: connections(world) == 0, within=20, what="the end of connections")


def item(item_id: int, note: str, revision: int = 1) -> dict[str, object]:
    """Write the body of an item."""
    return {"item_id": item_id, "note": note, "revision": revision}


def handled(drainer: Drainer, event: Mapping[str, Any], *, seconds: float = 30.0) -> Outcome:
    """Call `handle` once, with so much time."""
    context = LambdaContext(seconds)
    answer, error = None, None
    try:
        answer = drainer.handle(event, context)
        ids = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    except BatchHeldError as raised:
        error = raised
        ids = set(raised.held)
    held = [n for n, record in enumerate(event["Records"]) if record["messageId"] in ids]
    return Outcome(held, error, answer, context)


def reason(letter: Mapping[str, Any]) -> dict[str, Any]:
    """Read a dead letter's `ingest.dead`."""
    text = letter["MessageAttributes"]["ingest.dead"]["StringValue"]
    read: dict[str, Any] = json.loads(text)
    return read
