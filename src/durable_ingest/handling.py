"""What `Drainer.handle` does: a batch is drained, what is held comes again, the team is told."""

from __future__ import annotations

import logging
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.deadline import limits
from durable_ingest.draining import Draining
from durable_ingest.errors import (
    BatchHeldError,
    DatabaseUnavailableError,
    DurableIngestError,
    MisconfiguredError,
    RejectedError,
)
from durable_ingest.intake import read_event
from durable_ingest.rows import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from durable_ingest.backoff import Retry
    from durable_ingest.budget import Budgets
    from durable_ingest.clock import Clock
    from durable_ingest.deadline import Limits
    from durable_ingest.draining import Course
    from durable_ingest.message import Message
    from durable_ingest.ports import Outbox, Store
    from durable_ingest.report import BatchReport
    from durable_ingest.rows import Refusal
    from durable_ingest.setup import Setup
    from durable_ingest.wiring import DrainerQueues

_LOGGER = logging.getLogger("durable_ingest")
_CAUSES: Final[dict[Fault, type[DurableIngestError]]] = {
    Fault.UNAVAILABLE: DatabaseUnavailableError,
    Fault.MISCONFIGURED: MisconfiguredError,
    Fault.REJECTED: RejectedError,
}


class Handling:
    """What a drainer works on its batches with."""

    def __init__(  # noqa: PLR0913 - each by name
        self,
        setup: Setup,
        *,
        store: Store,
        retry: Retry,
        client: Any,  # noqa: ANN401 - boto3 makes its clients' classes at run time
        on_report: Callable[[BatchReport], object] | None,
        clock: Clock,
    ) -> None:
        self._setup = setup
        self._reserve = retry.reserve
        self._client = client
        self._on_report = on_report
        if on_report is not None:
            import durable_ingest.report  # noqa: F401, PLC0415 - not when the batch is done
        self._clock = clock
        dead_letters = None if setup.dead_letter_queue_url is None else self._dead_letter_queue
        self.draining: Final = Draining(store, setup.contracts, dead_letters, clock)

    @cached_property
    def queues(self) -> DrainerQueues:
        """The queues that messages are received from and copied to."""
        from durable_ingest.wiring import DrainerQueues  # noqa: PLC0415 - boto3 loads here

        return DrainerQueues(self._client, self._setup.dead_letter_queue_url)

    @cached_property
    def budgets(self) -> Budgets:
        """What queues' settings allow."""
        from durable_ingest.budget import Budgets  # noqa: PLC0415 - few drainers hold anything

        return Budgets(self._clock)

    def handle(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401
        """Drain one batch; see `Drainer.handle`."""
        began = self._clock.monotonic()
        batch, arn = read_event(event)
        time = limits(context, self._reserve, self._clock)
        course = self.draining.drain(batch, time)
        undeleted = unhidden = 0
        if course.ledger.held:
            undeleted, unhidden = self._keep(course, arn, time)
        self.report(course, arn, began, undeleted, unhidden)
        held = course.ledger.held
        if not held:
            return {"batchItemFailures": []}
        if self._setup.reports and course.ledger.settled:
            return {"batchItemFailures": [{"itemIdentifier": batch[n].id} for n in held]}
        raise _held_error(batch, held)

    def report(self, course: Course, arn: str, began: float, undeleted: int, unhidden: int) -> None:
        """Tell the team of a batch, if they asked to be told; `began` is of the monotonic clock."""
        if self._on_report is None:
            return
        from durable_ingest.report import BatchReport  # noqa: PLC0415 - not everybody wants one

        now = self._clock.now()
        sent = [given.sent for given in course.batch if given.sent is not None]
        report = BatchReport(
            queue=arn.rsplit(":", 1)[-1],
            received=len(course.batch),
            settled=len(course.ledger.settled) - len(course.dead),
            dead_lettered=Counter(fault.value for fault in course.dead.values()),
            held=Counter(refusal.fault.value for refusal in course.ledger.held.values()),
            outage=course.away,
            retries=course.repeats,
            oldest_seconds=max(now - min(sent), 0.0) if sent else 0.0,
            database_seconds=course.database_seconds,
            seconds=self._clock.monotonic() - began,
            undeleted=undeleted,
            unhidden=unhidden,
        )
        try:
            self._on_report(report)
        except Exception:  # whatever an observer does, the messages are as they are
            _LOGGER.exception("on_report raised; the batch is not affected")

    def log_held(self, batch: Sequence[Message], held: dict[int, Refusal]) -> None:
        """Say in the log what is held, once for each kind of reason."""
        for fault in dict.fromkeys(refusal.fault for refusal in held.values()):
            same = {n: r for n, r in held.items() if r.fault is fault}
            level = logging.ERROR if fault is Fault.MISCONFIGURED else logging.WARNING
            reasons = "; ".join(dict.fromkeys(refusal.reason for refusal in same.values()))
            _LOGGER.log(
                level,
                "held %d of %d messages, %s: %s",
                len(same),
                len(batch),
                fault,
                reasons,
                extra={"fault": fault.value, "held": len(same), "received": len(batch)},
            )

    def _keep(self, course: Course, arn: str, time: Limits) -> tuple[int, int]:
        """See to it that what is held comes again, and what is settled does not.

        Returns:
            How many messages could not be deleted, and how many not be hidden.
        """
        from durable_ingest.acknowledging import delete_settled, hide_held  # noqa: PLC0415
        from durable_ingest.budget import hide_times  # noqa: PLC0415 - few batches are held

        batch, ledger = course.batch, course.ledger
        self.log_held(batch, ledger.held)
        queue = self.queues.queue_of_arn(arn, time.call)
        settings = self.budgets.settings(arn, queue, time.keeping)
        self.draining.expire(course, arn, settings, time)
        held = ledger.held
        if not held:
            return 0, 0
        undeleted = 0
        if not self._setup.reports:
            settled = ledger.settled
            left = delete_settled(queue, batch, settled, course.order_free, time.deadline)
            undeleted = len(left.places)
        seconds = hide_times(batch, held, settings, self.draining.last_success, self._clock)
        return undeleted, hide_held(queue, batch, seconds, time.deadline)

    def _dead_letter_queue(self, call_limit: float) -> Outbox:
        return self.queues.dead_letter_queue(call_limit)


def _held_error(batch: Sequence[Message], held: Mapping[int, Refusal]) -> BatchHeldError:
    first = next(iter(held.values()))
    text = f"held {len(held)} of {len(batch)} messages, first {first.fault}: {first.reason}"
    error = BatchHeldError(text, {batch[n].id: refusal.reason for n, refusal in held.items()})
    error.__cause__ = _CAUSES.get(first.fault, DurableIngestError)(first.reason)
    return error
