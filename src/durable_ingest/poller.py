"""Drainer.poll: receives by itself, writes what came, and tells SQS what became of it.

The caller's thread decides everything and is alone with the database. Workers make the calls to
SQS that would keep it waiting: receiving, deleting, hiding.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.backoff import SETTLED_FOR
from durable_ingest.budget import hide_times
from durable_ingest.deadline import Deadline, divided
from durable_ingest.errors import MisconfiguredError
from durable_ingest.hand import RECEIVE, Receive
from durable_ingest.holding import Holding
from durable_ingest.pace import MOST_COMMANDS, MOST_ROWS, BatchSize, Gate
from durable_ingest.polling import BATCH, CLOSING, MARGIN, SHORTEST
from durable_ingest.receiving import Receivers
from durable_ingest.rows import Fault
from durable_ingest.settling import Settling
from durable_ingest.tally import Tally

if TYPE_CHECKING:
    from durable_ingest.draining import Course
    from durable_ingest.polling import Desk, Wishes
    from durable_ingest.report import PollReport

_LOGGER = logging.getLogger("durable_ingest")
_LONGEST_FLIGHT: Final = 600
_EMPTY_RECEIVES: Final = 2
_SLICE: Final = 1.0
"""Seconds after which `stop` is looked at again, whatever is waited for."""
_MOST_UNDELETED: Final = 3


class Poller:
    """One call of `Drainer.poll`."""

    def __init__(self, desk: Desk, wishes: Wishes) -> None:
        clock = desk.clock
        self._desk = desk
        self._wishes = wishes
        self._clock = clock
        self._end = None if wishes.within is None else Deadline.after(clock, wishes.within)
        self._gate = Gate(wishes.receivers, clock)
        self._tally = Tally(desk, wishes, self._gate)
        self._holding = Holding(desk, self._tally)
        self._hand = self._holding.hand
        self._size = BatchSize(MOST_COMMANDS if desk.has_commands else MOST_ROWS)
        self._receivers = Receivers(
            desk.source, desk.workers, clock, wishes.receivers, fifo=desk.name.endswith(".fifo")
        )
        self._settling: list[Settling] = []
        self._empty = 0
        self._idle_since = clock.monotonic()
        self._without_deletes = 0

    def run(self) -> PollReport:
        """Poll until there is a reason to end.

        Raises:
            MisconfiguredError: SQS refuses to be asked, or to delete.
        """
        try:
            self._begin()
            while not self._is_over():
                self._take()
                self._finish()
                self._receive()
                self._mind_the_gate()
                if not self._write():
                    self._wait()
                self._tally.tell()
        finally:
            self._close()
        return self._tally.report()

    # Beginning and ending

    def _begin(self) -> None:
        """See whether the database is there before anything is received.

        What a drainer that comes up does not know may have been an outage: nobody's dependents
        are given up for it.
        """
        draining, now = self._desk.draining, self._clock.now()
        if draining.last_success is None or now - draining.last_success > SETTLED_FOR:
            draining.last_outage = now
        self._probe()

    def _is_over(self) -> bool:
        if self._wishes.is_stopped:
            return True
        if self._end is not None and not self._end.allows(CLOSING + MARGIN):
            return True
        if not self._wishes.until_empty:
            return False
        if self._gate.away:
            idle = not self._receivers.calls and not self._hand.messages
            return idle and self._gate.has_looked and not self._gate.looking
        return self._empty >= _EMPTY_RECEIVES

    def _close(self) -> None:
        """Hear what still comes and what is deleted; then give back what is not written.

        Not before: a long poll that is under way would receive it once more.
        """
        until = self._deadline(BATCH, leaving=CLOSING / 2)
        try:
            while (self._receivers.calls or self._settling) and not until.passed():
                calls = [*self._receivers.calls, *self._settling_calls()]
                self._desk.workers.wait(calls, _SLICE)
                self._take()
                self._finish()
        finally:
            self._holding.give_back(self._deadline(BATCH))
            self._desk.workers.close()

    # Receiving

    def _receive(self) -> None:
        """Begin as many receives as the gate allows and the hand has room for."""
        if self._end is not None and not self._end.allows(SHORTEST):
            return
        while True:
            outstanding = len(self._receivers.calls)
            is_allowed = self._gate.allows(outstanding) > 0
            if not is_allowed or not self._holding.has_room(outstanding, self._room()):
                return
            if not self._receivers.start():
                return
            self._gate.received()

    def _room(self) -> int:
        """Say how many messages may be in hand: two batches; what waits long is held in vain."""
        if self._gate.away:
            return MOST_ROWS
        if not self._gate.proven:
            return RECEIVE
        return 2 * self._size.limit + RECEIVE * self._wishes.receivers

    def _take(self) -> None:
        for answer in self._receivers.answers():
            if answer.records:
                self._empty = 0
                self._holding.take(answer.records, answer.since)
                continue
            sure = max(self._idle_since, self._tally.unsure_until, self._receivers.sure_at())
            shows = answer.is_empty and answer.since.monotonic >= sure and not self._hand.messages
            self._empty = self._empty + 1 if shows else 0
            if not self._gate.away:
                self._gate.widen()

    # Writing

    def _write(self) -> bool:
        """Write the next batch, if it is time for one.

        While another is being settled, only one that is as large as may be: so batches grow where
        SQS is slower than the database, and deletes of many groups share their calls.
        """
        waiting = sum(len(receive.messages) for receive in self._hand.waiting)
        needed = self._size.limit if self._settling else 1
        if waiting < needed or len(self._settling) > 1:
            return False
        if self._gate.away and self._receivers.calls:
            return False
        self._holding.keep()
        limit = MOST_ROWS if self._gate.away else self._size.limit
        receives = self._hand.next_batch(limit)
        if receives:
            self._drain(receives)
        return bool(receives)

    def _drain(self, receives: list[Receive]) -> None:
        desk, clock = self._desk, self._clock
        began = clock.monotonic()
        batch = [given for receive in receives for given in receive.messages]
        lease = Deadline.after(clock, min(r.left(clock) for r in receives) - MARGIN)
        seconds = min(lease.remaining(), self._deadline(BATCH, leaving=CLOSING).remaining())
        time = divided(max(seconds, 0.0), clock)
        course = desk.draining.drain(batch, time)
        seconds_to_hide: dict[int, int] = {}
        if course.ledger.held:
            desk.log_held(batch, course.ledger.held)
            settings = desk.budgets.settings(desk.name, desk.queue, time.keeping)
            if settings is not None:
                visible = max(settings.visibility_timeout, _LONGEST_FLIGHT)
                settings = replace(settings, visibility_timeout=visible)
            desk.draining.expire(course, desk.name, settings, time)
            success = desk.draining.last_success
            seconds_to_hide = hide_times(batch, course.ledger.held, settings, success, clock)
        self._learn(course)
        ends = self._deadline(min(BATCH, lease.remaining()))
        self._settling.append(
            Settling(receives, course, began, seconds_to_hide, desk.queue, ends, clock)
        )
        self._settling[-1].start(desk.workers, self._wishes.receivers)

    def _learn(self, course: Course) -> None:
        """Take from a batch how it goes on."""
        held, dead = course.ledger.held, course.dead
        settled = len(course.ledger.settled) - len(dead)
        self._tally.count(batches=1, settled=settled, dead_lettered=len(dead), held=len(held))
        self._tally.stays(course.batch[n] for n in held)
        self._tally.is_settled(course.batch[n] for n in course.ledger.settled)
        self._size.after(len(course.batch), clean=not held and not dead)
        self._gate.saved += sum(fault is Fault.EXPIRING for fault in dead.values())
        if course.down:
            if not self._gate.away:
                _LOGGER.warning("the database is away; nothing is received until it is back")
            self._gate.close()
            if not self._gate.looking:  # this batch was as good as one
                self._gate.looked(course.settings)
            return
        if settled:
            self._gate.stored()
            if self._gate.away:
                self._open()
        if not self._gate.away:
            self._gate.prove()
            self._gate.widen()

    # Settling with SQS

    def _settling_calls(self) -> list[Any]:
        return [call for one in self._settling for call in one.calls if not call.done()]

    def _finish(self) -> None:
        """Take batches whose messages are deleted and hidden, as far as they will be."""
        for one in [one for one in self._settling if one.is_done()]:
            self._settling.remove(one)
            for receive in one.receives:
                self._hand.release(receive)
            undeleted, unhidden, refused = one.result()
            self._desk.report(one.course, self._desk.name, one.began, len(undeleted), unhidden)
            batch, held = one.course.batch, one.course.ledger.held
            for receive in self._hand.behind({batch[n].group for n in (*undeleted, *held)}):
                self._holding.drop(receive)
            if undeleted:
                self._tally.count(undeleted=len(undeleted))
                self._tally.comes_again([batch[n] for n in undeleted])
            self._learn_from_deletes(len(one.course.ledger.settled), len(undeleted), refused)
        if not self._hand.messages:
            self._idle_since = min(self._idle_since, self._clock.monotonic())
        else:
            self._empty, self._idle_since = 0, float("inf")

    def _learn_from_deletes(self, settled: int, undeleted: int, refused: str | None) -> None:
        if settled == 0 or undeleted < settled:
            self._without_deletes = 0 if settled else self._without_deletes
            return
        self._without_deletes += 1
        self._size.after(0, clean=False)
        self._gate.narrow()
        if refused is not None and self._without_deletes >= _MOST_UNDELETED:
            raise MisconfiguredError(
                f"SQS refuses to delete what is stored: {refused}. Grant sqs:DeleteMessage; until"
                " then it all comes again, and in the end moves to the dead-letter queue"
            )

    # Outages

    def _mind_the_gate(self) -> None:
        gate = self._gate
        if not gate.away:
            return
        if gate.look_is_out and not self._receivers.calls and not self._hand.messages:
            settings = self._desk.budgets.known(self._desk.name)
            gate.looked(settings)
        if self._clock.monotonic() >= gate.probe_at:
            self._probe()

    def _probe(self) -> None:
        """Find out by connecting whether the database is there."""
        refusal = self._desk.store.reach(self._deadline(BATCH, leaving=CLOSING))
        if refusal is None:
            if self._gate.away:
                self._open()
            return
        self._desk.draining.last_outage = self._clock.now()
        if not self._gate.away:
            is_wrong = refusal.fault is Fault.MISCONFIGURED
            level = logging.ERROR if is_wrong else logging.WARNING
            _LOGGER.log(level, "nothing is received, %s: %s", refusal.fault, refusal.reason)
        self._gate.close()

    def _open(self) -> None:
        seconds = self._clock.monotonic() - self._gate.since
        _LOGGER.warning("the database is back after %.0f s; receiving goes on", seconds)
        self._desk.draining.last_outage = self._clock.now()
        self._gate.come_back()

    # Waiting and telling

    def _wait(self) -> None:
        """Wait for an answer of SQS, or for what is due next; never longer than a moment."""
        now = self._clock.monotonic()
        due = [now + _SLICE]
        if (free_at := self._receivers.free_at()) is not None:
            due.append(free_at)
        if self._gate.away:
            due.append(self._gate.probe_at)
            if not self._gate.looking:
                due.append(self._gate.look_at)
        seconds = max(min(due) - now, 0.0)
        calls = [*self._receivers.calls, *self._settling_calls()]
        if calls:
            self._desk.workers.wait(calls, seconds)
        elif not self._receivers.calls and not self._settling:
            self._clock.sleep(seconds)

    def _deadline(self, seconds: float, *, leaving: float = 0.0) -> Deadline:
        """Give a deadline so many seconds away, or as long before the end of the poll."""
        if self._end is None:
            return Deadline.after(self._clock, seconds)
        return self._end.earlier(leaving).sooner_of(seconds)
