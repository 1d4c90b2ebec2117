"""Holding messages: taken in hand, kept hidden until they are written, let go of, given back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from durable_ingest.acknowledging import give_back
from durable_ingest.hand import MOST_BYTES, MOST_MESSAGES, RECEIVE, Hand, Moment, Receive
from durable_ingest.intake import read_received
from durable_ingest.polling import BATCH, MARGIN
from durable_ingest.receiving import LEASE

if TYPE_CHECKING:
    from durable_ingest.deadline import Deadline
    from durable_ingest.polling import Desk
    from durable_ingest.receiving import Records
    from durable_ingest.tally import Tally

_LOGGER = logging.getLogger("durable_ingest")
_NEEDED: Final = BATCH + MARGIN
"""Seconds that a lease must last when the writing of its messages begins."""


class Holding:
    """A poller's hand, and what SQS is told of it."""

    def __init__(self, desk: Desk, tally: Tally) -> None:
        self._desk = desk
        self._tally = tally
        self._clock = desk.clock
        self.hand = Hand()

    def has_room(self, outstanding: int, most: int) -> bool:
        """Say whether ten more messages fit, beside so many receives that are outstanding."""
        coming = RECEIVE * (outstanding + 1)
        fits = self.hand.messages + coming <= min(most, MOST_MESSAGES)
        return fits and self.hand.size < MOST_BYTES

    def take(self, records: Records, since: Moment) -> None:
        """Take what a receive brought, unless it comes too late or out of its turn."""
        messages = read_received(records)
        unreadable = len(records) - len(messages)
        self._tally.count(received=len(records), dropped=unreadable)
        if unreadable:
            self._tally.comes_again([])
            _LOGGER.error("%d messages cannot be read and stay in the queue", unreadable)
        if not messages:
            return
        receive = Receive(messages, since, LEASE)
        if receive.left(self._clock) <= 0 or not self._takes(receive):
            self._let_go(receive)

    def _takes(self, receive: Receive) -> bool:
        """Put a receive behind the others, unless one that is not over is in its way."""
        if self.hand.take(receive):
            return True
        self._drop_late()
        return self.hand.take(receive)

    def _drop_late(self) -> None:
        for late in [r for r in self.hand.waiting if r.left(self._clock) <= 0]:
            self.drop(late)

    def drop(self, receive: Receive) -> None:
        """Leave messages alone that wait: they come again when their visibility timeout ends."""
        self.hand.drop(receive)
        self._let_go(receive)

    def keep(self) -> None:
        """See that what waits stays hidden for its own writing and the batch before it.

        What is over is not asked for: SQS might hide the messages of somebody else. What cannot be
        hidden for longer, all of it, is dropped.
        """
        waiting = list(self.hand.waiting)
        short = [r for r in waiting if 0 < r.left(self._clock) < _NEEDED + BATCH]
        since = Moment.of(self._clock)
        calls = [self._desk.workers.submit(lambda r=r: self._extend(r)) for r in short]  # type: ignore[misc]
        for receive, call in zip(short, calls, strict=True):
            if call.result():
                receive.since, receive.lease = since, LEASE
        for receive in waiting:
            if receive.left(self._clock) < _NEEDED:
                self.drop(receive)

    def give_back(self, deadline: Deadline) -> None:
        """Make visible what is not written."""
        self._drop_late()
        queue, submit = self._desk.queue, self._desk.workers.submit
        receives = list(self.hand.waiting)
        calls = [
            submit(lambda r=receive: give_back(queue, r.messages, deadline))  # type: ignore[misc]
            for receive in receives
        ]
        for receive, call in zip(receives, calls, strict=True):
            kept = len(call.result().places)
            self.hand.drop(receive)
            self._tally.count(given_back=len(receive.messages) - kept, dropped=kept)

    def _extend(self, receive: Receive) -> bool:
        handles = [given.receipt_handle for given in receive.messages]
        return all(self._desk.queue.hide(handles, [LEASE] * len(handles)))

    def _let_go(self, receive: Receive) -> None:
        self._tally.count(dropped=len(receive.messages))
        self._tally.comes_again(receive.messages)
        _LOGGER.info("let go of %d messages unwritten; they come again", len(receive.messages))
