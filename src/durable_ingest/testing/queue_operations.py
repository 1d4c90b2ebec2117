"""SQS' operations on messages in memory, each from a request's parameters to an answer."""

from collections.abc import Callable, Sequence

from durable_ingest.testing import queue_rules as rules
from durable_ingest.testing.lineup import Message
from durable_ingest.testing.queue_faults import EntryFault
from durable_ingest.testing.queue_registry import Answer, Parameters, Queue, QueueRegistry
from durable_ingest.testing.queue_settings import (
    MAX_VISIBILITY,
    MAX_WAIT,
    RefusedError,
    invalid,
    within,
)


class MessageOperations:
    """Sending, receiving and settling.

    Args:
        registry: the queues.
        now: seconds since 1970.
        fault_of: the fault of a batch's entry, if any.
    """

    def __init__(
        self,
        registry: QueueRegistry,
        now: Callable[[], float],
        fault_of: Callable[[str, Parameters], EntryFault | None],
    ) -> None:
        self._registry = registry
        self._now = now
        self._fault_of = fault_of

    # Sending

    def send_message(self, parameters: Parameters) -> Answer:
        """SendMessage."""
        return self._send(self._registry.queue(parameters["QueueUrl"]), parameters)

    def send_message_batch(self, parameters: Parameters) -> Answer:
        """SendMessageBatch."""
        queue, entries = self._registry.queue(parameters["QueueUrl"]), parameters["Entries"]
        rules.check_batch(entries)
        rules.check_batch_size(entries)
        return self._each("SendMessageBatch", entries, lambda entry: self._send(queue, entry))

    def _send(self, queue: Queue, entry: Parameters) -> Answer:
        draft = rules.draft_of(entry, queue.settings)
        stored = queue.messages.send(draft, self._registry.new_id(), self._now())
        answer = {"MD5OfMessageBody": draft.md5, "MessageId": stored.message_id}
        if draft.attributes_md5 is not None:
            answer["MD5OfMessageAttributes"] = draft.attributes_md5
        if queue.settings.fifo:
            answer["SequenceNumber"] = stored.sequence_number
        return answer

    def _each(
        self, operation: str, entries: Sequence[Parameters], do: Callable[[Parameters], Answer]
    ) -> Answer:
        """Carry out a batch entry by entry. A list that would be empty is left out."""
        answer: Answer = {}
        for entry in entries:
            fault = self._fault_of(operation, entry)
            try:
                done = do(entry) if fault is None or fault.done else {}
            except RefusedError as error:
                failed = _failed(entry, error.code, error.reason, sender_fault=True)
                answer.setdefault("Failed", []).append(failed)
                continue
            if fault is None:
                answer.setdefault("Successful", []).append({"Id": entry["Id"], **done})
            else:
                failed = _failed(entry, fault.code, "", sender_fault=fault.sender_fault)
                answer.setdefault("Failed", []).append(failed)
        return answer

    # Receiving

    def receive_message(self, parameters: Parameters) -> Answer:
        """ReceiveMessage, without the waiting."""
        queue, now = self._registry.queue(parameters["QueueUrl"]), self._now()
        settings = queue.settings
        most = parameters.get("MaxNumberOfMessages", 1)
        within("MaxNumberOfMessages", most, 1, rules.MAX_BATCH)
        timeout = parameters.get("VisibilityTimeout", settings.visibility_timeout)
        within("VisibilityTimeout", timeout, 0, MAX_VISIBILITY)
        within("WaitTimeSeconds", parameters.get("WaitTimeSeconds", 0), 0, MAX_WAIT)
        attempt = parameters.get("ReceiveRequestAttemptId")
        batch = None
        if attempt is not None:
            rules.check_id("ReceiveRequestAttemptId", attempt)
            if not settings.fifo:
                raise invalid("ReceiveRequestAttemptId", "The queue is no FIFO queue")
            batch = queue.messages.receive_again(attempt, now)
        if batch is None:
            batch = queue.messages.receive(now, most, timeout, self._bury(queue, now))
            if attempt is not None:
                queue.messages.remember(attempt, now, timeout, batch)
        if not batch and queue.messages.is_full and not settings.fifo:
            raise RefusedError("OverLimit", "Too many messages in flight.")
        names = [
            *(parameters.get("AttributeNames") or ()),
            *(parameters.get("MessageSystemAttributeNames") or ()),
        ]
        own_names = parameters.get("MessageAttributeNames") or ()
        answers = [_received(message, names, own_names) for message in batch]
        return {"Messages": answers} if answers else {}

    def _bury(self, queue: Queue, now: float) -> Callable[[Message], None] | None:
        target = self._registry.dead_letter_queue(queue)
        if target is None:
            return None
        return lambda message: target.messages.bury(message, queue.arn, now)

    # Settling

    def delete_message(self, parameters: Parameters) -> Answer:
        """DeleteMessage."""
        queue = self._registry.queue(parameters["QueueUrl"])
        queue.messages.delete(parameters["ReceiptHandle"], self._now())
        return {}

    def delete_message_batch(self, parameters: Parameters) -> Answer:
        """DeleteMessageBatch."""
        url, entries = self._registry.queue(parameters["QueueUrl"]).url, parameters["Entries"]
        rules.check_batch(entries)
        return self._each(
            "DeleteMessageBatch", entries, lambda e: self.delete_message({**e, "QueueUrl": url})
        )

    def change_message_visibility(self, parameters: Parameters) -> Answer:
        """ChangeMessageVisibility."""
        queue, timeout = (
            self._registry.queue(parameters["QueueUrl"]),
            parameters["VisibilityTimeout"],
        )
        within("VisibilityTimeout", timeout, 0, MAX_VISIBILITY)
        queue.messages.change_visibility(parameters["ReceiptHandle"], timeout, self._now())
        return {}

    def change_message_visibility_batch(self, parameters: Parameters) -> Answer:
        """ChangeMessageVisibilityBatch."""
        url, entries = self._registry.queue(parameters["QueueUrl"]).url, parameters["Entries"]
        rules.check_batch(entries)
        return self._each(
            "ChangeMessageVisibilityBatch",
            entries,
            lambda e: self.change_message_visibility({**e, "QueueUrl": url}),
        )


def _failed(entry: Parameters, code: str, text: str, *, sender_fault: bool) -> Answer:
    return {"Id": entry["Id"], "SenderFault": sender_fault, "Code": code, "Message": text}


def _received(message: Message, names: Sequence[str], own_names: Sequence[str]) -> Answer:
    draft = message.draft
    answer: Answer = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.handle,
        "MD5OfBody": draft.md5,
        "Body": draft.body,
    }
    if names:
        answer["Attributes"] = rules.chosen(_system_attributes(message), names)
    if own_names and draft.attributes:
        found = rules.chosen(draft.attributes, own_names)
        if found:
            answer["MessageAttributes"] = {name: dict(value) for name, value in found.items()}
            answer["MD5OfMessageAttributes"] = rules.md5_of_attributes(found)
    return answer


def _system_attributes(message: Message) -> dict[str, str]:
    draft = message.draft
    attributes = {
        "SenderId": "AIDAMEMORY",
        "SentTimestamp": _milliseconds(message.sent_at),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": _milliseconds(message.first_received_at or 0.0),
    }
    if draft.group is not None:
        attributes["MessageGroupId"] = draft.group
    if draft.dedup_id is not None:
        attributes["MessageDeduplicationId"] = draft.dedup_id
        attributes["SequenceNumber"] = message.sequence_number
    if message.dead_letter_source is not None:
        attributes["DeadLetterQueueSourceArn"] = message.dead_letter_source
    return attributes


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
