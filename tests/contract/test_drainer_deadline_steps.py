"""`handle` ends in time at whatever step of a connection or a statement it is kept waiting."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config

from durable_ingest import Drainer, MySQL, Retry
from durable_ingest.testing.connection import Address
from durable_ingest.testing.proxy import Action, TcpProxy
from tests.contract import drainer_kit as kit
from tests.contract import odd_servers
from tests.contract.drainer_kit import KINDS, Outcome, World, all_quiet, handled, item
from tests.contract.odd_servers import SlowAnswers, odd_server
from tests.fake_aws import Secrets, Signer

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

SECONDS = 2.5
"""What the function has."""
PATIENT = Retry(patience=60.0, reserve=1.0)
"""Would wait longer than the function lives."""
LIMITS: dict[str, Any] = {"connect_timeout": 60.0, "read_timeout": 60.0}
"""The same."""


def event(world: World, note: str = "late", revision: int = 2) -> dict[str, Any]:
    """Build a batch of two groups."""
    return {
        "Records": [
            world.record(item(number, note, revision), group=f"{number}") for number in (1, 2)
        ]
    }


def in_time(outcome: Outcome) -> None:
    """Check that everything is held before the function's time was up.

    The reserve is for what a busy machine takes.
    """
    assert outcome.held == [0, 1]
    assert outcome.context.get_remaining_time_in_millis() > 0


@pytest.mark.parametrize(
    ("talk", "mode"),
    [
        (odd_servers.silent_in_tls, "REQUIRED"),
        (odd_servers.silent_in_tls, "PREFERRED"),
        (odd_servers.trickling_in_tls, "REQUIRED"),
        (odd_servers.silent_at_log_in, "DISABLED"),
        (odd_servers.trickling_at_log_in, "DISABLED"),
    ],
)
@pytest.mark.parametrize("connect_timeout", [60.0, 0.5])
def test_a_server_that_does_not_get_through_the_log_in(
    world: World, talk: odd_servers.Talk, mode: str, connect_timeout: float
) -> None:
    """Silent or a byte at a time, within TLS or after it."""
    with odd_server(talk) as port:
        limits = LIMITS | {"connect_timeout": connect_timeout, "ssl_mode": mode}
        mysql = MySQL(f"mysql://u:p@127.0.0.1:{port}/db", **limits)
        drainer = world.drainer(kit.contract("plain"), mysql=mysql, retry=PATIENT)
        outcome = handled(drainer, event(world), seconds=SECONDS)
    in_time(outcome)
    assert world.dead() == []


@pytest.mark.parametrize("word", [b"SET NAMES", b"SET SESSION", b"SELECT @@", b"SELECT"])
def test_a_server_that_hangs_while_the_session_is_set(world: World, word: bytes) -> None:
    """Or while the table is looked at, on a new connection."""
    with TcpProxy(Address.parse(world.url).port) as proxy:
        mysql = MySQL(proxy.url(world.url), ssl_mode="DISABLED", **LIMITS)
        drainer = world.drainer(world.table(), mysql=mysql, retry=PATIENT)
        met: list[bytes] = []

        def hold(request: bytes) -> Action:
            wanted = request[1:].lstrip().startswith(word)
            if wanted and not (word == b"SELECT" and b"@@" in request):
                met.append(request)
                return Action.HOLD
            return Action.PASS

        proxy.on_request = hold
        outcome = handled(drainer, event(world), seconds=SECONDS)
        assert met
    in_time(outcome)
    assert world.rows() == {}


@pytest.fixture
def slow(world: World) -> Iterator[SlowAnswers]:
    """Give a way to the server on which answers can be slowed down."""
    with SlowAnswers().before(Address.parse(world.url).port) as slow:
        yield slow


def warm(world: World, kind: str, slow: SlowAnswers) -> Drainer:
    """Make a drainer with a connection, and one row of each group."""
    url = replace(Address.parse(world.url), port=slow.port).url
    mysql = MySQL(url, ssl_mode="DISABLED", **LIMITS)
    drainer = world.drainer(world.table(kind), mysql=mysql, retry=PATIENT)
    assert handled(drainer, event(world, "before", 1)).held == []
    return drainer


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_trickles(world: World, slow: SlowAnswers, kind: str) -> None:
    """A byte at a time, each read in time: a plain row is as it was, since no COMMIT followed."""
    drainer = warm(world, kind, slow)
    slow.slow.set()
    in_time(handled(drainer, event(world), seconds=SECONDS))
    slow.slow.clear()
    all_quiet(world)
    if kind == "plain":
        assert world.rows() == {1: "before", 2: "before"}
    assert handled(drainer, event(world, "newest", 3)).held == []
    assert world.rows() == {1: "newest", 2: "newest"}


def test_an_answer_to_a_new_connection_that_trickles(world: World, slow: SlowAnswers) -> None:
    """From the greeting on."""
    slow.slow.set()
    url = replace(Address.parse(world.url), port=slow.port).url
    mysql = MySQL(url, ssl_mode="DISABLED", **LIMITS)
    drainer = world.drainer(world.table(), mysql=mysql, retry=PATIENT)
    in_time(handled(drainer, event(world), seconds=SECONDS))
    assert world.rows() == {}


@pytest.mark.parametrize("when", ["at first", "after a rotation"])
def test_a_secrets_manager_that_does_not_answer(world: World, when: str) -> None:
    """Whatever `connect_timeout` says; once it answers, the same drainer goes on."""
    address = Address.parse(world.url)
    secrets = Secrets(username=address.user, password=address.password)
    where: dict[str, Any] = {"host": address.host, "port": address.port}
    where |= LIMITS | {"database": address.database, "ssl_mode": "DISABLED"}
    mysql = MySQL.from_secret("app", client=secrets, **where)
    drainer = world.drainer(world.table(), mysql=mysql, retry=PATIENT)
    if when == "after a rotation":
        secrets.set(password="not yet")
        assert handled(drainer, event(world)).held == [0, 1]
        secrets.set(password=address.password)
    secrets.answers.clear()
    try:
        in_time(handled(drainer, event(world), seconds=SECONDS))
    finally:
        secrets.answers.set()
    assert world.rows() == {}
    assert handled(drainer, event(world)).held == []


def test_a_source_of_aws_credentials_that_does_not_answer(world: World) -> None:
    """Before a token can be signed."""
    signer = Signer()
    signer.answers.clear()
    mysql = MySQL.from_iam("127.0.0.1", user="u", database="d", client=signer, **LIMITS)
    drainer = world.drainer(kit.contract("plain"), mysql=mysql, retry=PATIENT)
    try:
        in_time(handled(drainer, event(world), seconds=SECONDS))
    finally:
        signer.answers.set()


def silent(connection: socket.socket, over: threading.Event) -> None:
    """Read, and say nothing."""
    connection.recv(65_536)
    over.wait(60)


def trickling(connection: socket.socket, over: threading.Event) -> None:
    """Answer with a body that comes a byte at a time."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{")
    odd_servers.drip(connection, over)


@pytest.mark.parametrize("talk", [silent, trickling])
def test_a_secrets_manager_that_hangs_on_the_wire(
    world: World, talk: Callable[[socket.socket, threading.Event], None]
) -> None:
    """With boto3's own client, which would wait for a minute, and ever for one that trickles."""
    with odd_server(talk) as port:
        made = boto3.client(
            "secretsmanager",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="eu-west-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}),
        )
        with closing(made) as client:
            mysql = MySQL.from_secret("app", host="127.0.0.1", client=client, **LIMITS)
            drainer = world.drainer(kit.contract("plain"), mysql=mysql, retry=PATIENT)
            outcome = handled(drainer, event(world), seconds=SECONDS)
    in_time(outcome)
    assert "Secrets Manager" in str(outcome.error)
