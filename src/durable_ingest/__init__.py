"""Writes that survive a database upgrade: SQS FIFO between Lambda and Aurora MySQL.

The names below are imported when they are first used (PEP 562): a drainer that has nothing to
hold imports no boto3, and an enqueuer imports no PyMySQL.

PYTEST_DONT_REWRITE: no assertions here; pytest warns where it cannot rewrite what is imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from durable_ingest._version import __version__
    from durable_ingest.backoff import Retry
    from durable_ingest.contract import Command, Table
    from durable_ingest.drainer import Drainer
    from durable_ingest.enqueuer import Enqueuer
    from durable_ingest.errors import Reject
    from durable_ingest.mysql.inbox import Inbox
    from durable_ingest.mysql.target import MySQL
    from durable_ingest.receipt import Receipt

__all__ = [
    "Command",
    "Drainer",
    "Enqueuer",
    "Inbox",
    "MySQL",
    "Receipt",
    "Reject",
    "Retry",
    "Table",
    "__version__",
]

_HOMES = {
    "Command": "durable_ingest.contract",
    "Drainer": "durable_ingest.drainer",
    "Enqueuer": "durable_ingest.enqueuer",
    "Inbox": "durable_ingest.mysql.inbox",
    "MySQL": "durable_ingest.mysql.target",
    "Receipt": "durable_ingest.receipt",
    "Reject": "durable_ingest.errors",
    "Retry": "durable_ingest.backoff",
    "Table": "durable_ingest.contract",
    "__version__": "durable_ingest._version",
}


if not TYPE_CHECKING:  # or type checkers would take every name for one of ours

    def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        if name not in _HOMES:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
