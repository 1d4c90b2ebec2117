"""Where a queue's messages wait: by group, in order, as far from the head as SQS looks."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice

from durable_ingest.testing.queue_rules import Draft

FIRST_SEQUENCE = 18_849_496_460_467_696_128
SEQUENCE_STEP = 256  # SQS' numbers are not consecutive


@dataclass(slots=True, eq=False)
class Message:
    """A message in its queue. Times are in seconds since 1970."""

    number: int
    """Its place in the order of the queue."""
    message_id: str
    draft: Draft
    sent_at: float
    dead_letter_source: str | None = None
    """The ARN of the queue from which SQS moved it."""
    receives: int = 0
    """In all queues."""
    receives_here: int = 0
    first_received_at: float | None = None
    received_at: float = 0.0
    visible_at: float = 0.0
    handle: str = ""
    in_flight: bool = False
    untouched: bool = True
    """Its visibility timeout is the one that it was received with."""
    gone: bool = False

    @property
    def sequence_number(self) -> str:
        """What SQS gives as SequenceNumber: 20 digits."""
        return str(FIRST_SEQUENCE + SEQUENCE_STEP * self.number)


@dataclass(slots=True)
class _Group:
    messages: OrderedDict[int, Message] = field(default_factory=OrderedDict)
    in_flight: int = 0


class Lineup:
    """Messages of one queue, in the order of their numbers.

    A group is locked while one of its messages is in flight. In a standard queue each message is a
    group of its own.

    Args:
        fifo: whether messages have groups.
        look_ahead: messages further behind than this are not found. One that is found stays so.
    """

    def __init__(self, *, fifo: bool, look_ahead: int) -> None:
        self.in_flight = 0
        self._fifo = fifo
        self._look_ahead = look_ahead
        self._groups: dict[str | int, _Group] = {}
        self._found = 0
        self._beyond: deque[Message] = deque()
        # A heap of heads. An entry is skipped if its group has another head by now.
        self._free: list[tuple[int, str | int]] = []

    def add(self, message: Message) -> None:
        """Put a message at the end."""
        if self._found >= self._look_ahead:
            self._beyond.append(message)
            return
        self._found += 1
        group = self._groups.setdefault(self._key(message), _Group())
        group.messages[message.number] = message
        if len(group.messages) == 1:
            self._offer(group)

    def _key(self, message: Message) -> str | int:
        return (message.draft.group or "") if self._fifo else message.number

    def _offer(self, group: _Group) -> None:
        if not group.in_flight and group.messages:
            head = next(iter(group.messages.values()))
            heappush(self._free, (head.number, self._key(head)))

    def heads(self, most: int) -> list[Message]:
        """Give the first messages of the free group that has waited longest; [] if none is free.

        The caller removes or locks at least one of them: the group is not given again until then.
        """
        while self._free:
            number, key = heappop(self._free)
            group = self._groups.get(key)
            if group is not None and next(iter(group.messages)) == number:
                return list(islice(group.messages.values(), most))
        return []

    def lock(self, message: Message) -> None:
        """Take a message in flight."""
        message.in_flight = True
        self.in_flight += 1
        self._groups[self._key(message)].in_flight += 1

    def unlock(self, message: Message) -> None:
        """Put a message back in its place; its group is free when none is in flight."""
        group = self._groups[self._key(message)]
        self._land(message, group)
        self._offer(group)

    def _land(self, message: Message, group: _Group) -> None:
        message.in_flight = False
        self.in_flight -= 1
        group.in_flight -= 1

    def remove(self, message: Message) -> None:
        """Forget a message that was found, in flight or not.

        What lies beyond is never removed: a queue loses its oldest messages first.
        """
        group = self._groups[self._key(message)]
        if message.in_flight:
            self._land(message, group)
        del group.messages[message.number]
        if group.messages:
            self._offer(group)
        else:
            del self._groups[self._key(message)]
        self._found -= 1
        while self._beyond and self._found < self._look_ahead:
            self.add(self._beyond.popleft())

    def unlocked(self) -> Iterator[Message]:
        """Go through the messages that are found and whose groups are not locked."""
        for group in self._groups.values():
            if not group.in_flight:
                yield from group.messages.values()
