"""The pytest plugin: fixtures for a team's own handlers, on a real database and a strict queue.

pytest loads this module in every run where the library is installed, so it imports nothing until
a fixture is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from durable_ingest.testing import (
        ContextMaker,
        DatabaseServer,
        EventBuilders,
        IngestDatabase,
        IngestEnvironment,
        IngestQueue,
        VirtualClock,
    )


@pytest.fixture(scope="session")
def ingest_server() -> Iterator[DatabaseServer]:
    """Give the database server of this run: one given by its URL, a container, or a process."""
    from durable_ingest.testing import NoDatabaseServerError, provision  # noqa: PLC0415  see above

    try:
        server = provision()
    except NoDatabaseServerError as error:
        pytest.fail(str(error), pytrace=False)
    yield server
    server.close()


@pytest.fixture
def ingest_mysql(
    ingest_server: DatabaseServer, ingest_folders: list[Path]
) -> Iterator[IngestDatabase]:
    """Give an empty database on a real server that can be taken away."""
    from durable_ingest.testing import IngestDatabase  # noqa: PLC0415  see above

    database = IngestDatabase(ingest_server, ingest_folders)
    yield database
    database.close()


@pytest.fixture
def ingest_clock(monkeypatch: pytest.MonkeyPatch) -> VirtualClock:
    """Give the time that queue, contexts and the library share, on which waiting costs nothing."""
    from durable_ingest.clock import SYSTEM_CLOCK  # noqa: PLC0415  see above
    from durable_ingest.testing import VirtualClock  # noqa: PLC0415  see above

    clock = VirtualClock()
    for name in ("now", "monotonic", "sleep"):
        monkeypatch.setattr(SYSTEM_CLOCK, name, getattr(clock, name))
    return clock


@pytest.fixture
def ingest_queue(
    request: pytest.FixtureRequest, ingest_clock: VirtualClock
) -> Iterator[IngestQueue]:
    """Give an empty FIFO queue with its dead-letter queue, which real boto3 clients reach."""
    from durable_ingest.testing import IngestQueue, MemoryQueueServer  # noqa: PLC0415  see above

    def away() -> bool:
        database = database_of(request)
        return database is not None and database.away

    with MemoryQueueServer(ingest_clock.now, wait=ingest_clock.sleep) as server:
        pair = server.service.create_queue("ingest")
        yield IngestQueue(server.service, pair, ingest_clock, away)


@pytest.fixture
def ingest_env(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    ingest_queue: IngestQueue,
    ingest_folders: list[Path],
) -> Iterator[IngestEnvironment]:
    """Set what handler modules read at import, and import them anew."""
    from durable_ingest.testing import IngestEnvironment  # noqa: PLC0415  see above

    environment = IngestEnvironment(monkeypatch, ingest_folders)
    environment.set(
        QUEUE_URL=ingest_queue.url,
        DLQ_URL=ingest_queue.dead_letter_url,
        AWS_ENDPOINT_URL_SQS=ingest_queue.endpoint_url,
    )
    if (database := database_of(request)) is not None:
        environment.set(DURABLE_INGEST_MYSQL_URL=database.url)
    yield environment
    environment.close()


@pytest.fixture
def ingest_context(ingest_clock: VirtualClock) -> ContextMaker:
    """Give a Lambda context of 30 s that counts down; called with `timeout=`, it makes others."""
    from durable_ingest.testing import ContextMaker  # noqa: PLC0415  see above

    return ContextMaker(ingest_clock.monotonic)


@pytest.fixture
def ingest_events() -> EventBuilders:
    """Give the builders of events: `http`, `rest`, `sqs`, `record`."""
    from durable_ingest.testing import EventBuilders  # noqa: PLC0415  see above

    return EventBuilders()


@pytest.fixture
def ingest_folders(request: pytest.FixtureRequest) -> list[Path]:
    """List where files and modules are looked for: the test's folder, its parents to the root."""
    own = request.path.parent
    root = request.config.rootpath
    return [own, *(parent for parent in own.parents if parent.is_relative_to(root))]


def database_of(request: pytest.FixtureRequest) -> IngestDatabase | None:
    """Give the test's `ingest_mysql`, if it uses one."""
    if "ingest_mysql" not in request.fixturenames:
        return None
    database: IngestDatabase = request.getfixturevalue("ingest_mysql")
    return database
