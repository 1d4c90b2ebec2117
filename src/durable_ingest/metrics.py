"""Numbers about batches for CloudWatch: observers for `Drainer(on_report=...)`.

    drainer = Drainer(..., on_report=metrics.emf())

The embedded metric format is a line of JSON on standard output, from which CloudWatch Logs takes
the metrics; it costs no call and needs no permission. Source: "Specification: Embedded metric
format" in the CloudWatch user guide.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from durable_ingest.clock import Clock
    from durable_ingest.report import BatchReport

NAMESPACE: Final = "durable_ingest"
QUEUE: Final = "queue"
"""The dimension of every metric: the queue's name."""
METRICS: Final[Mapping[str, str]] = {
    "Received": "Count",
    "Settled": "Count",
    "DeadLettered": "Count",
    "Held": "Count",
    "HeldUnavailable": "Count",
    "HeldContended": "Count",
    "HeldDependent": "Count",
    "HeldMisconfigured": "Count",
    "HeldUnknown": "Count",
    "HeldRejected": "Count",
    "HeldBehind": "Count",
    "Outage": "Count",
    "Retries": "Count",
    "Undeleted": "Count",
    "Unhidden": "Count",
    "OldestAge": "Seconds",
    "DatabaseTime": "Seconds",
    "BatchTime": "Seconds",
}
"""The metrics' names and units. `Outage` is 1 for a batch that found the database away, else 0."""
_MOST_DIMENSIONS: Final = 30
_LONGEST: Final = 255
_HELD: Final = "Held"


def emf(
    namespace: str = NAMESPACE,
    *,
    dimensions: Mapping[str, str] | None = None,
    write: Callable[[str], object] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Callable[[BatchReport], None]:
    """Make an observer that writes a line in CloudWatch's embedded metric format for every batch.

    Args:
        namespace: CloudWatch's namespace for the metrics.
        dimensions: further ones beside `queue`, such as the stage.
        write: takes each line, its newline included; standard output by default.
        clock: the time.

    Raises:
        ContractError: the namespace or a dimension is none that CloudWatch takes.
    """
    named = dict(dimensions or {})
    _check(namespace, named)
    names = [QUEUE, *named]
    directive = {
        "Namespace": namespace,
        "Dimensions": [names],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in METRICS.items()],
    }

    def observe(report: BatchReport) -> None:
        metadata = {"Timestamp": round(clock.now() * 1000), "CloudWatchMetrics": [directive]}
        line = {"_aws": metadata, **named, QUEUE: report.queue, **values(report)}
        (write or sys.stdout.write)(json.dumps(line, separators=(",", ":")) + "\n")

    return observe


def values(report: BatchReport) -> dict[str, float]:
    """Give a report's value for each of `METRICS`."""
    given: dict[str, Any] = {
        "Received": report.received,
        "Settled": report.settled,
        "DeadLettered": sum(report.dead_lettered.values()),
        "Held": sum(report.held.values()),
        "Outage": int(report.outage),
        "Retries": report.retries,
        "Undeleted": report.undeleted,
        "Unhidden": report.unhidden,
        "OldestAge": report.oldest_seconds,
        "DatabaseTime": report.database_seconds,
        "BatchTime": report.seconds,
    }
    for name in METRICS:
        if name not in given:
            given[name] = report.held.get(name.removeprefix(_HELD).lower(), 0)
    return given


def _check(namespace: str, dimensions: Mapping[str, str]) -> None:
    if not (namespace.isascii() and 0 < len(namespace) <= _LONGEST) or namespace.startswith("AWS/"):
        problem = f"must be 1 to {_LONGEST} ASCII characters and not begin with AWS/"
        raise ContractError("namespace", problem)
    if len(dimensions) >= _MOST_DIMENSIONS:
        raise ContractError("dimensions", f"must be fewer than {_MOST_DIMENSIONS}")
    for name, value in dimensions.items():
        if name in METRICS or name in {QUEUE, "_aws"} or name.startswith(":"):
            raise ContractError("dimensions", f"{name!r} cannot be the name of one")
        for text in (name, value):
            if not text.isascii() or not text.strip():
                raise ContractError("dimensions", "names and values must be ASCII text")
