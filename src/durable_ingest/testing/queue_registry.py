"""SQS' operations on queues in memory: making and changing them, moving dead letters back."""

import hashlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from durable_ingest.testing.queue_rules import chosen
from durable_ingest.testing.queue_settings import (
    RefusedError,
    Settings,
    changed_attributes,
    check_attribute_names,
    invalid,
    queue_attributes,
    settings_of,
    within,
)
from durable_ingest.testing.stored_queue import StoredQueue

REGION = "eu-west-1"
ACCOUNT = "000000000000"
AFTER_DELETE = AFTER_PURGE = 60.0
MAX_TASKS = 10
MAX_MOVES_A_SECOND = 500

Parameters = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(eq=False)
class Queue:
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
        """Its attributes, read."""
        return self.messages.settings


class QueueRegistry:
    """The queues of one region and account.

    Args:
        now: seconds since 1970.
        endpoint_url: the queues' URLs begin with it.
        seed: makes message ids differ from those of another.
        limits: the arguments of `StoredQueue`.
    """

    def __init__(
        self, now: Callable[[], float], endpoint_url: str, seed: int, limits: Mapping[str, int]
    ) -> None:
        self._now = now
        self._endpoint_url = endpoint_url
        self._seed = seed
        self._limits = limits
        self._ids = itertools.count(1)
        self._by_url: dict[str, Queue] = {}
        self._by_arn: dict[str, Queue] = {}
        self._deleted_at: dict[str, float] = {}

    def queue(self, url: str) -> Queue:
        """Find a queue.

        Raises:
            RefusedError: there is none at this URL.
        """
        found = self._by_url.get(url)
        if found is None:
            raise RefusedError("QueueDoesNotExist", "The specified queue does not exist.")
        return found

    def queues(self) -> list[Queue]:
        """List all queues."""
        return list(self._by_url.values())

    def dead_letter_queue(self, queue: Queue) -> Queue | None:
        """Find where a queue's messages move; None if it names no queue, or one since deleted."""
        return self._by_arn.get(queue.settings.dead_letter_arn or "")

    def new_id(self) -> str:
        """Make a message id."""
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
        made = Queue(name, url, arn, attributes, now, now, messages)
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
        found = chosen(attributes, asked)
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
        if to == source_arn:
            raise invalid("DestinationArn", "It must be another queue than the source")
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
            target.messages.send(message.draft, self.new_id(), now)
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

    def _existing(self, arn: str) -> Queue:
        if arn not in self._by_arn:
            raise RefusedError(
                "ResourceNotFoundException", "The resource that you specified does not exist."
            )
        return self._by_arn[arn]
