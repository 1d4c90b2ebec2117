"""What the checker reads and what it says."""

from dataclasses import dataclass, field

from chaos.workload import Content

KINDS = (
    "lost", "older", "doubled", "altered", "out of order", "wrongly dead-lettered",
    "unaccounted", "stuck", "late", "raised",
)  # fmt: skip


@dataclass(frozen=True)
class DeadLetter:
    """A message of a dead-letter queue."""

    write_id: str
    message_id: str
    """Of the message that it is a copy of."""
    reason: str


@dataclass(frozen=True)
class Step:
    """One change of a row, as its table's trigger saw it."""

    n: int
    sequence: int | None
    """The guard's, in a table that has it."""


@dataclass
class Stored:
    """What a run has left behind, over all lanes."""

    rows: dict[str, Content] = field(default_factory=dict)
    """By key."""
    journal: dict[str, list[Step]] = field(default_factory=dict)
    """By key, the changes of its row in order."""
    effects: dict[str, list[Content]] = field(default_factory=dict)
    """By key, what the command has appended, in order."""
    counters: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By key, how many effects the command has counted, and the sum of their amounts."""
    remembered: set[str] = field(default_factory=set)
    """What the inboxes know: see `facts.Message.identity`."""
    dead_letters: list[DeadLetter] = field(default_factory=list)
    waiting: int = 0
    """Messages in the queues."""


@dataclass(frozen=True)
class Violation:
    """A broken guarantee."""

    kind: str
    """One of `KINDS`."""
    key: str
    """Whose; "" if it is nobody's."""
    what: str
