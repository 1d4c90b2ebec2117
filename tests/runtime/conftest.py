"""Fixtures of the tests under the real runtime."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from durable_ingest.testing import IngestDatabase, IngestQueue
from tests.runtime.lambda_process import LambdaProcess
from tests.runtime.stage import EXAMPLE, Stage


@pytest.fixture
def stage(ingest_mysql: IngestDatabase, ingest_queue: IngestQueue) -> Iterator[Stage]:
    """Give a queue, and a database that has the example's table."""
    ingest_mysql.apply(EXAMPLE / "migrations")
    with ExitStack() as running:
        yield Stage(ingest_mysql, ingest_queue, running)


@pytest.fixture
def producer(stage: Stage) -> LambdaProcess:
    """Give the example's producer."""
    return stage.function("producer.handler")
