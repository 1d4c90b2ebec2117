"""One SQS queue, over a boto3 client."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.answers import QueueSettings, SendFailure
from durable_ingest.aws import call, entry_failure
from durable_ingest.bounded import run_within
from durable_ingest.message import SYSTEM_ATTRIBUTES
from durable_ingest.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from durable_ingest.outgoing import Outgoing

_LOGGER = logging.getLogger("durable_ingest")
_ENTRIES: Final = 10  # of a batch call, and of a receive (SQS API Reference)
_SETTINGS: Final = ["MessageRetentionPeriod", "VisibilityTimeout", "RedrivePolicy"]


class SqsQueue:
    """Implements `ports.Queue`.

    Args:
        client: a boto3 SQS client.
        url: the queue's URL.
        call_limit: the longest that one call takes with this client, in seconds.
        bounded: give a call up after that time, whatever it is doing: a client's own time-outs
            bound neither the resolution of a name nor an answer that trickles. It may still take
            effect later, which does no harm to deletes, hiding and dead letters, and would to
            sending.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 makes its clients' classes at run time
        url: str,
        call_limit: float,
        *,
        bounded: bool = False,
    ) -> None:
        self._client = client
        self._url = url
        self.call_limit = call_limit
        self._bounded = bounded

    def send(self, entries: Sequence[Outgoing]) -> list[Receipt | SendFailure]:
        """Send up to 10 messages with SendMessageBatch."""
        batch = [
            {
                "Id": str(place),
                "MessageBody": entry.body,
                "MessageGroupId": entry.group_id,
                "MessageDeduplicationId": entry.dedup_id,
                "MessageAttributes": {
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in entry.attributes.items()
                },
            }
            for place, entry in enumerate(entries)
        ]
        answer = self._call(self._client.send_message_batch, Entries=batch)
        if isinstance(answer, SendFailure):
            return [answer] * len(entries)
        stored = _by_place(answer.get("Successful"))
        failed = _by_place(answer.get("Failed"))
        return [_result(entry, stored.get(n), failed.get(n)) for n, entry in enumerate(entries)]

    def delete(self, receipt_handles: Sequence[str]) -> list[bool] | SendFailure:
        """Delete up to 10 messages with DeleteMessageBatch; tell a call that failed as such."""
        entries = [{"Id": str(n), "ReceiptHandle": h} for n, h in enumerate(receipt_handles)]
        return self._confirmed(self._client.delete_message_batch, entries)

    def hide(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> list[bool]:
        """Hide up to 10 messages with ChangeMessageVisibilityBatch."""
        entries = [
            {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": seconds[n]}
            for n, handle in enumerate(receipt_handles)
        ]
        done = self._confirmed(self._client.change_message_visibility_batch, entries)
        return [False] * len(entries) if isinstance(done, SendFailure) else done

    def receive(
        self, attempt: str | None, *, wait: int, visibility: int
    ) -> list[Mapping[str, Any]] | SendFailure:
        """Receive up to 10 messages with ReceiveMessage, and what `message.message` reads."""
        answer = self._call(
            self._client.receive_message,
            MaxNumberOfMessages=_ENTRIES,
            WaitTimeSeconds=wait,
            VisibilityTimeout=visibility,
            MessageAttributeNames=["All"],
            AttributeNames=SYSTEM_ATTRIBUTES,  # emulators do not know its new name
            MessageSystemAttributeNames=SYSTEM_ATTRIBUTES,
            **({} if attempt is None else {"ReceiveRequestAttemptId": attempt}),
        )
        if isinstance(answer, SendFailure):
            return answer
        return [_record(given, self._url) for given in answer.get("Messages") or ()]

    def settings(self) -> QueueSettings | SendFailure:
        """Ask with GetQueueAttributes."""
        answer = self._call(self._client.get_queue_attributes, AttributeNames=_SETTINGS)
        if isinstance(answer, SendFailure):
            return answer
        try:
            return _settings(answer["Attributes"])
        except (KeyError, TypeError, ValueError):
            return SendFailure(code="Unreadable", retryable=False, in_doubt=False)

    def _confirmed(
        self, operation: Callable[..., Any], entries: list[dict[str, Any]]
    ) -> list[bool] | SendFailure:
        answer = self._call(operation, Entries=entries)
        name = getattr(operation, "__name__", "SQS")
        if isinstance(answer, SendFailure):
            _LOGGER.warning("%s failed: %s", name, answer.code)
            return answer
        for code in {str(entry.get("Code")) for entry in answer.get("Failed") or ()}:
            _LOGGER.warning("%s failed for a message: %s", name, code)
        done = _by_place(answer.get("Successful"))
        return [place in done for place in range(len(entries))]

    def _call(
        self, operation: Callable[..., Any], **arguments: object
    ) -> dict[str, Any] | SendFailure:
        def ask() -> dict[str, Any] | SendFailure:
            return call(operation, QueueUrl=self._url, **arguments)

        if not self._bounded:
            return ask()
        try:
            return run_within(self.call_limit, ask)
        except TimeoutError:
            return SendFailure(code="TimedOut", retryable=True, in_doubt=True)


def _by_place(entries: Sequence[Mapping[str, Any]] | None) -> dict[int, Any]:
    return {int(entry["Id"]): entry for entry in entries or ()}


def _record(given: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Write a received message as Lambda's event would have it: what `message.message` reads."""
    return {
        "messageId": given.get("MessageId"),
        "receiptHandle": given.get("ReceiptHandle"),
        "body": given.get("Body"),
        "attributes": given.get("Attributes") or {},
        "messageAttributes": {
            name: {"stringValue": value.get("StringValue")}
            for name, value in (given.get("MessageAttributes") or {}).items()
        },
        "eventSourceARN": url,
    }


def _settings(attributes: Mapping[str, str]) -> QueueSettings:
    policy = attributes.get("RedrivePolicy")  # absent without one
    return QueueSettings(
        retention=int(attributes["MessageRetentionPeriod"]),
        visibility_timeout=int(attributes["VisibilityTimeout"]),
        max_receive_count=int(json.loads(policy)["maxReceiveCount"]) if policy else None,
    )


def _result(
    entry: Outgoing, stored: Mapping[str, Any] | None, failed: dict[str, Any] | None
) -> Receipt | SendFailure:
    if stored is not None:
        return Receipt(
            contract=entry.contract,
            message_id=str(stored["MessageId"]),
            sequence_number=str(stored.get("SequenceNumber") or ""),
            dedup_id=entry.dedup_id,
            group_id=entry.group_id,
        )
    if failed is not None:
        return entry_failure(failed)
    return SendFailure(code="NotAnswered", retryable=True, in_doubt=True)
