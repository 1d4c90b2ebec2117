"""What a team's tests and this library's own tests stand on.

A real MySQL that can be stopped, killed, frozen and made read-only; a local SQS, and a strict one
in memory on virtual time; an event source mapping that follows Lambda's rules; builders of Lambda
events. Nothing here imports the rest of `durable_ingest`. Names are loaded at first use, so that
importing this package costs nothing. Install with `durable-ingest[testing]`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from durable_ingest.testing.containers import ContainerServer
    from durable_ingest.testing.event_source import EventSource, Handler, Invocation
    from durable_ingest.testing.events import (
        LambdaContext,
        http_event,
        rest_event,
        sqs_event,
        sqs_record,
    )
    from durable_ingest.testing.memory_queue import MemoryQueueService, StoredMessage
    from durable_ingest.testing.memory_server import MemoryQueueServer
    from durable_ingest.testing.processes import ProcessServer
    from durable_ingest.testing.provisioning import NoDatabaseServerError, provision
    from durable_ingest.testing.proxy import Action, TcpProxy
    from durable_ingest.testing.queue_faults import (
        QueueFaults,
        lost_answer,
        server_fault,
        throttled,
        unreachable,
    )
    from durable_ingest.testing.queue_service import QueuePair, QueueService
    from durable_ingest.testing.servers import (
        DatabaseServer,
        GivenServer,
        NotControllableError,
        fresh_database,
    )
    from durable_ingest.testing.stored_queue import QueueTally
    from durable_ingest.testing.waiting import eventually

__all__ = [
    "Action",
    "ContainerServer",
    "DatabaseServer",
    "EventSource",
    "GivenServer",
    "Handler",
    "Invocation",
    "LambdaContext",
    "MemoryQueueServer",
    "MemoryQueueService",
    "NoDatabaseServerError",
    "NotControllableError",
    "ProcessServer",
    "QueueFaults",
    "QueuePair",
    "QueueService",
    "QueueTally",
    "StoredMessage",
    "TcpProxy",
    "eventually",
    "fresh_database",
    "http_event",
    "lost_answer",
    "provision",
    "rest_event",
    "server_fault",
    "sqs_event",
    "sqs_record",
    "throttled",
    "unreachable",
]

_MODULE_OF = {
    "Action": "proxy",
    "ContainerServer": "containers",
    "DatabaseServer": "servers",
    "EventSource": "event_source",
    "GivenServer": "servers",
    "Handler": "event_source",
    "Invocation": "event_source",
    "LambdaContext": "events",
    "MemoryQueueServer": "memory_server",
    "MemoryQueueService": "memory_queue",
    "NoDatabaseServerError": "provisioning",
    "NotControllableError": "servers",
    "ProcessServer": "processes",
    "QueueFaults": "queue_faults",
    "QueuePair": "queue_service",
    "QueueService": "queue_service",
    "QueueTally": "stored_queue",
    "StoredMessage": "memory_queue",
    "TcpProxy": "proxy",
    "eventually": "waiting",
    "fresh_database": "servers",
    "http_event": "events",
    "lost_answer": "queue_faults",
    "provision": "provisioning",
    "rest_event": "events",
    "server_fault": "queue_faults",
    "sqs_event": "events",
    "sqs_record": "events",
    "throttled": "queue_faults",
    "unreachable": "queue_faults",
}


def __getattr__(name: str) -> object:
    """Load a public name at its first use (PEP 562)."""
    if name not in _MODULE_OF:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
