"""SQS' operations on queues in memory, each from a request's parameters to an answer."""

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from durable_ingest.testing import queue_rules as rules
from durable_ingest.testing.queue_faults import EntryFault
from durable_ingest.testing.queue_settings import (
    MAX_VISIBILITY,
    MAX_WAIT,
    RefusedError,
    Settings,
    changed_attributes,
    check_attribute_names,
    invalid,
    queue_attributes,
    settings_of,
    within,
)
from durable_ingest.testing.stored_queue import Message, StoredQueue

REGION = "eu-west-1"
ACCOUNT = "000000000000"
AFTER_DELETE = AFTER_PURGE = 60.0
MAX_TASKS = 10
MAX_MOVES_A_SECOND = 500

Parameters = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(eq=False)
class _Queue:
    """A queue with what SQS knows of it besides its messages."""

    name: str
    url: str
    arn: str
    attributes: dict[str, str]
    created_at: float
    changed_at: float
    messages: StoredQueue
    purged_at: float | None = None
    tasks: list[Answer] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.messages.settings


class QueueOperations:
    """The queues of one region and account.

    Args:
        now: seconds since 1970.
        endpoint_url: the queues' URLs begin with it.
        fault_of: the fault of a batch's entry, if any.
        seed: makes message ids differ from those of another.
        limits: the arguments of `StoredQueue`.
    """

    def __init__(
        self,
        now: Callable[[], float],
        endpoint_url: str,
        fault_of: Callable[[str, Parameters], EntryFault | None],
        seed: int,
        limits: Mapping[str, int],
    ) -> None:
        self._now = now
        self._endpoint_url = endpoint_url
        self._fault_of = fault_of
        self._seed = seed
        self._limits = limits
        self._ids = itertools.count(1)
        self._by_url: dict[str, _Queue] = {}
        self._by_arn: dict[str, _Queue] = {}
        self._deleted_at: dict[str, float] = {}

    def queue(self, url: str) -> _Queue:
        """Find a queue.

        Raises:
            RefusedError: there is none at this URL.
        """
        found = self._by_url.get(url)
        if found is None:
            raise RefusedError("QueueDoesNotExist", "The specified queue does not exist.")
        return found

    def queues(self) -> list[_Queue]:
        """List all queues."""
        return list(self._by_url.values())

    def _new_id(self) -> str:
        return f"{next(self._ids):08x}-0000-4000-8000-{self._seed & 0xFFFFFFFFFFFF:012x}"

    # Queues

    def create_queue(self, parameters: Parameters) -> Answer:
        """CreateQueue."""
        name, given = parameters["QueueName"], parameters.get("Attributes") or {}
        now = self._now()
        attributes = queue_attributes(name, given)
        url = f"{self._endpoint_url}/{ACCOUNT}/{name}"
        if (present := self._by_url.get(url)) is not None:
            if any(present.attributes.get(key) != value for key, value in given.items()):
                raise RefusedError(
                    "QueueNameExists",
                    "A queue already exists with the same name and a different value.",
                )
            return {"QueueUrl": url}
        if now - self._deleted_at.get(name, -AFTER_DELETE) < AFTER_DELETE:
            raise RefusedError(
                "QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another"
                " with the same name.",
            )
        settings = settings_of(attributes)
        self._check_dead_letter_queue(settings)
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        messages = StoredQueue(name, settings, **self._limits)
        made = _Queue(name, url, arn, attributes, now, now, messages)
        self._by_url[url] = self._by_arn[arn] = made
        return {"QueueUrl": url}

    def _check_dead_letter_queue(self, settings: Settings) -> None:
        if settings.dead_letter_arn is None:
            return
        target = self._by_arn.get(settings.dead_letter_arn)
        if target is None:
            raise invalid("RedrivePolicy", "Dead letter target does not exist")
        if target.settings.fifo != settings.fifo:
            raise invalid("RedrivePolicy", "Dead-letter queue must be same type of queue as source")

    def delete_queue(self, parameters: Parameters) -> Answer:
        """DeleteQueue; at once, while SQS takes up to 60 seconds."""
        gone = self.queue(parameters["QueueUrl"])
        del self._by_url[gone.url], self._by_arn[gone.arn]
        self._deleted_at[gone.name] = self._now()
        return {}

    def get_queue_url(self, parameters: Parameters) -> Answer:
        """GetQueueUrl."""
        url = f"{self._endpoint_url}/{ACCOUNT}/{parameters['QueueName']}"
        return {"QueueUrl": self.queue(url).url}

    def list_queues(self, parameters: Parameters) -> Answer:
        """ListQueues, on one page."""
        prefix = parameters.get("QueueNamePrefix") or ""
        urls = [queue.url for queue in self.queues() if queue.name.startswith(prefix)]
        return {"QueueUrls": urls} if urls else {}

    def get_queue_attributes(self, parameters: Parameters) -> Answer:
        """GetQueueAttributes."""
        queue, asked = self.queue(parameters["QueueUrl"]), parameters.get("AttributeNames") or ()
        queue.messages.advance(self._now())
        in_flight = queue.messages.in_flight
        attributes = {
            **queue.attributes,
            "QueueArn": queue.arn,
            "ApproximateNumberOfMessages": str(len(queue.messages) - in_flight),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": "0",
            "CreatedTimestamp": str(int(queue.created_at)),
            "LastModifiedTimestamp": str(int(queue.changed_at)),
        }
        check_attribute_names(asked)
        found = rules.chosen(attributes, asked)
        return {"Attributes": found} if found else {}

    def set_queue_attributes(self, parameters: Parameters) -> Answer:
        """SetQueueAttributes; at once, while SQS takes up to 60 seconds."""
        queue = self.queue(parameters["QueueUrl"])
        attributes = changed_attributes(queue.attributes, parameters["Attributes"])
        settings = settings_of(attributes)
        self._check_dead_letter_queue(settings)
        queue.attributes, queue.messages.settings = attributes, settings
        queue.changed_at = self._now()
        return {}

    def purge_queue(self, parameters: Parameters) -> Answer:
        """PurgeQueue; at once, while SQS takes up to 60 seconds."""
        queue, now = self.queue(parameters["QueueUrl"]), self._now()
        if queue.purged_at is not None and now - queue.purged_at < AFTER_PURGE:
            raise RefusedError(
                "PurgeQueueInProgress", "Only one PurgeQueue operation is allowed every 60 seconds."
            )
        queue.purged_at = now
        queue.messages.purge(now)
        return {}

    # Sending

    def send_message(self, parameters: Parameters) -> Answer:
        """SendMessage."""
        return self._send(self.queue(parameters["QueueUrl"]), parameters)

    def send_message_batch(self, parameters: Parameters) -> Answer:
        """SendMessageBatch."""
        queue, entries = self.queue(parameters["QueueUrl"]), parameters["Entries"]
        rules.check_batch(entries)
        rules.check_batch_size(entries)
        return self._each("SendMessageBatch", entries, lambda entry: self._send(queue, entry))

    def _send(self, queue: _Queue, entry: Parameters) -> Answer:
        draft = rules.draft_of(entry, queue.settings)
        stored = queue.messages.send(draft, self._new_id(), self._now())
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
        queue, now = self.queue(parameters["QueueUrl"]), self._now()
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

    def _bury(self, queue: _Queue, now: float) -> Callable[[Message], None] | None:
        target = self._by_arn.get(queue.settings.dead_letter_arn or "")
        if target is None:  # none is named, or it was deleted
            return None
        return lambda message: target.messages.bury(message, queue.arn, now)

    # Settling

    def delete_message(self, parameters: Parameters) -> Answer:
        """DeleteMessage."""
        queue = self.queue(parameters["QueueUrl"])
        queue.messages.delete(parameters["ReceiptHandle"], self._now())
        return {}

    def delete_message_batch(self, parameters: Parameters) -> Answer:
        """DeleteMessageBatch."""
        url, entries = self.queue(parameters["QueueUrl"]).url, parameters["Entries"]
        rules.check_batch(entries)
        return self._each(
            "DeleteMessageBatch", entries, lambda e: self.delete_message({**e, "QueueUrl": url})
        )

    def change_message_visibility(self, parameters: Parameters) -> Answer:
        """ChangeMessageVisibility."""
        queue, timeout = self.queue(parameters["QueueUrl"]), parameters["VisibilityTimeout"]
        within("VisibilityTimeout", timeout, 0, MAX_VISIBILITY)
        queue.messages.change_visibility(parameters["ReceiptHandle"], timeout, self._now())
        return {}

    def change_message_visibility_batch(self, parameters: Parameters) -> Answer:
        """ChangeMessageVisibilityBatch."""
        url, entries = self.queue(parameters["QueueUrl"]).url, parameters["Entries"]
        rules.check_batch(entries)
        return self._each(
            "ChangeMessageVisibilityBatch",
            entries,
            lambda e: self.change_message_visibility({**e, "QueueUrl": url}),
        )

    # Moving dead letters back

    def start_message_move_task(self, parameters: Parameters) -> Answer:
        """StartMessageMoveTask; it is done at once, whatever its rate."""
        source_arn, to = parameters["SourceArn"], parameters.get("DestinationArn")
        within(
            "MaxNumberOfMessagesPerSecond",
            parameters.get("MaxNumberOfMessagesPerSecond", MAX_MOVES_A_SECOND),
            1,
            MAX_MOVES_A_SECOND,
        )
        source = self._existing(source_arn)
        if to is not None and self._existing(to).settings.fifo != source.settings.fifo:
            raise invalid("DestinationArn", "It must be the same type of queue as the source")
        if not any(queue.settings.dead_letter_arn == source_arn for queue in self.queues()):
            raise invalid("SourceArn", "Source queue must be configured as a Dead Letter Queue")
        now = self._now()
        messages = source.messages.takable(now)
        task: Answer = {
            "Status": "COMPLETED",
            "SourceArn": source_arn,
            **({"DestinationArn": to} if to is not None else {}),
            "ApproximateNumberOfMessagesMoved": 0,
            "ApproximateNumberOfMessagesToMove": len(messages),
            "StartedTimestamp": int(now * 1000),
        }
        source.tasks.insert(0, task)
        for message in messages:
            target = self._by_arn.get(to or message.dead_letter_source or "")
            if target is None:
                task |= {"Status": "FAILED", "FailureReason": "CouldNotDetermineMessageSource"}
                break
            target.messages.send(message.draft, self._new_id(), now)
            source.messages.take(message)
            task["ApproximateNumberOfMessagesMoved"] += 1
        return {
            "TaskHandle": hashlib.sha256(f"{source_arn}{len(source.tasks)}".encode()).hexdigest()
        }

    def list_message_move_tasks(self, parameters: Parameters) -> Answer:
        """ListMessageMoveTasks, the newest first."""
        most = within("MaxResults", parameters.get("MaxResults", 1), 1, MAX_TASKS)
        tasks = self._existing(parameters["SourceArn"]).tasks[:most]
        return {"Results": [dict(task) for task in tasks]} if tasks else {}

    def _existing(self, arn: str) -> _Queue:
        if arn not in self._by_arn:
            raise RefusedError(
                "ResourceNotFoundException", "The resource that you specified does not exist."
            )
        return self._by_arn[arn]


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
