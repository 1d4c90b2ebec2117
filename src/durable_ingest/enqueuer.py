"""Enqueuer: store writes in the queue, in order, within a time limit."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from durable_ingest.answers import SendFailure
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.contract import contracts_by_name
from durable_ingest.deadline import Deadline
from durable_ingest.encoding import encode
from durable_ingest.errors import (
    ContractError,
    EnqueueError,
    Failure,
    InvalidRecordError,
    QueueRefusedError,
    QueueUnavailableError,
    RecordTooLargeError,
)
from durable_ingest.outgoing import MAX_RECORD, Outgoing, outgoing
from durable_ingest.receipt import Receipt
from durable_ingest.sending import Sending

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import BaseModel

    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.ports import Outbox


class Enqueuer:
    """Stores records in an SQS FIFO queue. Thread-safe; makes no I/O until the first record.

    Args:
        queue_url: the queue's URL; its name ends in ".fifo".
        contracts: the tables and commands whose records are sent.
        client: a boto3 SQS client; made when it is needed, with short time-outs and no retries
            of its own, if none is given.
        timeout: seconds that one call may take, repeats included. What was begun in time may
            end up to half as much later; with a client of your own, its time-outs count.
        clock: another clock, for tests.

    Raises:
        ContractError: an argument is wrong.
    """

    def __init__(
        self,
        queue_url: str,
        *contracts: Contract,
        client: Any = None,  # noqa: ANN401 - boto3 makes its clients' classes at run time
        timeout: float = 5.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not str(queue_url).endswith(".fifo"):
            problem = "must be the URL of a FIFO queue, ending in .fifo; others keep no order"
            raise ContractError("queue_url", problem)
        if timeout <= 0:
            raise ContractError("timeout", "must be more than 0 seconds")
        self._contracts = contracts_by_name(contracts)
        self._queue_url = str(queue_url)
        self._client = client
        self._timeout = timeout
        self._clock = clock
        self._lock = Lock()
        self._opened: Outbox | None = None

    def enqueue(
        self,
        record: BaseModel,
        *,
        to: Contract | str | None = None,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Store one record; return once SQS has confirmed it.

        Args:
            record: an instance of a contract's model.
            to: the contract, or its name, where a model has several.
            idempotency_key: the client's own key for this write. The same record with the same
                key is stored once within SQS' five minutes.

        Raises:
            InvalidRecordError: the record cannot be sent; names the fields.
            RecordTooLargeError: over 1 MiB less 8 KiB.
            QueueUnavailableError: not confirmed in time; `failures[0].idempotency_key` sends it
                again without storing it twice.
            QueueRefusedError: no such queue, or no permission.
            ContractError: no contract has this model, or several do and `to` is not given.
        """
        return self.enqueue_many([record], to=to, idempotency_keys=[idempotency_key])[0]

    def enqueue_many(
        self,
        records: Iterable[BaseModel],
        *,
        to: Contract | str | None = None,
        idempotency_keys: Sequence[str | None] | None = None,
    ) -> list[Receipt]:
        """Store records, in their order within each group; return their receipts in that order.

        What cannot be sent is found before anything is sent. After a record has finally failed,
        later ones of its group are not attempted.

        Raises:
            EnqueueError: as `enqueue`; `receipts` and `failures` tell which records are stored.
        """
        given = list(records)
        keys: list[str | None] = [None] * len(given)
        if idempotency_keys is not None:
            keys = list(idempotency_keys)
        if len(keys) != len(given):
            problem = f"has {len(keys)} keys for {len(given)} records"
            raise ContractError("idempotency_keys", problem)
        if "" in keys:
            raise ContractError("idempotency_key", "is empty; give None where there is none")
        deadline = Deadline.after(self._clock, self._timeout)
        entries = self._prepare(given, to, keys)
        results = Sending(self._queue(), entries, self._clock, deadline).run()
        receipts = [result if isinstance(result, Receipt) else None for result in results]
        if None in receipts:
            raise _error(entries, results)
        return [receipt for receipt in receipts if receipt is not None]

    def _prepare(
        self, records: list[BaseModel], to: Contract | str | None, keys: list[str | None]
    ) -> list[Outgoing]:
        entries: list[Outgoing] = []
        for index, (record, key) in enumerate(zip(records, keys, strict=True)):
            contract = self._contract_of(record, to)
            sent_key = key
            if key is None and contract.version is None:
                sent_key = self._clock.unique()
            try:
                body, attributes = encode(contract, record)
                entry = outgoing(contract, record, body, attributes, sent_key)
            except (InvalidRecordError, ValueError, TypeError) as error:
                unsent = _unsent(len(records), index, "InvalidRecord", keys)
                problems = getattr(error, "problems", {"group": str(error)})
                if len(records) > 1:
                    problems = {f"records[{index}].{name}": text for name, text in problems.items()}
                raise InvalidRecordError(problems, **unsent) from None
            if entry.size > MAX_RECORD:
                unsent = _unsent(len(records), index, "RecordTooLarge", keys)
                text = f"records[{index}] is {entry.size} bytes as a message; at most {MAX_RECORD}"
                raise RecordTooLargeError(text, **unsent)
            entries.append(entry)
        return entries

    def _contract_of(self, record: BaseModel, to: Contract | str | None) -> Contract:
        if to is not None:
            name = to if isinstance(to, str) else to.name
            contract = self._contracts.get(name)
            if contract is None or type(record) is not contract.model:
                problem = f"{name!r} is no contract of this enqueuer for a {type(record).__name__}"
                raise ContractError("to", problem)
            return contract
        fitting = [c for c in self._contracts.values() if c.model is type(record)]
        if not fitting:
            problem = f"no contract of this enqueuer has the model {type(record).__name__}"
            raise ContractError("record", problem)
        if len(fitting) > 1:
            names = ", ".join(contract.name for contract in fitting)
            raise ContractError("to", f"{type(record).__name__} has several contracts: {names}")
        return fitting[0]

    def _queue(self) -> Outbox:
        with self._lock:
            if self._opened is None:
                from durable_ingest.wiring import sender  # noqa: PLC0415 - boto3 loads here

                self._opened = sender(self._queue_url, self._client, self._timeout)
            return self._opened


