"""What happened in a schedule, as the checker is told it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Row = dict[str, object]
Kind = Literal["plain", "sequence", "version", "command"]


@dataclass(frozen=True, slots=True)
class Write:
    """What a client wants written. `number` rises with each write and is the row's value."""

    number: int
    table: str
    key: str
    refused: bool = False
    """Whether the database can never store it."""
    odd: bool = False
    """Whether the database refuses it for the time being at least."""
    tagged: bool = False
    """Whether it takes a value that another row may have."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The queue took a message in, whatever it answered."""

    time: float
    message: str
    sequence: int
    group: str
    dedup: str
    write: int
    queue: str
    redriven_from: int | None = None
    """The sequence number that it had before it was a dead letter."""

    @property
    def order(self) -> int:
        """The sequence number that its drainer goes by."""
        return self.sequence if self.redriven_from is None else self.redriven_from


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The enqueuer returned a receipt."""

    began: float
    time: float
    write: int
    message: str
    sequence: int


@dataclass(frozen=True, slots=True)
class NotStored:
    """The enqueuer said that a write is surely not in the queue, and nobody sent it again."""

    time: float
    write: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message reached an invocation."""

    time: float
    invocation: int
    message: str
    receives: int


@dataclass(frozen=True, slots=True)
class Written:
    """One row of a statement."""

    table: str
    key: object
    given: Row
    before: Row | None
    after: Row

    @property
    def changed(self) -> bool:
        """Whether the row is another than before."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Commit:
    """A transaction took effect."""

    time: float
    invocation: int
    how: str
    """"commit" or "autocommit"."""
    asked_at: float
    """When the client sent the statement that committed it."""
    written: tuple[Written, ...]


@dataclass(frozen=True, slots=True)
class Deleted:
    """The queue let go of a message because it was told to."""

    time: float
    message: str
    drainer: int | None = None
    """The invocation that deleted it; None where its mapping or poller did, after it returned."""


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """The dead-letter queue took a copy in."""

    time: float
    message: str
    """The original's id."""
    write: int
    fault: str | None
    """As `ingest.dead` says; None where SQS moved it."""


@dataclass(slots=True)
class Invocation:
    """One call of `Drainer.handle`."""

    number: int
    process: str
    began: float
    due: float
    """The function's deadline less `reserve`."""
    ended: float | None = None
    stopped: bool = False
    """It was paused (SIGSTOP) or killed."""


@dataclass(slots=True)
class History:
    """A whole schedule."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    """Table -> its guard."""
    inbox: bool = False
    retention: float = 14 * 86_400.0
    """Seconds after which the queue deletes a message."""
    order_free: frozenset[str] = frozenset()
    """Tables whose messages may be deleted in any order."""
    writes: dict[int, Write] = field(default_factory=dict)
    stored: list[Stored] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    not_stored: list[NotStored] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    deleted: list[Deleted] = field(default_factory=list)
    dead: list[DeadLettered] = field(default_factory=list)
    invocations: dict[int, Invocation] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    """Messages that are still in the queue at the end."""
    inbox_ids: frozenset[str] = frozenset()
    """The deduplication ids that the inbox holds at the end."""
