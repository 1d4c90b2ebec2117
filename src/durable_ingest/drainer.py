"""Drainer: an SQS batch into the database, every message acknowledged only once it is safe."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from durable_ingest.backoff import Retry, contended_seconds, hide_seconds, may_be_given_up
from durable_ingest.batching import next_batch
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.codec import Undecodable, decode
from durable_ingest.contract import Table, contracts_by_name
from durable_ingest.deadletters import dead_letter
from durable_ingest.deadline import Deadline
from durable_ingest.errors import BatchHeldError, ContractError, ForeignEventError
from durable_ingest.message import Message, Receipt, message
from durable_ingest.ports import Fault, Refusal, Row
from durable_ingest.settlement import Ledger, deletion_rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from durable_ingest.ports import Clock, Database, Queue, SendFailure
    from durable_ingest.wiring import DrainerQueues

_LOGGER = logging.getLogger("durable_ingest")
_ENTRIES: Final = 10
_SECONDS_WITHOUT_CONTEXT: Final = 60.0
_SQS_SHARE: Final = 0.2
_LONGEST_CALL: Final = 3.0
_CALLS_AT_THE_END: Final = 2  # delete, hide


class Drainer:
    """Writes messages into MySQL. One drainer serves one thread; construct it at import.

    Args:
        mysql: how to connect; see `MySQL`.
        contracts: the tables that messages may be for.
        dead_letter_queue_url: the FIFO queue that rejected messages are copied to. Without one
            they are held, for the queue's own redrive policy to move.
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

    def __init__(
        self,
        mysql: Database,
        *contracts: Table,
        dead_letter_queue_url: str | None = None,
        acknowledge: Literal["delete", "report"] = "delete",
        retry: Retry = Retry(),  # noqa: B008 - frozen
        client: Any = None,  # noqa: ANN401 - boto3 makes its clients' classes at run time
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if acknowledge not in ("delete", "report"):
            raise ContractError("acknowledge", "must be 'delete' or 'report'")
        if dead_letter_queue_url is not None and not dead_letter_queue_url.endswith(".fifo"):
            problem = "must be the URL of a FIFO queue, ending in .fifo; others keep no order"
            raise ContractError("dead_letter_queue_url", problem)
        if not hasattr(mysql, "open"):
            raise ContractError("mysql", "must be a MySQL, such as MySQL.from_env()")
        self._contracts = contracts_by_name(contracts)
        self._store = mysql.open(tuple(contracts), clock, retry)
        self._dead_letter_queue_url = dead_letter_queue_url
        self._reports = acknowledge == "report"
        self._retry = retry
        self._client = client
        self._clock = clock
        self._queues: DrainerQueues | None = None
        self._last_success: float | None = None
        self._last_outage: float | None = None

    def handle(self, event: Mapping[str, Any], context: Any = None) -> dict[str, Any]:  # noqa: ANN401
        """Drain one batch: the handler of a Lambda function with an SQS event source mapping.

        Args:
            event: what Lambda passes for SQS, with one record or more.
            context: Lambda's context, whose remaining time sets the deadline; without one, a
                minute.

        Returns:
            A partial batch response: `{"batchItemFailures": [...]}`.

        Raises:
            ForeignEventError: it is no SQS event, or an empty one.
            BatchHeldError: messages are held (with acknowledge="report": every one is).
        """
        batch, arn = _read(event)
        limits = self._limits(context)
        ledger = Ledger([m.group_id or f"\x00{n}" for n, m in enumerate(batch)])
        rows = self._decode(batch, ledger)
        self._drain(batch, rows, ledger, limits)
        held = ledger.held
        if not held:
            return {"batchItemFailures": []}
        self._log(batch, held)
        queue = self._queue_of(arn, limits)
        if not self._reports:
            self._delete(queue, batch, ledger, rows, limits)
        self._hide(queue, batch, held, limits)
        if self._reports and ledger.settled:
            return {"batchItemFailures": [{"itemIdentifier": batch[n].id} for n in held]}
        raise _held_error(batch, held)

    def _decode(self, batch: Sequence[Message], ledger: Ledger) -> dict[int, Row]:
        rows: dict[int, Row] = {}
        for index, given in enumerate(batch):
            try:
                rows[index] = self._row(index, given)
            except Undecodable as error:
                if error.refusal.fault is Fault.REJECTED:
                    ledger.reject(index, error.refusal)
                else:
                    ledger.hold(index, error.refusal)
        return rows

    def _row(self, index: int, given: Message) -> Row:
        contract = self._contract_of(given)
        decoded = decode(contract, given.body, given.attributes)
        if contract.sequence is not None and given.sequence is None:
            raise _misplaced(
                "has no sequence number, which its contract compares; use a FIFO queue"
            )
        if given.group_id is None:
            if contract.version is None:
                raise _misplaced("has no message group; only tables with a version do without")
            if not decoded.present >= contract.fields.columns.keys():
                raise _misplaced("has no message group and lacks fields; send whole rows")
        return Row(
            index=index,
            contract=contract,
            record=decoded.record,
            present=decoded.present,
            group=given.group_id or given.id,
            sequence=given.sequence,
        )

    def _contract_of(self, given: Message) -> Table:
        if given.name is None and len(self._contracts) == 1:
            return next(iter(self._contracts.values()))
        contract = self._contracts.get(given.name or "")
        if contract is None:
            name = "no contract" if given.name is None else f"the contract {given.name[:64]!r}"
            known = ", ".join(self._contracts)
            raise _misplaced(f"names {name}; this drainer knows {known}. Deploy the contract")
        return contract

    def _drain(
        self, batch: Sequence[Message], rows: dict[int, Row], ledger: Ledger, limits: _Limits
    ) -> None:
        """Write what may be written and dead-letter what has to be, until nothing more can go on."""
        while True:
            if letters := ledger.due_dead_letters():
                self._bury(batch, letters, ledger, limits)
            elif writable := ledger.writable():
                results = self._store.write([rows[n] for n in writable], limits.database)
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
        if refusal.fault is Fault.UNAVAILABLE:
            self._last_outage = self._clock.now()
        now = self._clock.now()
        since_outage = None if self._last_outage is None else now - self._last_outage
        given_up = refusal.fault is Fault.DEPENDENT and may_be_given_up(
            now - given.first_received, since_outage
        )
        if refusal.fault is Fault.REJECTED or given_up:
            ledger.reject(index, refusal)
        else:
            ledger.hold(index, refusal)

    def _bury(
        self,
        batch: Sequence[Message],
        letters: Sequence[tuple[int, Refusal]],
        ledger: Ledger,
        limits: _Limits,
    ) -> None:
        """Copy rejected messages to the dead-letter queue; hold those that are not confirmed."""
        if self._dead_letter_queue_url is None:
            for index, refusal in letters:
                ledger.hold(index, refusal)
            return
        queue = self._queues_within(limits).at(self._dead_letter_queue_url)
        left = {index: dead_letter(batch[index], refusal) for index, refusal in letters}
        why = dict(letters)
        while chosen := next_batch(list(left.items())):
            results: Sequence[Receipt | SendFailure | None] = [None] * len(chosen)
            if limits.deadline.allows(queue.call_limit):
                results = queue.send([left[index] for index in chosen])
            for index, result in zip(chosen, results, strict=True):
                del left[index]
                if isinstance(result, Receipt):
                    ledger.settle(index)
                    _LOGGER.warning(
                        "dead-lettered message %s: %s", batch[index].id, why[index].reason
                    )
                else:
                    code = "no time was left" if result is None else result.code
                    _LOGGER.error("message %s: no dead letter, %s", batch[index].id, code)
                    ledger.hold(index, why[index])

    def _delete(
        self,
        queue: Queue,
        batch: Sequence[Message],
        ledger: Ledger,
        rows: dict[int, Row],
        limits: _Limits,
    ) -> None:
        """Delete settled messages, a group's next one only after the one before it is gone."""
        stopped: set[str | None] = set()
        settled = [
            (n, batch[n].group_id or batch[n].id, n in rows and rows[n].contract.order_free)
            for n in ledger.settled
        ]
        for chosen in deletion_rounds(settled):
            for part in _chunks([n for n in chosen if batch[n].group_id not in stopped]):
                if not limits.deadline.allows(queue.call_limit):
                    return
                done = queue.delete([batch[n].receipt_handle for n in part])
                for n, deleted in zip(part, done, strict=True):
                    if not deleted:
                        stopped.add(batch[n].group_id)
        if stopped:
            _LOGGER.warning("SQS did not confirm every delete; those messages come again")

    def _hide(
        self, queue: Queue, batch: Sequence[Message], held: dict[int, Refusal], limits: _Limits
    ) -> None:
        """Hide held messages, each group as long as its head; best effort."""
        seconds: dict[str, int] = {}
        for index, refusal in held.items():
            group = batch[index].group_id or batch[index].id
            if group not in seconds:
                seconds[group] = self._hide_seconds(batch[index], refusal)
        failed = 0
        for part in _chunks(list(held)):
            if not limits.deadline.allows(queue.call_limit):
                failed += len(part)
                continue
            given = [batch[n] for n in part]
            done = queue.hide(
                [m.receipt_handle for m in given], [seconds[m.group_id or m.id] for m in given]
            )
            failed += done.count(False)
        if failed:
            _LOGGER.error(
                "%d held messages could not be hidden and come again after the queue's visibility"
                " timeout (is sqs:ChangeMessageVisibility granted?)",
                failed,
            )

    def _hide_seconds(self, head: Message, refusal: Refusal) -> int:
        """Seconds to hide a group.

        An outage is as old as its first held message, or as the last success seen here; what
        waits for something else is as old as itself.
        """
        if refusal.fault is Fault.CONTENDED:
            return contended_seconds(self._clock.jitter())
        since = head.first_received
        if refusal.fault is Fault.UNAVAILABLE and self._last_success is not None:
            since = max(since, self._last_success)
        return hide_seconds(self._clock.now() - since)

    def _log(self, batch: Sequence[Message], held: dict[int, Refusal]) -> None:
        for fault in dict.fromkeys(refusal.fault for refusal in held.values()):
            same = {n: r for n, r in held.items() if r.fault is fault}
            level = logging.ERROR if fault is Fault.MISCONFIGURED else logging.WARNING
            reasons = "; ".join(dict.fromkeys(refusal.reason for refusal in same.values()))
            _LOGGER.log(
                level, "held %d of %d messages, %s: %s", len(same), len(batch), fault, reasons
            )

    def _limits(self, context: Any) -> _Limits:  # noqa: ANN401 - Lambda's or a test's
        seconds = _SECONDS_WITHOUT_CONTEXT
        if context is not None:
            seconds = context.get_remaining_time_in_millis() / 1000
        usable = max(seconds - self._retry.reserve, 0.0)
        deadline = Deadline.after(self._clock, usable)
        call = min(usable * _SQS_SHARE, _LONGEST_CALL)
        return _Limits(deadline, deadline.earlier(call * _CALLS_AT_THE_END), call)

    def _queues_within(self, limits: _Limits) -> DrainerQueues:
        if self._queues is None:
            from durable_ingest.wiring import DrainerQueues  # noqa: PLC0415 - boto3 loads here

            self._queues = DrainerQueues(self._client, limits.call)
        return self._queues

    def _queue_of(self, arn: str, limits: _Limits) -> Queue:
        return self._queues_within(limits).of(arn, self._dead_letter_queue_url)


@dataclass(frozen=True, slots=True)
class _Limits:
    """The time of one call."""

    deadline: Deadline
    database: Deadline
    """Earlier, to leave time for deleting and hiding."""
    call: float
    """The longest that one call to SQS may take."""


def _read(event: Mapping[str, Any]) -> tuple[list[Message], str]:
    """Read an event: its messages, and the ARN of the queue they came from."""
    try:
        records = event["Records"]
        if not records or any(record["eventSource"] != "aws:sqs" for record in records):
            raise ValueError
        return [message(record) for record in records], str(records[0]["eventSourceARN"])
    except (KeyError, TypeError, ValueError, AttributeError):
        text = (
            "the event is no batch of SQS messages; this handler belongs behind an SQS event"
            " source mapping"
        )
        raise ForeignEventError(text) from None


def _misplaced(problem: str) -> Undecodable:
    return Undecodable(Refusal(Fault.MISCONFIGURED, f"a message {problem}"))


def _chunks(indices: Sequence[int]) -> list[Sequence[int]]:
    return [indices[n : n + _ENTRIES] for n in range(0, len(indices), _ENTRIES)]


def _held_error(batch: Sequence[Message], held: dict[int, Refusal]) -> BatchHeldError:
    first = next(iter(held.values()))
    text = f"held {len(held)} of {len(batch)} messages, first {first.fault}: {first.reason}"
    return BatchHeldError(text, {batch[n].id: refusal.reason for n, refusal in held.items()})