def _unsent(count: int, guilty: int, code: str, keys: list[str | None]) -> dict[str, Any]:
    """Say that nothing of a call was sent, because of one record."""
    failures = [
        Failure(
            index=index,
            code=code if index == guilty else "NotAttempted",
            retryable=index != guilty,
            in_doubt=False,
            attempted=False,
            idempotency_key=keys[index],
        )
        for index in range(count)
    ]
    return {"receipts": [None] * count, "failures": failures}


def _error(entries: list[Outgoing], results: list[Receipt | SendFailure]) -> EnqueueError:
    failures = [
        Failure(
            index=index,
            code=result.code,
            retryable=result.retryable,
            in_doubt=result.in_doubt,
            attempted=result.attempted,
            idempotency_key=entries[index].idempotency_key,
        )
        for index, result in enumerate(results)
        if isinstance(result, SendFailure)
    ]
    refused = any(isinstance(result, SendFailure) and not result.retryable for result in results)
    kind = QueueRefusedError if refused else QueueUnavailableError
    attempted = {failure.code for failure in failures if failure.attempted}
    codes = ", ".join(sorted(attempted)) or "no time was left"
    advice = (
        "mend the queue's URL, the credentials or the permission (sqs:SendMessage)"
        if refused
        else "send them again with the idempotency keys in `failures`"
    )
    text = f"{len(failures)} of {len(results)} records are not confirmed ({codes}); {advice}"
    receipts = [result if isinstance(result, Receipt) else None for result in results]
    return kind(text, receipts=receipts, failures=failures)
