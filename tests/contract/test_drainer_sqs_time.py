"""SQS that hangs or is away when messages have to be held: `handle` still ends in time."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import boto3
import pytest
from botocore.config import Config

from durable_ingest import Drainer, MySQL, Retry
from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import LambdaContext
from durable_ingest.testing.queue_service import make_client
from durable_ingest.testing.waiting import free_port
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import MODES, TOO_LONG, World, handled, item

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

SECONDS = 3.0
RESERVE = 0.5
RETRY = Retry(patience=60.0, reserve=RESERVE)


@contextmanager
def away() -> Iterator[str]:
    """Give a host and port on which nothing listens."""
    yield f"127.0.0.1:{free_port()}"


@contextmanager
def silent() -> Iterator[str]:
    """Give the host and port of a listener that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def own_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the drainer make its own SQS client; close it after the test."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    made = []
    real = boto3.client

    def make(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        made.append(real(*arguments, **more))
        return made[-1]

    monkeypatch.setattr(boto3, "client", make)
    yield
    for client in made:
        client.close()


def without_client(world: World, endpoint: str, *, mode: str, down: bool) -> Drainer:
    """Make a drainer whose dead-letter queue, and so its client's endpoint, is at `endpoint`."""
    url = f"mysql://u:p@127.0.0.1:{free_port()}/db" if down else world.url
    drainer = Drainer(
        MySQL(url),
        kit.contract("plain") if down else world.table(),
        dead_letter_queue_url=f"http://{endpoint}/000000000000/dead.fifo",
        acknowledge="report" if mode == "report" else "delete",
        retry=RETRY,
    )
    world._drainers.append(drainer)
    return drainer


@pytest.mark.usefixtures("own_client")
@pytest.mark.parametrize("sqs", [away, silent])
@pytest.mark.parametrize("mode", MODES)
def test_sqs_and_database_down_together(world: World, sqs: Any, mode: str) -> None:  # noqa: ANN401
    """As where a function's whole network is gone."""
    with sqs() as endpoint:
        drainer = without_client(world, endpoint, mode=mode, down=True)
        event = {"Records": [world.record(item(n, "x"), group=f"{n}") for n in range(10)]}
        outcome = handled(drainer, event, seconds=SECONDS)
    assert outcome.error is not None
    assert len(outcome.held) == 10
    assert outcome.context.get_remaining_time_in_millis() > 0


@pytest.mark.usefixtures("own_client")
@pytest.mark.parametrize("sqs", [away, silent])
def test_sqs_down_at_each_of_many_dead_letters(world: World, sqs: Any) -> None:  # noqa: ANN401
    """Ten calls of the longest length would not fit: what cannot be confirmed is held."""
    with sqs() as endpoint:
        drainer = without_client(world, endpoint, mode="delete", down=False)
        records = [world.record(item(1, "good"), group="good")]
        for group in "ABC":
            records += [world.record(item(n, TOO_LONG), group=group) for n in range(3)]
        outcome = handled(drainer, {"Records": records}, seconds=SECONDS)
    assert outcome.held == list(range(1, 10))
    assert world.rows() == {1: "good"}
    assert outcome.context.get_remaining_time_in_millis() > 0


@pytest.mark.usefixtures("own_client")
def test_the_name_of_sqs_does_not_resolve(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver that keeps the database's name back keeps that of SQS back as well."""
    over = threading.Event()
    real = socket.getaddrinfo

    def resolve(host: str, *arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        if host == "sqs.example":
            over.wait(SECONDS + 1)
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return real(host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    drainer = without_client(world, "sqs.example", mode="delete", down=True)
    event = {"Records": [world.record(item(1, "x"), group="A")]}
    try:
        outcome = handled(drainer, event, seconds=SECONDS)
    finally:
        over.set()
    assert outcome.held == [0]
    assert outcome.context.get_remaining_time_in_millis() > 0


def test_a_given_client_that_is_more_patient_than_the_function(world: World) -> None:
    """boto3's own defaults wait a minute, five times: the function's limit counts all the same."""
    with silent() as endpoint:
        patient = Config(read_timeout=SECONDS + 1, retries={"total_max_attempts": 1})
        client = make_client(f"http://{endpoint}", config=patient)
        mysql = MySQL(f"mysql://u:p@127.0.0.1:{free_port()}/db")
        drainer = world.drainer(kit.contract("plain"), mysql=mysql, client=client, retry=RETRY)
        event = {"Records": [world.record(item(1, "x"), group="A")]}
        outcome = handled(drainer, event, seconds=SECONDS)
        client.close()
    assert outcome.held == [0]
    assert outcome.context.get_remaining_time_in_millis() > 0


@pytest.mark.usefixtures("own_client")
def test_one_invocation_without_time_does_not_spoil_the_next(world: World) -> None:
    """The client that it makes serves the environment's other invocations as well."""
    endpoint = str(world.client.meta.endpoint_url).removeprefix("http://")
    drainer = without_client(world, endpoint, mode="delete", down=False)
    world.send(item(1, "good"), group="A")
    world.send(item(2, "good"), group="A")
    first = world.receive()
    with suppress(BatchHeldError):  # less than its reserve is left
        drainer.handle(first, LambdaContext(RESERVE / 2))
    assert world.rows() == {}
    world.unhide(first)
    world.send(item(3, TOO_LONG), group="B", ingest_name="unheard_of")
    second = world.receive()
    assert len(second["Records"]) == 3
    assert handled(drainer, second).held == [2]
    assert world.come_back(second) == [2], "the settled ones are deleted"
