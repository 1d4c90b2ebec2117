"""An SQS queue as an operator's tools use it, over a boto3 client."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.answers import QueueFacts, SendFailure
from durable_ingest.aws import call, entry_failure
from durable_ingest.letter import read_letter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from durable_ingest.letter import Letter, Resend

_MOST: Final = 10  # of a receive (SQS API Reference)
_LONG_POLL: Final = 1
"""Seconds. A long poll asks all of SQS' servers; a short one may find nothing where there is."""
_FACTS: Final = [
    "QueueArn",
    "RedrivePolicy",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
]
_UNREADABLE: Final = SendFailure(code="Unreadable", retryable=False, in_doubt=False)
_UNANSWERED: Final = SendFailure(code="NotAnswered", retryable=True, in_doubt=True)


class SqsLetterQueue:
    """Implements `ports.LetterQueue`.

    Args:
        client: a boto3 SQS client.
        url: the queue's URL.
        call_limit: the longest that one call takes with this client, in seconds.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 makes its clients' classes at run time
        url: str,
        call_limit: float,
    ) -> None:
        self._client = client
        self.url = url
        self.call_limit = call_limit

    def facts(self) -> QueueFacts | SendFailure:
        """Ask with GetQueueAttributes."""
        answer = self._call(self._client.get_queue_attributes, AttributeNames=_FACTS)
        if isinstance(answer, SendFailure):
            return answer
        try:
            return _facts(answer)
        except (KeyError, TypeError, ValueError):
            return _UNREADABLE

    def receive(self, seconds: int, attempt: str) -> list[Letter] | SendFailure:
        """Receive with ReceiveMessage, with all that SQS says of each message."""
        answer = self._call(
            self._client.receive_message,
            MaxNumberOfMessages=_MOST,
            VisibilityTimeout=seconds,
            WaitTimeSeconds=_LONG_POLL,
            ReceiveRequestAttemptId=attempt,
            AttributeNames=["All"],  # emulators do not know its new name
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        if isinstance(answer, SendFailure):
            return answer
        try:
            return [read_letter(given) for given in answer.get("Messages") or ()]
        except (KeyError, TypeError, ValueError):
            return _UNREADABLE

    def resend(self, entries: Sequence[Resend]) -> list[SendFailure | None]:
        """Send with SendMessageBatch."""
        return self._each(
            self._client.send_message_batch,
            [
                {
                    "MessageBody": entry.body,
                    "MessageGroupId": entry.group_id,
                    "MessageDeduplicationId": entry.dedup_id,
                    "MessageAttributes": dict(entry.attributes),
                }
                for entry in entries
            ],
        )

    def delete(self, receipt_handles: Sequence[str]) -> list[SendFailure | None]:
        """Delete with DeleteMessageBatch."""
        entries = [{"ReceiptHandle": handle} for handle in receipt_handles]
        return self._each(self._client.delete_message_batch, entries)

    def hide(self, receipt_handles: Sequence[str], seconds: int) -> list[SendFailure | None]:
        """Hide with ChangeMessageVisibilityBatch."""
        entries = [{"ReceiptHandle": h, "VisibilityTimeout": seconds} for h in receipt_handles]
        return self._each(self._client.change_message_visibility_batch, entries)

    def _each(
        self, operation: Callable[..., Any], entries: Sequence[Mapping[str, Any]]
    ) -> list[SendFailure | None]:
        numbered = [{"Id": str(place), **entry} for place, entry in enumerate(entries)]
        answer = self._call(operation, Entries=numbered)
        if isinstance(answer, SendFailure):
            return [answer] * len(entries)
        results: list[SendFailure | None] = [_UNANSWERED] * len(entries)
        for done in answer.get("Successful") or ():
            results[int(done["Id"])] = None
        for failed in answer.get("Failed") or ():
            results[int(failed["Id"])] = entry_failure(failed)
        return results

    def _call(
        self, operation: Callable[..., Any], **arguments: object
    ) -> dict[str, Any] | SendFailure:
        return call(operation, QueueUrl=self.url, **arguments)


def _facts(answer: Mapping[str, Any]) -> QueueFacts:
    attributes = answer["Attributes"]
    policy = attributes.get("RedrivePolicy")  # absent without one
    hidden = int(attributes["ApproximateNumberOfMessagesNotVisible"])
    headers = (answer.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
    date = headers.get("date")
    return QueueFacts(
        arn=str(attributes["QueueArn"]),
        dead_letter_arn=str(json.loads(policy)["deadLetterTargetArn"]) if policy else None,
        there=int(attributes["ApproximateNumberOfMessages"]) + hidden,
        hidden=hidden,
        told_at=None if date is None else parsedate_to_datetime(date).timestamp(),
    )
