"""The two functions, over a database with all migrations."""

from types import ModuleType

import pytest
from durable_ingest.testing import IngestDatabase, IngestEnvironment


@pytest.fixture
def functions(
    ingest_mysql: IngestDatabase, ingest_env: IngestEnvironment
) -> tuple[ModuleType, ...]:
    """Producer and drainer, started cold."""
    ingest_mysql.apply("migrations")
    return ingest_env.load("producer", "drainer")
