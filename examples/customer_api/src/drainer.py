"""Drains the queue into MySQL."""

import os
from pathlib import Path

from durable_ingest import Drainer, MySQL, metrics

from contract import customers


def database() -> MySQL:
    """Say how to connect: by URL in tests, else with the secret that the template names."""
    if "DURABLE_INGEST_MYSQL_URL" in os.environ:
        return MySQL.from_env()
    return MySQL.from_secret(
        os.environ["DATABASE_SECRET_ARN"],
        host=os.environ["DATABASE_HOST"],
        database=os.environ["DATABASE_NAME"],
        ssl_ca=str(Path(__file__).with_name("global-bundle.pem")),
    )


drainer = Drainer(
    database(),
    customers,
    dead_letter_queue_url=os.environ["DLQ_URL"],
    on_report=metrics.emf(),
)
handler = drainer.handle
