"""What a team's tests and this library's own tests stand on.

A real MySQL that can be stopped, killed, frozen and made read-only; a local SQS, and a strict one
in memory on virtual time; an event source mapping that follows Lambda's rules; builders of Lambda
events; and the pytest plugin that makes fixtures of them. Of the rest of `durable_ingest` only its
clock is imported here. Names are loaded at first use, so that importing this package costs
nothing. Install with `durable-ingest[testing]`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from durable_ingest.testing.commit_faults import CommitFault
    from durable_ingest.testing.containers import ContainerServer
    from durable_ingest.testing.database import IngestDatabase, SchemaError
    from durable_ingest.testing.deliveries import IngestQueue
    from durable_ingest.testing.delivery import DeliveredRecord, Delivery
    from durable_ingest.testing.environment import IngestEnvironment
    from durable_ingest.testing.event_source import EventSource, Handler, Invocation
    from durable_ingest.testing.events import (
        LambdaContext,
        http_event,
        rest_event,
        sqs_event,
        sqs_record,
    )
    from durable_ingest.testing.lambda_builders import ContextMaker, EventBuilders
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
    from durable_ingest.testing.virtual_clock import VirtualClock
    from durable_ingest.testing.waiting import eventually

__all__ = [
    "Action",
    "CommitFault",
    "ContainerServer",
    "ContextMaker",
    "DatabaseServer",
    "DeliveredRecord",
    "Delivery",
    "EventBuilders",
    "EventSource",
    "GivenServer",
    "Handler",
    "IngestDatabase",
    "IngestEnvironment",
    "IngestQueue",
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
    "SchemaError",
    "StoredMessage",
    "TcpProxy",
    "VirtualClock",
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
    "CommitFault": "commit_faults",
    "ContainerServer": "containers",
    "ContextMaker": "lambda_builders",
    "DatabaseServer": "servers",
    "DeliveredRecord": "delivery",
    "Delivery": "delivery",
    "EventBuilders": "lambda_builders",
    "EventSource": "event_source",
    "GivenServer": "servers",
    "Handler": "event_source",
    "IngestDatabase": "database",
    "IngestEnvironment": "environment",
    "IngestQueue": "deliveries",
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
    "SchemaError": "database",
    "StoredMessage": "memory_queue",
    "TcpProxy": "proxy",
    "VirtualClock": "virtual_clock",
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


if not TYPE_CHECKING:  # or type checkers would take every name for one of ours

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
