"""Fixtures that tests share: one database server and one local SQS a session."""

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from durable_ingest.testing import QueuePair, QueueService, fresh_database, provision
from durable_ingest.testing.provisioning import SERVER
from tests.contract.accounts import EVERY_TABLE, Account, account, documented

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

_names = itertools.count(1)


@pytest.hookimpl(tryfirst=True)  # before -m selects by the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the server's fixture, however indirectly, so that nobody can forget to."""
    for item in items:
        if "database" in getattr(item, "fixturenames", ()):
            item.add_marker("database")


@pytest.fixture(autouse=True)
def only_marked_tests_get_a_server(request: pytest.FixtureRequest) -> Iterator[None]:
    """Refuse one to a test that would start its own, or let a program do so, without the mark."""
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("database") is None:
            patch.setenv(SERVER, "refused: the test lacks the mark `database`")
        yield


@pytest.fixture(scope="session")
def database() -> "Iterator[DatabaseServer]":
    """One real MySQL or MariaDB, running; a test that stops it starts it again."""
    server = provision()
    yield server
    server.close()


@pytest.fixture(scope="session")
def ingest_server(database: "DatabaseServer") -> "DatabaseServer":
    """Let the plugin's tests share it."""
    return database


@pytest.fixture(scope="session")
def drainers_account(database: "DatabaseServer") -> Iterator[Account]:
    """A user with the rights that the documentation gives a drainer, on every table of a test."""
    with account(database) as made:
        made.grant(documented("drainer")["app.customers"], EVERY_TABLE)
        yield made


@pytest.fixture
def database_url(database: "DatabaseServer") -> str:
    """Give the URL of an empty database."""
    return fresh_database(database)


@pytest.fixture(scope="session")
def queue_service() -> Iterator[QueueService]:
    """One local SQS."""
    with QueueService() as service:
        yield service


@pytest.fixture
def queue(queue_service: QueueService) -> QueuePair:
    """Give an empty FIFO queue with its dead-letter queue."""
    return queue_service.create_queue(f"queue-{next(_names)}")


@pytest.fixture
def make_queue(queue_service: QueueService) -> Callable[..., QueuePair]:
    """Give `QueueService.create_queue` less the name."""

    def make(**settings: bool | int) -> QueuePair:
        return queue_service.create_queue(f"queue-{next(_names)}", **settings)  # type: ignore[arg-type]

    return make
