"""What a poller has in hand: messages that SQS hides for it, and for how much longer."""

from __future__ import annotations

from dataclasses import dataclass, field
from sys import getsizeof
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from durable_ingest.clock import Clock
    from durable_ingest.message import Message

RECEIVE: Final = 10
"""Messages of one receive at most (SQS API Reference, ReceiveMessage)."""
MOST_MESSAGES: Final = 1000
MOST_BYTES: Final = 16 * 2**20
"""Of bodies, as they lie in memory. What is being received comes on top."""
BATCH_BYTES: Final = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, by both clocks: one of them stands still while a machine sleeps."""

    monotonic: float
    wall: float

    @classmethod
    def of(cls, clock: Clock) -> Moment:
        """Take the time."""
        return cls(clock.monotonic(), clock.now())

    def since(self, clock: Clock) -> float:
        """Seconds since then, by the clock that went further."""
        return max(clock.monotonic() - self.monotonic, clock.now() - self.wall)


@dataclass(slots=True, eq=False)
class Receive:
    """The messages of one receive, which come and go together."""

    messages: Sequence[Message]
    since: Moment
    """Before SQS was asked, so that its own time ends no sooner."""
    lease: float
    """Seconds from then for which it hides them."""
    size: int = field(init=False)
    """Bytes of its bodies."""
    groups: frozenset[str] = field(init=False)
    """Its message groups."""

    def __post_init__(self) -> None:
        self.size = sum(getsizeof(given.body) for given in self.messages)
        self.groups = frozenset(given.group for given in self.messages)

    def left(self, clock: Clock) -> float:
        """Seconds that are left of it."""
        return self.lease - self.since.since(clock)


class Hand:
    """Receives on their way, from their arrival until SQS was told what became of them.

    What waits is one receive for each message group; what is being settled keeps the next receive
    of its groups waiting. So a group's messages are written and deleted in the order in which SQS
    gave them, and never by two at once. SQS gives nothing of a group while messages of it are in
    flight: a receive that shares a group with one that waits says that a lease was over.
    """

    def __init__(self) -> None:
        self.waiting: list[Receive] = []
        """Those that are not written yet, in order of arrival."""
        self.messages = 0
        self.size = 0
        self._ids: set[str] = set()
        self._waiting_groups: set[str] = set()
        self._busy_groups: set[str] = set()

    def take(self, receive: Receive) -> bool:
        """Take a receive, unless one of its messages is in hand, or one of a group that waits."""
        ids = {given.id for given in receive.messages}
        if self._ids & ids or self._waiting_groups & receive.groups:
            return False
        self._ids |= ids
        self._waiting_groups |= receive.groups
        self.messages += len(receive.messages)
        self.size += receive.size
        self.waiting.append(receive)
        return True

    def next_batch(self, limit: int) -> list[Receive]:
        """Give whole receives in order, as many as fit into a batch, and one if there is any.

        A receive that was parted would let its later messages be written past a held one. One
        whose groups are still being settled keeps waiting.
        """
        chosen: list[Receive] = []
        messages = size = 0
        for receive in self.waiting:
            if self._busy_groups & receive.groups:
                continue
            messages += len(receive.messages)
            size += receive.size
            if chosen and (messages > limit or size > BATCH_BYTES):
                break
            chosen.append(receive)
        for receive in chosen:
            self.waiting.remove(receive)
            self._waiting_groups -= receive.groups
            self._busy_groups |= receive.groups
        return chosen

    def drop(self, receive: Receive) -> None:
        """Let go of one that waits."""
        self.waiting.remove(receive)
        self._waiting_groups -= receive.groups
        self._forget(receive)

    def release(self, receive: Receive) -> None:
        """Let go of one that is settled."""
        self._busy_groups -= receive.groups
        self._forget(receive)

    def behind(self, groups: Collection[str]) -> list[Receive]:
        """Give what waits with a message of one of these groups."""
        return [receive for receive in self.waiting if not receive.groups.isdisjoint(groups)]

    def _forget(self, receive: Receive) -> None:
        self._ids -= {given.id for given in receive.messages}
        self.messages -= len(receive.messages)
        self.size -= receive.size
