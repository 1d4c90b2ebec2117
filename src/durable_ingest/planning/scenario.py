"""What a plan is made for: the load, the outage, the drainer's and the queue's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from durable_ingest.answers import QueueSettings
from durable_ingest.backoff import Retry
from durable_ingest.errors import ContractError

# SQS Developer Guide, "Amazon SQS message quotas" and "Avoid large message backlogs with the same
# message group ID".
MOST_IN_FLIGHT: Final = 120_000
"""Messages received and not yet deleted; at the limit a receive finds nothing."""
LOOK_AHEAD: Final = 120_000
"""Messages from the queue's head among which free groups are looked for."""
CALLS: Final = 300
"""Calls a second of each action, each of up to ten messages."""
HIGH_THROUGHPUT_CALLS: Final = 70_000
"""The same in high-throughput mode, in the largest regions; others have less."""
GROUP_MESSAGES: Final = 3_000
"""Messages a second of one partition, in batches of ten; a group lies in one."""
LARGEST_BATCH: Final = 10
"""Messages of a batch from a FIFO queue (Lambda Developer Guide, "Lambda parameters for SQS")."""
_LARGEST_PAYLOAD: Final = 6_000_000
"""Bytes of an invocation (Lambda Developer Guide, "Lambda quotas")."""
_OVERHEAD: Final = 1_500
"""Bytes that Lambda's record of a message has beside its body, about."""
GOOD_QUEUE: Final = QueueSettings(
    retention=1_209_600, visibility_timeout=180, max_receive_count=1000
)
"""As a queue should be set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A load, an outage, and settings. Times are in seconds.

    Raises:
        ContractError: an argument is out of its range; it names it.
    """

    rate: float
    """Writes a second, the outage and the catch-up included."""
    outage: float
    groups: int
    """Message groups that are written to."""
    hottest: float = 0.0
    """The busiest group's share of the writes; 0: all groups have the same."""
    row_bytes: int = 1_000
    """Of a message: the row as JSON, and its attributes."""
    concurrency: int = 10
    """The event source mapping's MaximumConcurrency."""
    batch_size: int = LARGEST_BATCH
    batch_time: float = 0.1
    """From a full batch's receive to its delete, the database being well."""
    function_timeout: float = 30.0
    memory: int = 256
    """Of the function, in MB."""
    queue: QueueSettings = field(default_factory=lambda: GOOD_QUEUE)
    high_throughput: bool = False
    """The queue's high-throughput mode."""
    send_batch: int = 1
    """Messages that a producer sends with one call."""
    retry: Retry = field(default_factory=Retry)

    def __post_init__(self) -> None:
        for name in ("rate", "outage", "batch_time", "function_timeout"):
            if not (getattr(self, name) > 0 and isfinite(getattr(self, name))):
                raise ContractError(name, "must be more than 0")
        for name in ("groups", "row_bytes", "concurrency", "memory"):
            if getattr(self, name) < 1:
                raise ContractError(name, "must be 1 or more")
        for name in ("batch_size", "send_batch"):
            if not 1 <= getattr(self, name) <= LARGEST_BATCH:
                raise ContractError(name, f"must be 1 to {LARGEST_BATCH}")
        if not 0 <= self.hottest <= 1:
            raise ContractError("hottest", "is a share of the writes: 0 to 1")

    @property
    def messages(self) -> float:
        """Messages that come in while the database is away."""
        return self.rate * self.outage

    @property
    def full_batch(self) -> int:
        """Messages of a batch, as far as an invocation's payload has room for them."""
        room = _LARGEST_PAYLOAD // (self.row_bytes + _OVERHEAD)
        return max(1, min(self.batch_size, room))

    @property
    def workers(self) -> int:
        """Functions that can work at once: a group is drained by one at a time.

        Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings".
        """
        return min(self.concurrency, self.groups)

    @property
    def calls(self) -> int:
        """Calls a second of each action that the queue allows."""
        return HIGH_THROUGHPUT_CALLS if self.high_throughput else CALLS

    @property
    def group_capacity(self) -> float:
        """Messages a second that can be drained of one group."""
        return min(self.full_batch / self.batch_time, GROUP_MESSAGES)

    @property
    def capacity(self) -> float:
        """Messages a second that can be drained of all groups, in full batches."""
        return min(self.workers * self.group_capacity, self.calls * self.full_batch)

    @property
    def hottest_rate(self) -> float:
        """Writes a second to the busiest group."""
        return self.rate * max(self.hottest, 1 / self.groups)

    @property
    def keeps_up(self) -> bool:
        """Whether messages are drained faster than they come, those of the busiest group too."""
        return self.rate < self.capacity and self.hottest_rate < self.group_capacity
