"""Histories made by hand."""

from drill.recorder import Phase, Request
from drill.workload import Customer


def customer(name: str, revision: int) -> Customer:
    """Make one change of a customer."""
    return Customer(name, revision, f"{name}@example.com", f"{name} {revision}")


def request(  # noqa: PLR0913  one per field, all by name
    name: str,
    revision: int,
    *,
    status: int = 202,
    phase: Phase = Phase.NORMAL,
    at: float = 0.0,
    answer_ms: float = 5.0,
) -> Request:
    """Make one answered request."""
    return Request(at, at, phase, status, answer_ms, customer(name, revision))
