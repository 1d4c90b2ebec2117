"""One batch on its way: decoded, written, dead-lettered, until each message is settled or held."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from durable_ingest.backoff import may_be_given_up
from durable_ingest.contract import contracts_by_name
from durable_ingest.decoding import Undecodable
from durable_ingest.intake import row_of
from durable_ingest.rows import NO_TIME, Fault, Refusal
from durable_ingest.settlement import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from durable_ingest.answers import QueueSettings
    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.deadline import Deadline, Limits
    from durable_ingest.message import Message
    from durable_ingest.ports import Outbox, Store
    from durable_ingest.rows import Row

_LOGGER = logging.getLogger("durable_ingest")


class Course:
    """What becomes of one batch."""

    def __init__(self, batch: Sequence[Message]) -> None:
        self.batch = batch
        self.ledger = Ledger([given.group for given in batch])
        self.rows: dict[int, Row] = {}
        """What could be decoded, by the messages' places."""
        self.dead: dict[int, Fault] = {}
        """Why messages were dead-lettered, by their places."""
        self.settings: QueueSettings | None = None
        """Those of the queue, where something is held and they could be looked up."""
        self.database_seconds = 0.0
        self.repeats = 0
        """How often a transaction or a connection was tried again."""
        self.away = False
        """Whether the database was."""
        self.down = False
        """Whether it took nothing more from anybody at the end: it is away, or nobody can log
        in."""

    @property
    def order_free(self) -> set[int]:
        """The places of those that may be deleted in any order."""
        return {n for n, row in self.rows.items() if row.contract.order_free}


class Draining:
    """What a drainer does with each batch, and what it remembers between them.

    Args:
        store: the database.
        contracts: the tables and commands that messages may be for.
        dead_letter_queue: makes the dead-letter queue, given the longest that a call may take;
            None where there is none.
        clock: the time.
    """

    def __init__(
        self,
        store: Store,
        contracts: Sequence[Contract],
        dead_letter_queue: Callable[[float], Outbox] | None,
        clock: Clock,
    ) -> None:
        self._store = store
        self._contracts = contracts_by_name(contracts)
        self._dead_letter_queue = dead_letter_queue
        self._clock = clock
        self.last_success: float | None = None
        self.last_outage: float | None = None

    def drain(self, batch: Sequence[Message], time: Limits) -> Course:
        """Write what may be written, dead-letter what has to be, until nothing can go on."""
        course = Course(batch)
        self._decode(course)
        ledger = course.ledger
        while True:
            if letters := ledger.due_dead_letters():
                self._bury(course, letters, time.call, time.deadline)
            elif writable := ledger.writable():
                self._write(course, writable, time)
            else:
                return course

    def expire(
        self, course: Course, arn: str, settings: QueueSettings | None, time: Limits
    ) -> None:
        """Copy what SQS is about to delete to the dead-letter queue, each group in its order.

        What comes behind it is written by a later call: nothing is written any more in this one.
        """
        from durable_ingest.budget import expiring, log_loss  # noqa: PLC0415 - held alone

        course.settings = settings
        batch, ledger = course.batch, course.ledger
        due = expiring(batch, ledger.held, settings, self._clock.now())
        if due and settings is not None and self._dead_letter_queue is None:
            log_loss(arn, [batch[n] for n in due], settings)
            return
        held = ledger.held
        for index, refusal in due.items():
            if held[index].fault is not Fault.REJECTED:  # which goes with its own reason
                ledger.reject(index, refusal)
        while letters := ledger.due_dead_letters():
            self._bury(course, letters, time.call, time.keeping)

    def _decode(self, course: Course) -> None:
        for index, given in enumerate(course.batch):
            try:
                course.rows[index] = row_of(index, given, self._contracts)
            except Undecodable as error:
                if error.refusal.fault is Fault.REJECTED:
                    course.ledger.reject(index, error.refusal)
                else:
                    course.ledger.hold(index, error.refusal)
            except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
                reason = f"the model raised {type(error).__name__} while it was read"
                course.ledger.hold(index, Refusal(Fault.MISCONFIGURED, reason))

    def _write(self, course: Course, writable: Sequence[int], time: Limits) -> None:
        began, repeats = self._clock.monotonic(), self._store.repeats
        results = self._store.write([course.rows[n] for n in writable], time.database)
        course.database_seconds += self._clock.monotonic() - began
        course.repeats += self._store.repeats - repeats
        if not results:
            results = {writable[0]: Refusal(Fault.UNKNOWN, "the store gave no answer")}
        course.down = _is_down(results.values())
        if course.down:
            self.last_outage = self._clock.now()
        if None in results.values():
            self.last_success = self._clock.now()
        for index, refusal in results.items():
            if refusal is None:
                course.ledger.settle(index)
            else:
                self._record(course, index, refusal)

    def _record(self, course: Course, index: int, refusal: Refusal) -> None:
        if refusal.fault is Fault.UNAVAILABLE and refusal != NO_TIME:
            course.away = True
            self.last_outage = self._clock.now()
        if refusal.fault is Fault.REJECTED or self._gives_up(course.batch[index], refusal):
            course.ledger.reject(index, refusal)
        else:
            course.ledger.hold(index, refusal)

    def _gives_up(self, given: Message, refusal: Refusal) -> bool:
        """Say whether a message has waited long enough for another to cure it."""
        if refusal.fault is not Fault.DEPENDENT or given.first_received is None:
            return False
        now = self._clock.now()
        since_outage = None if self.last_outage is None else now - self.last_outage
        return may_be_given_up(now - given.first_received, since_outage)

    def _bury(
        self,
        course: Course,
        letters: Sequence[tuple[int, Refusal]],
        call: float,
        deadline: Deadline,
    ) -> None:
        """Copy messages to the dead-letter queue; hold those that are not confirmed."""
        batch, ledger = course.batch, course.ledger
        if self._dead_letter_queue is None:
            for index, refusal in letters:
                ledger.hold(index, refusal)
            return
        from durable_ingest.deadletters import bury, dead_letter  # noqa: PLC0415 - few are
        from durable_ingest.receipt import Receipt  # noqa: PLC0415

        copies = {index: dead_letter(batch[index], refusal) for index, refusal in letters}
        results = bury(self._dead_letter_queue(call), copies, deadline)
        for index, refusal in letters:
            result = results[index]
            if isinstance(result, Receipt):
                ledger.settle(index)
                course.dead[index] = refusal.fault
                text = "dead-lettered message %s: %s"
                _LOGGER.warning(text, batch[index].id, refusal.reason, extra=_fields(refusal))
            else:
                ledger.hold(index, refusal)
                text = "message %s: no dead letter, %s"
                _LOGGER.error(text, batch[index].id, result.code, extra=_fields(refusal))


def _is_down(results: Collection[Refusal | None]) -> bool:
    """Say whether nothing was stored, and the database is to blame and no row.

    One row alone may take the connection down by itself.
    """
    if None in results:
        return False
    refusals = [refusal for refusal in results if refusal is not None]
    away = [r for r in refusals if r.fault is Fault.UNAVAILABLE and r != NO_TIME]
    return any(r.everywhere for r in refusals) or len(away) == len(refusals) > 1


def _fields(refusal: Refusal) -> dict[str, object]:
    """Give what structured logs can be searched by."""
    return {
        "fault": refusal.fault.value,
        "code": refusal.code,
        "sqlstate": refusal.sqlstate,
        "table": refusal.table,
    }
