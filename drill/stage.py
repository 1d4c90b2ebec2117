"""What a drill runs on: a database server that goes down for real, a queue, an event source."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql

from drill.checker import DeadLetter
from drill.environment import load, variables
from drill.recorder import DatabaseState
from drill.workload import Customer
from durable_ingest.testing import EventSource, QueueService, fresh_database, provision
from durable_ingest.testing.connection import connect
from durable_ingest.testing.queue_service import depth

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from pymysql.cursors import Cursor

    from durable_ingest.testing import DatabaseServer, Handler, Invocation, QueuePair

HANDLERS = Path(__file__).with_name("handlers")
FUNCTION_TIMEOUT = 10.0
# Six times the function's time limit, as AWS advises.
VISIBILITY_TIMEOUT = 60
# A server on its way down or up may accept a connection and say nothing.
PROBE_TIMEOUT = 1.0


@dataclass
class Deliveries:
    """What the event source has seen; written by its pollers."""

    invocations: int = 0
    failed: int = 0
    """Invocations that raised: their held messages come again."""
    timed_out: int = 0
    most_receives: int = 0
    """The largest receive count of a message: what `maxReceiveCount` has to exceed."""
    errors: dict[str, int] = field(default_factory=dict)
    """How often each exception was raised, by its class."""

    def note(self, invocation: "Invocation") -> None:
        """Count one invocation."""
        self.invocations += 1
        self.timed_out += invocation.timed_out
        if invocation.error is not None:
            self.failed += 1
            name = type(invocation.error).__name__
            self.errors[name] = self.errors.get(name, 0) + 1
        for record in invocation.event["Records"]:
            receives = int(record["attributes"]["ApproximateReceiveCount"])
            self.most_receives = max(self.most_receives, receives)


class Stage:
    """The parts, ready: an empty table, empty queues, the handlers' variables set."""

    def __init__(
        self,
        server: "DatabaseServer",
        url: str,
        client: "SQSClient",
        queue: "QueuePair",
        handlers: Path,
    ) -> None:
        """Take the parts."""
        self.server = server
        self.url = url
        """The handlers' database on the server."""
        self.deliveries = Deliveries()
        self._client = client
        self._queue = queue
        self._handlers = handlers

    def producer(self) -> "Handler":
        """Import the producer."""
        return load(self._handlers / "producer.py")

    def event_source(
        self,
        *,
        concurrency: int,
        measured: Callable[["Handler"], "Handler"] = lambda handler: handler,
    ) -> EventSource:
        """Put the drainer behind the queue; each poller imports it for itself.

        Args:
            concurrency: pollers at once.
            measured: is put around each drainer.
        """
        return EventSource(
            self._client,
            self._queue.url,
            lambda: measured(load(self._handlers / "drainer.py")),
            concurrency=concurrency,
            function_timeout=FUNCTION_TIMEOUT,
            on_invocation=self.deliveries.note,
        )

    def take_down(self) -> None:
        """Shut the server down; return when clients are refused."""
        self.server.stop()

    def come_back_read_only(self) -> None:
        """Start the server; return when it answers, and refuses writes."""
        self.server.start(read_only=True)

    def accept_writes(self) -> None:
        """Make it writable."""
        self.server.read_only(on=False)

    def look(self) -> tuple[DatabaseState, list[Customer] | None]:
        """Meet the database as a client does: its state, and its rows where they can be read."""
        try:
            with self._cursor(PROBE_TIMEOUT) as cursor:
                cursor.execute("SELECT @@global.read_only")
                [(read_only,)] = cursor.fetchall()
                rows = _rows(cursor)
        except (pymysql.err.Error, OSError):
            return DatabaseState.DOWN, None
        return DatabaseState.READ_ONLY if read_only else DatabaseState.UP, rows

    def rows(self) -> list[Customer]:
        """Read the whole table."""
        with self._cursor() as cursor:
            return _rows(cursor)

    @contextlib.contextmanager
    def _cursor(self, timeout: float = 30.0) -> "Iterator[Cursor]":
        connection = connect(self.url, timeout=timeout)
        with contextlib.closing(connection), connection.cursor() as cursor:
            yield cursor

    def depth(self) -> int:
        """Count the queue's messages, those in flight too."""
        return depth(self._client, self._queue.url)

    def dead_letters(self) -> list[DeadLetter]:
        """Take everything out of the dead-letter queue."""
        letters: list[DeadLetter] = []
        url = self._queue.dead_letter_url or ""
        while True:
            answer = self._client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            messages = answer.get("Messages", [])
            if not messages:
                return letters
            for message in messages:
                attributes = message.get("MessageAttributes", {})
                dead = attributes["ingest.dead"]["StringValue"] if attributes else "{}"
                letters.append(DeadLetter(message["Body"], json.loads(dead).get("reason", "")))
                # Other messages of its group are received only when it is gone.
                self._client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def _rows(cursor: "Cursor") -> list[Customer]:
    columns = ", ".join(column.name for column in fields(Customer))
    cursor.execute(f"SELECT {columns} FROM customers")  # noqa: S608  names of fields
    return [Customer(*row) for row in cursor.fetchall()]


@contextlib.contextmanager
def build(server: "DatabaseServer | None" = None, handlers: Path = HANDLERS) -> Iterator[Stage]:
    """Start the parts; take them down at the end.

    Args:
        server: one that runs already and stays, running and writable. By default one is started,
            and removed at the end.
        handlers: the folder of producer.py, drainer.py and schema.sql.

    Raises:
        NoDatabaseServerError: this machine has no way to a MySQL or MariaDB.
    """
    with contextlib.ExitStack() as stack:
        if server is None:
            server = provision(control=True)
            stack.callback(server.close)
        else:
            stack.callback(_leave_usable, server)
        url = fresh_database(server)
        with contextlib.closing(connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute((handlers / "schema.sql").read_text(encoding="utf-8"))
        service = stack.enter_context(QueueService())
        queue = service.create_queue("customers", visibility_timeout=VISIBILITY_TIMEOUT)
        client = stack.enter_context(contextlib.closing(service.client()))
        stack.enter_context(
            variables(
                QUEUE_URL=queue.url,
                DLQ_URL=queue.dead_letter_url or "",
                DURABLE_INGEST_MYSQL_URL=url,
            )
        )
        yield Stage(server, url, client, queue, handlers)


def server_name(server: "DatabaseServer") -> str:
    """Say what it is, such as MySQL 9.7.0."""
    version = str(server.execute("SELECT VERSION()")[0][0])
    kind = {"mysql": "MySQL", "mariadb": "MariaDB"}[server.flavour]
    return f"{kind} {version.partition('-')[0]}"


def _leave_usable(server: "DatabaseServer") -> None:
    if not server.running:
        server.start()
    server.read_only(on=False)
