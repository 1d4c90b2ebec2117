"""What a poll is asked for, what it works with, and how its time is divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from durable_ingest.errors import ContractError
from durable_ingest.receiving import LEASE, WAIT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from durable_ingest.budget import Budgets
    from durable_ingest.clock import Clock
    from durable_ingest.draining import Course, Draining
    from durable_ingest.message import Message
    from durable_ingest.ports import Queue, Source, Stop, Store
    from durable_ingest.report import PollReport
    from durable_ingest.rows import Refusal
    from durable_ingest.workers import Workers

BATCH: Final = LEASE / 5
"""Seconds that a batch may take until it is written, its dead letters included."""
MARGIN: Final = 5.0
"""Seconds of a lease that are left alone."""
CLOSING: Final = 6.0
"""Seconds of `within` that are left for deleting and giving back."""
SHORTEST: Final = CLOSING + WAIT + 9.0
"""Seconds that must be left of `within` for anything to be received."""
MOST_RECEIVERS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What poll was called with.

    Raises:
        ContractError: something of it is wrong.
    """

    queue_url: str
    until_empty: bool = False
    stop: Stop | None = None
    receivers: int = 2
    within: float | None = None
    on_progress: Callable[[PollReport], object] | None = None

    def __post_init__(self) -> None:
        if "://" not in str(self.queue_url) or not self.name:
            raise ContractError("queue_url", "must be the URL of an SQS queue")
        if self.stop is not None and not callable(getattr(self.stop, "is_set", None)):
            raise ContractError("stop", "must have is_set(), such as a threading.Event")
        if self.receivers not in range(1, MOST_RECEIVERS + 1):
            raise ContractError("receivers", f"must be a number from 1 to {MOST_RECEIVERS}")
        if self.within is not None and self.within <= SHORTEST:
            raise ContractError("within", f"must be more than {SHORTEST:g} seconds")
        if self.on_progress is not None and not callable(self.on_progress):
            raise ContractError("on_progress", "must be callable")

    @property
    def name(self) -> str:
        """The queue's name."""
        return str(self.queue_url).rstrip("/").rpartition("/")[2]

    @property
    def is_stopped(self) -> bool:
        """Whether somebody asked for its end."""
        return self.stop is not None and self.stop.is_set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a poller works with."""

    name: str
    """The queue's."""
    source: Source
    queue: Queue
    store: Store
    draining: Draining
    budgets: Budgets
    clock: Clock
    workers: Workers
    log_held: Callable[[Sequence[Message], dict[int, Refusal]], None]
    report: Callable[[Course, str, float, int, int], None]
    has_commands: bool
