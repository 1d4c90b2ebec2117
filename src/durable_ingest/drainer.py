"""Drainer: an SQS batch into the database, every message acknowledged only once it is safe."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Literal

from durable_ingest.acknowledging import delete_settled, hide_held
from durable_ingest.backoff import Retry, may_be_given_up
from durable_ingest.budget import Budgets, expiring, hide_times, log_loss
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.codec import Undecodable
from durable_ingest.contract import Command, contracts_by_name
from durable_ingest.deadletters import bury, dead_letter
from durable_ingest.errors import (
    BatchHeldError,
    ContractError,
    DatabaseUnavailableError,
    DurableIngestError,
    MisconfiguredError,
    RejectedError,
)
from durable_ingest.intake import read_event, row_of
from durable_ingest.limits import limits
from durable_ingest.ports import NO_TIME, Fault, Refusal
from durable_ingest.receipt import Receipt
from durable_ingest.settlement import Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.deadline import Deadline
    from durable_ingest.limits import Limits
    from durable_ingest.message import Message
    from durable_ingest.ports import Database, QueueSettings, RememberingTable, Row
    from durable_ingest.wiring import DrainerQueues

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
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if acknowledge not in ("delete", "report"):
            raise ContractError("acknowledge", "must be 'delete' or 'report'")
        if dead_letter_queue_url is not None and not str(dead_letter_queue_url).endswith(".fifo"):
            problem = "must be the URL of a FIFO queue, ending in .fifo; others keep no order"
            raise ContractError("dead_letter_queue_url", problem)
        if not hasattr(mysql, "open"):
            raise ContractError("mysql", "must be a MySQL, such as MySQL.from_env()")
        self._contracts = contracts_by_name(contracts)
        _check_inbox(inbox, contracts)
        self._store = mysql.open(tuple(contracts), clock, retry, inbox)
        self._dead_letter_queue_url = dead_letter_queue_url
        self._reports = acknowledge == "report"
        self._retry = retry
        self._client = client
        self._clock = clock
        self._queues: DrainerQueues | None = None
        self._budgets = Budgets(clock)
        self._last_success: float | None = None
        self._last_outage: float | None = None

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
        """
        batch, arn = read_event(event)
        time = limits(context, self._retry.reserve, self._clock)
        ledger = Ledger([given.group for given in batch])
        rows = self._decode(batch, ledger)
        self._drain(batch, rows, ledger, time)
        if not ledger.held:
            return {"batchItemFailures": []}
        self._log(batch, ledger.held)
        queue = self._made_queues().queue_of_arn(arn, time.call)
        settings = self._budgets.settings(arn, queue, time.keeping)
        self._expire(batch, arn, settings, ledger, time)
        held = ledger.held
        if not held:
            return {"batchItemFailures": []}
        if not self._reports:
            order_free = {n for n, row in rows.items() if row.contract.order_free}
            delete_settled(queue, batch, ledger.settled, order_free, time.deadline)
        seconds = hide_times(batch, held, settings, self._last_success, self._clock)
        hide_held(queue, batch, seconds, time.deadline)
        if self._reports and ledger.settled:
            return {"batchItemFailures": [{"itemIdentifier": batch[n].id} for n in held]}
        raise _held_error(batch, held)

    def _decode(self, batch: Sequence[Message], ledger: Ledger) -> dict[int, Row]:
        rows: dict[int, Row] = {}
        for index, given in enumerate(batch):
            try:
                rows[index] = row_of(index, given, self._contracts)
            except Undecodable as error:
                if error.refusal.fault is Fault.REJECTED:
                    ledger.reject(index, error.refusal)
                else:
                    ledger.hold(index, error.refusal)
            except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
                reason = f"the model raised {type(error).__name__} while it was read"
                ledger.hold(index, Refusal(Fault.MISCONFIGURED, reason))
        return rows

    def _drain(
        self, batch: Sequence[Message], rows: dict[int, Row], ledger: Ledger, time: Limits
    ) -> None:
        """Write what may be written, dead-letter what has to be, until nothing can go on."""
        while True:
            if letters := ledger.due_dead_letters():
                self._bury(batch, letters, ledger, time.call, time.deadline)
            elif writable := ledger.writable():
                results = self._store.write([rows[n] for n in writable], time.database)
                if not results:
                    results = {writable[0]: Refusal(Fault.UNKNOWN, "the store gave no answer")}
                for index, refusal in results.items():
                    self._record(batch[index], index, refusal, ledger)
            else:
                return

    def _record(self, given: Message, index: int, refusal: Refusal | None, ledger: Ledger) -> None:
        if refusal is None:
            ledger.settle(index)
            self._last_success = self._clock.now()
            return
        if refusal.fault is Fault.UNAVAILABLE and refusal != NO_TIME:
            self._last_outage = self._clock.now()
        if refusal.fault is Fault.REJECTED or self._gives_up(given, refusal):
            ledger.reject(index, refusal)
        else:
            ledger.hold(index, refusal)

    def _gives_up(self, given: Message, refusal: Refusal) -> bool:
        """Say whether a message has waited long enough for another to cure it."""
        if refusal.fault is not Fault.DEPENDENT or given.first_received is None:
            return False
        now = self._clock.now()
        since_outage = None if self._last_outage is None else now - self._last_outage
        return may_be_given_up(now - given.first_received, since_outage)

    def _expire(
        self,
        batch: Sequence[Message],
        arn: str,
        settings: QueueSettings | None,
        ledger: Ledger,
        time: Limits,
    ) -> None:
        """Copy what SQS is about to delete to the dead-letter queue, each group in its order.

        What comes behind it is written by a later call: nothing is written any more in this one.
        """
        due = expiring(batch, ledger.held, settings, self._clock.now())
        if due and settings is not None and self._dead_letter_queue_url is None:
            log_loss(arn, [batch[n] for n in due], settings)
            return
        held = ledger.held
        for index, refusal in due.items():
            if held[index].fault is not Fault.REJECTED:  # which goes with its own reason
                ledger.reject(index, refusal)
        while letters := ledger.due_dead_letters():
            self._bury(batch, letters, ledger, time.call, time.keeping)

    def _bury(
        self,
        batch: Sequence[Message],
        letters: Sequence[tuple[int, Refusal]],
        ledger: Ledger,
        call: float,
        deadline: Deadline,
    ) -> None:
        """Copy messages to the dead-letter queue; hold those that are not confirmed."""
        if self._dead_letter_queue_url is None:
            for index, refusal in letters:
                ledger.hold(index, refusal)
            return
        queue = self._made_queues().dead_letter_queue(call)
        copies = {index: dead_letter(batch[index], refusal) for index, refusal in letters}
        results = bury(queue, copies, deadline)
        for index, refusal in letters:
            result = results[index]
            if isinstance(result, Receipt):
                ledger.settle(index)
                _LOGGER.warning("dead-lettered message %s: %s", batch[index].id, refusal.reason)
            else:
                ledger.hold(index, refusal)
                _LOGGER.error("message %s: no dead letter, %s", batch[index].id, result.code)

    def _log(self, batch: Sequence[Message], held: dict[int, Refusal]) -> None:
        for fault in dict.fromkeys(refusal.fault for refusal in held.values()):
            same = {n: r for n, r in held.items() if r.fault is fault}
            level = logging.ERROR if fault is Fault.MISCONFIGURED else logging.WARNING
            reasons = "; ".join(dict.fromkeys(refusal.reason for refusal in same.values()))
            _LOGGER.log(
                level, "held %d of %d messages, %s: %s", len(same), len(batch), fault, reasons
            )

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
