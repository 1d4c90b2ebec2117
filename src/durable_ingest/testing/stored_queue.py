"""One SQS queue in memory: order, visibility, deduplication and retention, on the caller's time.

It takes what `queue_rules` and `queue_settings` accepted. Nothing here reads a clock: each call is
told the time, which never goes back. Sending, receiving and settling never look at all messages.
"""

import itertools
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from durable_ingest.testing.lineup import Lineup, Message
from durable_ingest.testing.queue_rules import Draft
from durable_ingest.testing.queue_settings import MAX_VISIBILITY, RefusedError, Settings, invalid

DEDUPLICATION_INTERVAL = 300.0
ATTEMPT_INTERVAL = 300.0
_HANDLE = re.compile(r"([0-9a-f-]{36})#\d+@(.+)")


@dataclass(slots=True)
class QueueTally:
    """What became of a queue's messages: stored = deleted + dead + expired + purged + present."""

    stored: int = 0
    """Sent by producers, or moved here."""
    duplicates: int = 0
    """Accepted and not stored."""
    deleted: int = 0
    dead: int = 0
    """Moved to another queue."""
    expired: int = 0
    purged: int = 0
    present: int = 0


class StoredQueue:
    """A FIFO or a standard queue. A standard queue gives messages in the order of sending too.

    Args:
        name: part of the receipt handles.
        settings: may be replaced, its type aside.
        in_flight_limit: no more messages than this are in flight at once.
        look_ahead: see `Lineup`; a standard queue has none.
    """

    def __init__(
        self, name: str, settings: Settings, *, in_flight_limit: int, look_ahead: int
    ) -> None:
        self.name = name
        self.settings = settings
        self.tally = QueueTally()
        self._in_flight_limit = in_flight_limit
        self._look_ahead = look_ahead if settings.fifo else sys.maxsize
        self._numbers = itertools.count(1)
        self._ticks = itertools.count()
        self._first_sends: dict[tuple[str | None, str], Message] = {}
        self._intervals: deque[tuple[float, tuple[str | None, str]]] = deque()
        self._clear()

    def _clear(self) -> None:
        self._present: dict[str, Message] = {}
        self._lineup = Lineup(fifo=self.settings.fifo, look_ahead=self._look_ahead)
        # Heaps of what falls due. An entry whose message has changed since is skipped.
        self._timeouts: list[tuple[float, int, Message]] = []
        self._ages: list[tuple[float, int, Message]] = []
        self._attempts: dict[str, tuple[float, int, list[tuple[Message, str]]]] = {}
        self._spent: dict[str, float] = {}
        self._spent_checked_at = 0

    def __len__(self) -> int:
        """Count the messages, visible or in flight."""
        return len(self._present)

    @property
    def in_flight(self) -> int:
        """How many messages are in flight."""
        return self._lineup.in_flight

    @property
    def is_full(self) -> bool:
        """Whether as many messages are in flight as may be."""
        return self.in_flight >= self._in_flight_limit

    def messages(self) -> Iterator[Message]:
        """Go through all messages in the order of sending."""
        return iter(self._present.values())

    # Sending

    def send(self, draft: Draft, message_id: str, now: float) -> Message:
        """Store a message; give the first one where it is a duplicate."""
        self.advance(now)
        first = self._first_sends.get(self._dedup_key(draft)) if self.settings.fifo else None
        if first is not None:
            self.tally.duplicates += 1
            return first
        message = Message(next(self._numbers), message_id, draft, now)
        self._store(message, now)
        return message

    def _dedup_key(self, draft: Draft) -> tuple[str | None, str]:
        return (draft.group if self.settings.per_group else None, draft.dedup_id or "")

    def _store(self, message: Message, now: float) -> None:
        self.tally.stored += 1
        if self.settings.fifo:
            key = self._dedup_key(message.draft)
            self._first_sends[key] = message
            self._intervals.append((now + DEDUPLICATION_INTERVAL, key))
        self._present[message.message_id] = message
        heappush(self._ages, (message.sent_at, message.number, message))
        self._lineup.add(message)

    # Receiving

    def receive(
        self,
        now: float,
        most: int,
        visibility_timeout: int,
        bury: Callable[[Message], None] | None = None,
    ) -> list[Message]:
        """Take up to `most` messages: as many of the first free group as there are, then the next.

        Args:
            now: seconds.
            most: how many.
            visibility_timeout: seconds.
            bury: takes a message that was received too often to the dead-letter queue; None where
                there is none.
        """
        self.advance(now)
        batch: list[Message] = []
        most = min(most, self._in_flight_limit - self.in_flight)
        while len(batch) < most and (heads := self._lineup.heads(most - len(batch))):
            if bury is not None and (dead := [m for m in heads if self._is_exhausted(m)]):
                self._move(dead, bury)
                continue  # what is left of the group comes again
            batch += heads
            for message in heads:
                self._deliver(message, now, visibility_timeout)
        return batch

    def _is_exhausted(self, message: Message) -> bool:
        return message.receives_here >= self.settings.max_receives

    def _move(self, messages: list[Message], bury: Callable[[Message], None]) -> None:
        for message in messages:
            self._remove(message)
            self.tally.dead += 1
            bury(message)

    def _deliver(self, message: Message, now: float, timeout: int) -> None:
        self._lineup.lock(message)
        message.untouched = True
        message.receives += 1
        message.receives_here += 1
        if message.first_received_at is None:
            message.first_received_at = now
        message.received_at = now
        message.handle = f"{message.message_id}#{message.receives}@{self.name}"
        self._hide(message, now + timeout)

    def _hide(self, message: Message, until: float) -> None:
        """Hide a message; one that is hidden for no time is visible at the next call."""
        message.visible_at = until
        heappush(self._timeouts, (until, next(self._ticks), message))

    def receive_again(self, attempt_id: str, now: float) -> list[Message] | None:
        """Repeat a receive: the same messages and handles, hidden anew and not counted again.

        None where that attempt is unknown, older than 5 minutes, came back empty, or one of its
        messages was deleted, changed or became visible: SQS then takes it for a new attempt.
        """
        self.advance(now)
        until, timeout, messages = self._attempts.get(attempt_id, (0.0, 0, []))
        if now >= until or not messages:
            return None
        if not all(m.in_flight and m.untouched and m.handle == handle for m, handle in messages):
            return None
        for message, _ in messages:
            message.received_at = now
            self._hide(message, now + timeout)
        return [message for message, _ in messages]

    def remember(self, attempt_id: str, now: float, timeout: int, batch: list[Message]) -> None:
        """Keep a receive for `receive_again`."""
        self._attempts.pop(attempt_id, None)  # the oldest is the first
        while self._attempts and next(iter(self._attempts.values()))[0] <= now:
            del self._attempts[next(iter(self._attempts))]
        messages = [(message, message.handle) for message in batch]
        self._attempts[attempt_id] = (now + ATTEMPT_INTERVAL, timeout, messages)

    # Settling

    def delete(self, handle: str, now: float) -> None:
        """Delete a message.

        A FIFO queue refuses an expired handle; one that has deleted its message is good until it
        expires. A standard queue accepts any, and deletes by the latest alone.
        """
        self.advance(now)
        message = self._by_handle(handle)
        current = message is not None and message.handle == handle
        if message is not None and current and (message.in_flight or not self.settings.fifo):
            self._remove(message)
            self._spend(handle, message.visible_at, now)
            self.tally.deleted += 1
        elif self.settings.fifo and self._spent.get(handle, 0.0) <= now:
            raise invalid("ReceiptHandle", "The receipt handle has expired")

    def _spend(self, handle: str, until: float, now: float) -> None:
        self._spent[handle] = until
        if len(self._spent) > 2 * self._spent_checked_at + 1000:
            self._spent = {key: end for key, end in self._spent.items() if end > now}
            self._spent_checked_at = len(self._spent)

    def change_visibility(self, handle: str, timeout: int, now: float) -> None:
        """Hide a message for so long from now, at most 12 hours from its receive."""
        self.advance(now)
        message = self._by_handle(handle)
        if message is None:
            raise invalid(
                "ReceiptHandle",
                "Message does not exist or is not available for visibility timeout change",
            )
        if not message.in_flight:
            raise RefusedError("MessageNotInflight", "The specified message isn't in flight.")
        if message.handle != handle:
            raise invalid("ReceiptHandle", "The receipt handle has expired")
        if now + timeout - message.received_at > MAX_VISIBILITY:
            raise invalid(
                "VisibilityTimeout",
                "Total VisibilityTimeout for the message is beyond the limit"
                f" [{MAX_VISIBILITY} seconds]",
            )
        message.untouched = False
        self._hide(message, now + timeout)

    def _by_handle(self, handle: str) -> Message | None:
        parts = _HANDLE.fullmatch(handle)
        if parts is None or parts[2] != self.name:
            raise RefusedError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        return self._present.get(parts[1])

    def _remove(self, message: Message) -> None:
        message.gone = True
        del self._present[message.message_id]
        self._lineup.remove(message)

    # Moving

    def bury(self, message: Message, source_arn: str, now: float) -> None:
        """Take what another queue's redrive policy moves here.

        It keeps its message id and counts its receives on. On a FIFO queue its deduplication id
        becomes its message id, and its age begins anew; on a standard queue it does not.
        """
        self.advance(now)
        draft = message.draft
        if self.settings.fifo:
            draft = replace(draft, dedup_id=message.message_id)
        if self.settings.fifo and self._dedup_key(draft) in self._first_sends:
            self.tally.duplicates += 1
            return
        moved = Message(
            next(self._numbers),
            message.message_id,
            draft,
            now if self.settings.fifo else message.sent_at,
            source_arn,
            message.receives,
        )
        self._store(moved, now)

    def takable(self, now: float) -> list[Message]:
        """List what a move task would take now: what is visible, in groups that are not locked."""
        self.advance(now)
        return sorted(self._lineup.unlocked(), key=lambda message: message.number)

    def take(self, message: Message) -> None:
        """Remove a message that a move task has stored elsewhere."""
        self._remove(message)
        self.tally.dead += 1

    def purge(self, now: float) -> None:
        """Remove everything, in flight or not. Deduplication goes on."""
        self.advance(now)
        self.tally.purged += len(self._present)
        self._clear()

    # Time

    def advance(self, now: float) -> None:
        """Let everything happen that is due."""
        while self._timeouts and self._timeouts[0][0] <= now:
            message = heappop(self._timeouts)[2]
            if message.in_flight and message.visible_at <= now:
                self._lineup.unlock(message)
        while self._ages and self._is_over(self._ages[0][2], now):
            message = heappop(self._ages)[2]
            if not message.gone:
                self._remove(message)
                self.tally.expired += 1
        while self._intervals and self._intervals[0][0] <= now:
            del self._first_sends[self._intervals.popleft()[1]]

    def _is_over(self, message: Message, now: float) -> bool:
        return message.gone or message.sent_at + self.settings.retention <= now

    def next_visible_at(self) -> float | None:
        """Say when the next message in flight becomes visible by itself; None if none does."""
        ends = (at for at, _, m in self._timeouts if m.in_flight and m.visible_at == at)
        return min(ends, default=None)
