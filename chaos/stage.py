"""What a run stands on: a database server, a queue emulator, a proxy before each, and the fleet."""

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql

from chaos.contracts import INBOX, schema
from chaos.disk import SmallDisk
from chaos.fleet import Fleet
from chaos.history import Log
from chaos.options import Options
from chaos.plan import Lane, Plan
from chaos.queue_proxy import QueueProxy
from chaos.tables import read_tables
from chaos.verdict import DeadLetter, Stored
from drill.environment import variables
from durable_ingest import MySQL
from durable_ingest.testing import QueueService, TcpProxy, fresh_database
from durable_ingest.testing.connection import Address, connect
from durable_ingest.testing.proxy import Hook, pass_all
from durable_ingest.testing.queue_service import depth

if TYPE_CHECKING:
    from durable_ingest.testing import Action, DatabaseServer

USER = "chaos"
FUNCTION_TIMEOUT = 5.0
VISIBILITY_TIMEOUT = 12
MOST_WAITING = 800


class Stage:
    """The parts, and what a fault or the run does with them."""

    def __init__(  # noqa: PLR0913, PLR0917  the parts
        self,
        folder: Path,
        server: "DatabaseServer",
        database: TcpProxy,
        service: QueueService,
        queue: QueueProxy,
        plan: Plan,
        log: Log,
        disk: SmallDisk | None,
    ) -> None:
        """Take the parts."""
        self.folder = folder
        self.server = server
        self.database = database
        """The proxy in front of the server."""
        self.queue = queue
        """The proxy in front of the emulator."""
        self.plan = plan
        self.log = log
        self.disk = disk
        """Of the server, where it has one that can be filled."""
        self.fleet = Fleet(folder, plan, log)
        self.over = threading.Event()
        """Faults end when it is set."""
        self.watch: Hook = pass_all
        """Looks at each request to the database; its answer is not asked for."""
        self.interfere: Hook = pass_all
        """Decides about each request to the database."""
        database.on_request = self._decide
        self._client = service.client()

    def _decide(self, request: bytes) -> "Action":
        self.watch(request)
        return self.interfere(request)

    def pause(self, seconds: float) -> None:
        """Wait, less long where the run is over."""
        self.over.wait(seconds)

    def application_url(self) -> str:
        """Give the application's URL of the first lane, past the proxy."""
        lane = self.plan.lanes[0]
        address = Address.parse(lane.direct_mysql_url)
        return replace(Address.parse(lane.mysql_url), host=address.host, port=address.port).url

    def set_password(self) -> str:
        """Give the application another password, and return it."""
        password = secrets.token_hex(8)
        self.server.execute(f"ALTER USER {USER}@'%' IDENTIFIED BY '{password}'")
        return password

    def publish_password(self, password: str) -> None:
        """Put the password into the secret that drainers read."""
        self.plan = self.plan.with_password(password)
        self.plan.save(self.folder)

    def connections(self) -> list[int]:
        """Give the ids of the application's connections; none where the server fails to tell.

        MySQL does (3854) while one of them runs a statement with characters of four bytes.
        """
        with contextlib.suppress(pymysql.err.OperationalError):
            listed = self.server.execute("SHOW PROCESSLIST")
            return [int(number) for number, user, *_ in listed if user == USER]
        return []

    def end_connections(self) -> int:
        """Kill the application's connections; return how many there were."""
        ended = 0
        for number in self.connections():
            with contextlib.suppress(pymysql.err.Error):  # it may have ended by itself
                self.server.execute(f"KILL {number}")
                ended += 1
        return ended

    def waiting(self) -> int:
        """Count the messages in all queues."""
        return sum(depth(self._client, lane.direct_queue_url) for lane in self.plan.lanes)

    def sent(self) -> int:
        """Count the messages that the emulator has taken: it numbers them from 1 in each queue."""
        return sum(self.queue.highest_sequence.values())

    def stored(self) -> Stored:
        """Read everything that the run has left behind."""
        stored = Stored(waiting=self.waiting())
        for lane in self.plan.lanes:
            read_tables(lane, stored)
            stored.dead_letters += self._dead_letters(lane)
        return stored

    def _dead_letters(self, lane: Lane) -> list[DeadLetter]:
        url = lane.direct_dead_letter_url
        letters: list[DeadLetter] = []
        while messages := self._client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", []):
            letters += [_dead_letter(message) for message in messages]
            # Other messages of their groups are received only when they are gone.
            self._client.delete_message_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                    for n, message in enumerate(messages)
                ],
            )
        return letters

    def close(self) -> None:
        """Close what was opened here."""
        self._client.close()


def _dead_letter(message: Any) -> DeadLetter:  # noqa: ANN401  boto3's
    attributes = message.get("MessageAttributes", {})
    dead = json.loads(attributes.get("ingest.dead", {}).get("StringValue", "{}"))
    return DeadLetter(
        write_id=str(json.loads(message["Body"])["write_id"]),
        message_id=str(dead.get("message_id", "")),
        reason=str(dead.get("reason", "moved by the queue: too many receives")),
    )


@contextlib.contextmanager
def build(
    options: Options, folder: Path, server: "DatabaseServer", disk: SmallDisk | None
) -> Iterator[Stage]:
    """Make lanes on a running server; take all down at the end, the server excepted."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(variables())
        service = stack.enter_context(QueueService())
        address = Address.parse(server.admin_url)
        database = stack.enter_context(TcpProxy(address.port, address.host))
        queue = stack.enter_context(QueueProxy(service.port))
        password = _make_user(server)
        stack.callback(server.execute, f"DROP USER IF EXISTS {USER}@'%'")
        lanes = tuple(
            _lane(number, kind, server, database, service, queue, password)
            for number, kind in enumerate(options.lane_kinds)
        )
        plan = options.plan(
            lanes, function_timeout=FUNCTION_TIMEOUT, visibility_timeout=VISIBILITY_TIMEOUT,
            most_waiting=MOST_WAITING,
        )  # fmt: skip
        plan.save(folder)
        log = stack.enter_context(Log(folder, "chaos"))
        yield stack.enter_context(
            contextlib.closing(Stage(folder, server, database, service, queue, plan, log, disk))
        )


def _make_user(server: "DatabaseServer") -> str:
    password = secrets.token_hex(8)
    server.execute(f"DROP USER IF EXISTS {USER}@'%'")
    server.execute(f"CREATE USER {USER}@'%' IDENTIFIED BY '{password}'")
    return password


def _lane(  # noqa: PLR0913, PLR0917  what a lane is made of
    number: int,
    kind: str,
    server: "DatabaseServer",
    database: TcpProxy,
    service: QueueService,
    queue: QueueProxy,
    password: str,
) -> Lane:
    address = Address.parse(fresh_database(server))
    own = replace(Address.parse(server.admin_url), database=address.database)
    server.execute(f"GRANT ALL ON `{address.database}`.* TO {USER}@'%'")
    with contextlib.closing(connect(own.url)) as connection, connection.cursor() as cursor:
        for statement in schema(kind):
            cursor.execute(statement)
    if kind == "inbox":
        INBOX.create(MySQL(own.url))
    pair = service.create_queue(f"lane-{number}", visibility_timeout=VISIBILITY_TIMEOUT)
    direct_dead = pair.dead_letter_url or ""
    return Lane(
        number=number,
        kind=kind,
        queue_url=queue.url(pair.url),
        dead_letter_url=queue.url(direct_dead),
        direct_queue_url=pair.url,
        direct_dead_letter_url=direct_dead,
        mysql_url=database.url(replace(own, user=USER, password=password).url),
        direct_mysql_url=own.url,
    )
