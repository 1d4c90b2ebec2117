"""Drainer: an SQS batch into the database, every message acknowledged only once it is safe."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from durable_ingest.backoff import Retry
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.contract import Command, contracts_by_name
from durable_ingest.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.handling import Handling
    from durable_ingest.ports import Database, RememberingTable, Stop
    from durable_ingest.report import BatchReport, PollReport
    from durable_ingest.setup import Setup
    from durable_ingest.workers import Workers


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
        self._clock = clock
        self._has_commands = any(isinstance(contract, Command) for contract in contracts)
        self._workers: Callable[[int], Workers] | None = None  # other ones, for tests
        self._at_work = Lock()

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
        from durable_ingest.setup import Setup  # noqa: PLC0415 - not for a cold start

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
            return self._handling.handle(event, context)
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
            handling = self._handling
            source, queue = handling.queues.polled(queue_url, WAIT, receivers)
            desk = Desk(
                name=wishes.name,
                source=source,
                queue=queue,
                store=self._store,
                draining=handling.draining,
                budgets=handling.budgets,
                clock=self._clock,
                workers=(self._workers or Threads)(2 * receivers),
                log_held=handling.log_held,
                report=handling.report,
                has_commands=self._has_commands,
            )
            return Poller(desk, wishes).run()
        finally:
            self._at_work.release()

    @cached_property
    def _handling(self) -> Handling:
        """What works on batches: loaded with the first one, and not for a cold start."""
        from durable_ingest.handling import Handling  # noqa: PLC0415

        return Handling(
            self.setup,
            store=self._store,
            retry=self._retry,
            client=self._client,
            on_report=self._on_report,
            clock=self._clock,
        )

    def _begin(self) -> None:
        """See that one thread at a time is at work."""
        if not self._at_work.acquire(blocking=False):
            raise RuntimeError("a drainer serves one thread, and this one is at work; make another")


def _check_inbox(inbox: RememberingTable | None, contracts: Sequence[Contract]) -> None:
    if inbox is not None and not hasattr(inbox, "table"):
        raise ContractError("inbox", "must be an Inbox")
    commands = [c.name for c in contracts if isinstance(c, Command)]
    if inbox is None and commands:
        problem = f"is needed by the command {commands[0]!r}, whose effect may not happen twice"
        raise ContractError("inbox", f"{problem}; give Inbox()")
