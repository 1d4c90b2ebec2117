"""Drainer: an SQS batch into the database, every message acknowledged only once it is safe."""

from __future__ import annotations

import logging
from collections import Counter
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal

from durable_ingest.backoff import Retry
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.contract import Command, contracts_by_name
from durable_ingest.deadline import limits
from durable_ingest.draining import Draining
from durable_ingest.errors import (
    BatchHeldError,
    ContractError,
    DatabaseUnavailableError,
    DurableIngestError,
    MisconfiguredError,
    RejectedError,
)
from durable_ingest.intake import read_event
from durable_ingest.rows import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from durable_ingest.budget import Budgets
    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.deadline import Limits
    from durable_ingest.draining import Course
    from durable_ingest.message import Message
    from durable_ingest.ports import Database, Outbox, RememberingTable, Stop
    from durable_ingest.report import BatchReport, PollReport
    from durable_ingest.rows import Refusal
    from durable_ingest.setup import Setup
    from durable_ingest.wiring import DrainerQueues
    from durable_ingest.workers import Workers

_LOGGER = logging.getLogger("durable_ingest")


class Drainer:
    """Writes messages into MySQL. One drainer serves one thread; construct it at import.

    Args:
        mysql: how to connect; see `MySQL`.
        contracts: the tables and commands that messages may be for.
        dead_letter_queue_url: the FIFO queue that rejected messages are copied to, and held ones
            in the last six hours of their retention. Without one all are held, for the queue's
            own redrive policy to move, and lost where it has none.
        inbox: an `Inbox`, by which every message's effect happens exactly once.
        acknowledge: "delete" or "report". With "delete", a batch that is settled as a whole is
            acknowledged by returning; of any other, the settled messages are deleted here and
            `BatchHeldError` is raised. Nothing is lost with it even where the event source
            mapping lacks ReportBatchItemFailures. With "report" the partial batch response names
            what is held; **the mapping must have ReportBatchItemFailures**, or it deletes held
            messages.
        retry: how patient to be.
        client: a boto3 SQS client; made when a message is first held or rejected, if none is
            given.
        on_report: called with a `BatchReport` at the end of every batch, such as `metrics.emf()`.
            What it raises is logged.
        clock: another clock, for tests.

    Raises:
        ContractError: an argument is wrong.
    """

    def __init__(  # noqa: PLR0913 - each by name
        self,
        mysql: Database,
        *contracts: Contract,
        dead_letter_queue_url: str | None = None,
        inbox: RememberingTable | None = None,
        acknowledge: Literal["delete", "report"] = "delete",
        retry: Retry = Retry(),  # noqa: B008 - frozen
        client: Any = None,  # noqa: ANN401 - boto3 makes its clients' classes at run time
        on_report: Callable[[BatchReport], object] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if acknowledge not in ("delete", "report"):
            raise ContractError("acknowledge", "must be 'delete' or 'report'")
        if dead_letter_queue_url is not None and not str(dead_letter_queue_url).endswith(".fifo"):
            problem = "must be the URL of a FIFO queue, ending in .fifo; others keep no order"
            raise ContractError("dead_letter_queue_url", problem)
        if not hasattr(mysql, "open"):
            raise ContractError("mysql", "must be a MySQL, such as MySQL.from_env()")
        if on_report is not None and not callable(on_report):
            raise ContractError("on_report", "must be callable, such as metrics.emf()")
        contracts_by_name(contracts)
        _check_inbox(inbox, contracts)
        self._database = mysql
        self._contracts = contracts
        self._inbox = inbox
        self._reports = acknowledge == "report"
        self._store = mysql.open(tuple(contracts), clock, retry, inbox)
        self._dead_letter_queue_url = dead_letter_queue_url
        self._retry = retry
        self._client = client
        self._on_report = on_report
        if on_report is not None:
            import durable_ingest.report  # noqa: F401, PLC0415 - needed by the first batch
        self._clock = clock
        self._has_commands = any(isinstance(contract, Command) for contract in contracts)
        self._queues: DrainerQueues | None = None
        self._workers: Callable[[int], Workers] | None = None  # other ones, for tests
        self._at_work = Lock()
        dead_letters = None if dead_letter_queue_url is None else self._dead_letter_queue
        self._draining = Draining(self._store, contracts, dead_letters, clock)

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """The tables and commands that it was given."""
        return self._contracts

    @property
    def dead_letter_queue_url(self) -> str | None:
        """The dead-letter queue that it was given."""
        return self._dead_letter_queue_url

    @property
    def setup(self) -> Setup:
        """What it was made of."""
        from durable_ingest.setup import Setup  # noqa: PLC0415 - asked for by tools alone

        return Setup(
            database=self._database,
            contracts=self._contracts,
            inbox=self._inbox,
            dead_letter_queue_url=self._dead_letter_queue_url,
            reports=self._reports,
        )

    def handle(self, event: Mapping[str, Any], context: Any = None) -> dict[str, Any]:  # noqa: ANN401
        """Drain one batch: the handler of a Lambda function with an SQS event source mapping.

        Args:
            event: what Lambda passes for SQS, with one record or more.
            context: Lambda's context, whose remaining time sets the deadline; without one, a
                minute.

        Returns:
            The partial batch response, `{"batchItemFailures": [...]}`.

        Raises:
            ForeignEventError: it is no SQS event, or an empty one.
            BatchHeldError: messages are held (with acknowledge="report": every one is).
            RuntimeError: this drainer is at work already.
        """
        self._begin()
        try:
            return self._handle(event, context)
        finally:
            self._at_work.release()

    def poll(  # noqa: PLR0913 - each by name
        self,
        queue_url: str,
        *,
        until_empty: bool = False,
        stop: Stop | None = None,
        receivers: int = 2,
        within: float | None = None,
        on_progress: Callable[[PollReport], object] | None = None,
    ) -> PollReport:
        """Receive from a queue and drain it: for a container, a VM or a scheduled function.

        As `handle` does, with the same guarantees; the transactions grow with the backlog.
        Deletes what is settled and hides what is held by itself, whatever `acknowledge` says.
        While the database is away nothing is received, but for a look now and then at what is
        about to expire.

        Once it is told to stop it receives no more, finishes the batch under way, and gives back
        what it has not written. That takes until the long poll of 5 s is answered as a rule; where
        database and SQS are slow, 30 s for the batch and as long for SQS.

        Args:
            queue_url: the queue's URL.
            until_empty: return once the queue has been found empty twice, or the database away.
                Messages that are in flight elsewhere, or hidden, are not waited for.
            stop: asked once a second or more often whether to stop, such as a
                `threading.Event`.
            receivers: how many threads receive, 1 to 20.
            within: return before so many seconds are over; more than 20. None: no limit.
            on_progress: called once a second at most with a `PollReport` of the run so far.

        Returns:
            What was done.

        Raises:
            ContractError: an argument is wrong.
            MisconfiguredError: SQS refuses to be polled, for lack of a permission or of the queue;
                or refuses to delete.
            RuntimeError: this drainer is at work already.
        """
        from durable_ingest.poller import Poller  # noqa: PLC0415 - most drainers never poll
        from durable_ingest.polling import Desk, Wishes  # noqa: PLC0415
        from durable_ingest.receiving import WAIT  # noqa: PLC0415
        from durable_ingest.workers import Threads  # noqa: PLC0415

        wishes = Wishes(
            queue_url=queue_url,
            until_empty=until_empty,
            stop=stop,
            receivers=receivers,
            within=within,
            on_progress=on_progress,
        )
        self._begin()
        try:
            source, queue = self._made_queues().polled(queue_url, WAIT, receivers)
            desk = Desk(
                name=wishes.name,
                source=source,
                queue=queue,
                store=self._store,
                draining=self._draining,
                budgets=self._budgets,
                clock=self._clock,
                workers=(self._workers or Threads)(2 * receivers),
                log_held=self._log,
                report=self._report,
                has_commands=self._has_commands,
            )
            return Poller(desk, wishes).run()
        finally:
            self._at_work.release()

    def _handle(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401
        began = self._clock.monotonic()
        batch, arn = read_event(event)
        time = limits(context, self._retry.reserve, self._clock)
        course = self._draining.drain(batch, time)
        undeleted = unhidden = 0
        if course.ledger.held:
            undeleted, unhidden = self._keep(course, arn, time)
        self._report(course, arn, began, undeleted, unhidden)
        held = course.ledger.held
        if not held:
            return {"batchItemFailures": []}
        if self._reports and course.ledger.settled:
            return {"batchItemFailures": [{"itemIdentifier": batch[n].id} for n in held]}
        raise _held_error(batch, held)

    def _begin(self) -> None:
        """See that one thread at a time is at work."""
        if not self._at_work.acquire(blocking=False):
            raise RuntimeError("a drainer serves one thread, and this one is at work; make another")

    def _keep(self, course: Course, arn: str, time: Limits) -> tuple[int, int]:
        """See to it that what is held comes again, and what is settled does not.

        Returns:
            How many messages could not be deleted, and how many not be hidden.
        """
        from durable_ingest.acknowledging import delete_settled, hide_held  # noqa: PLC0415
        from durable_ingest.budget import hide_times  # noqa: PLC0415 - few batches are held

        batch, ledger = course.batch, course.ledger
        self._log(batch, ledger.held)
        queue = self._made_queues().queue_of_arn(arn, time.call)
        settings = self._budgets.settings(arn, queue, time.keeping)
        self._draining.expire(course, arn, settings, time)
        held = ledger.held
        if not held:
            return 0, 0
        undeleted = 0
        if not self._reports:
            settled = ledger.settled
            left = delete_settled(queue, batch, settled, course.order_free, time.deadline)
            undeleted = len(left.places)
        seconds = hide_times(batch, held, settings, self._draining.last_success, self._clock)
        return undeleted, hide_held(queue, batch, seconds, time.deadline)

    @cached_property
    def _budgets(self) -> Budgets:
        from durable_ingest.budget import Budgets  # noqa: PLC0415 - few drainers hold anything

        return Budgets(self._clock)

    def _report(
        self, course: Course, arn: str, began: float, undeleted: int, unhidden: int
    ) -> None:
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

    def _log(self, batch: Sequence[Message], held: dict[int, Refusal]) -> None:
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

    def _dead_letter_queue(self, call_limit: float) -> Outbox:
        return self._made_queues().dead_letter_queue(call_limit)

    def _made_queues(self) -> DrainerQueues:
        if self._queues is None:
            from durable_ingest.wiring import DrainerQueues  # noqa: PLC0415 - boto3 loads here

            self._queues = DrainerQueues(self._client, self._dead_letter_queue_url)
        return self._queues


def _check_inbox(inbox: RememberingTable | None, contracts: Sequence[Contract]) -> None:
    if inbox is not None and not hasattr(inbox, "table"):
        raise ContractError("inbox", "must be an Inbox")
    commands = [c.name for c in contracts if isinstance(c, Command)]
    if inbox is None and commands:
        problem = f"is needed by the command {commands[0]!r}, whose effect may not happen twice"
        raise ContractError("inbox", f"{problem}; give Inbox()")


_CAUSES: Final[dict[Fault, type[DurableIngestError]]] = {
    Fault.UNAVAILABLE: DatabaseUnavailableError,
    Fault.MISCONFIGURED: MisconfiguredError,
    Fault.REJECTED: RejectedError,
}


def _held_error(batch: Sequence[Message], held: Mapping[int, Refusal]) -> BatchHeldError:
    first = next(iter(held.values()))
    text = f"held {len(held)} of {len(batch)} messages, first {first.fault}: {first.reason}"
    error = BatchHeldError(text, {batch[n].id: refusal.reason for n, refusal in held.items()})
    error.__cause__ = _CAUSES.get(first.fault, DurableIngestError)(first.reason)
    return error
