"""BatchReport: what became of one batch, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What a drainer did with one batch; given to `on_report`. Holds nothing of the rows.

    Every message received is settled, dead-lettered or held.
    """

    queue: str
    """The name of the queue that the batch came from."""
    received: int
    """Messages in the batch."""
    settled: int
    """Those whose effect is committed, or was shown to be old or done."""
    dead_lettered: Mapping[str, int] = field(default_factory=dict)
    """Those whose copies are confirmed in the dead-letter queue, by fault: `rejected`,
    `dependent`, `expiring`."""
    held: Mapping[str, int] = field(default_factory=dict)
    """Those that stay in the queue, by fault: `unavailable`, `contended`, `dependent`,
    `misconfigured`, `unknown`, `rejected` (without a dead letter), `behind` (an earlier message of
    the group)."""
    outage: bool = False
    """Whether the database was away."""
    retries: int = 0
    """How often a transaction or a connection was tried again."""
    oldest_seconds: float = 0.0
    """The age of the oldest message, since it was sent."""
    database_seconds: float = 0.0
    """Spent with the database, waiting for it included."""
    seconds: float = 0.0
    """Spent with the batch as a whole."""
    undeleted: int = 0
    """Settled messages whose delete SQS did not confirm: they come again."""
    unhidden: int = 0
    """Held messages that could not be hidden: they come again after the queue's visibility
    timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollReport:
    """What `Drainer.poll` did, in deliveries: a message that comes again is counted again.

    Every message received is settled, dead-lettered, held, dropped or given back, once poll has
    returned.
    """

    received: int = 0
    settled: int = 0
    """Those whose effect is committed, or was shown to be old or done."""
    dead_lettered: int = 0
    """Those whose copies are confirmed in the dead-letter queue."""
    held: int = 0
    """Those that stayed in the queue, for whatever reason."""
    undeleted: int = 0
    """Settled and dead-lettered ones whose delete SQS did not confirm: they come again."""
    dropped: int = 0
    """Those that were let go of unwritten, because their visibility timeout was nearly over or a
    message of their group was in hand: they come again when it ends."""
    given_back: int = 0
    """Those that were made visible again, unwritten, when poll was stopped."""
    left: int = 0
    """Messages that this run held, dropped or could not delete, and has not settled since."""
    batches: int = 0
    """Transactions, as a rule: batches that were written or tried."""
    outages: int = 0
    """How often the database was found away."""
    database_away: bool = False
    """Whether it was at the end."""
    seconds: float = 0.0
    """From beginning to end."""
