"""A strict SQS in memory, on virtual time, behind the methods of a boto3 client.

It follows AWS' documentation where emulators are lax, and time passes only when `now` says so: a
retention of 14 days is tested in a moment, and a run can be repeated exactly.
"""

import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from durable_ingest.testing.lineup import Message
from durable_ingest.testing.memory_client import MemoryQueueClient
from durable_ingest.testing.queue_faults import ENDPOINT, QueueFaults, client_error
from durable_ingest.testing.queue_operations import MessageOperations
from durable_ingest.testing.queue_registry import REGION, QueueRegistry
from durable_ingest.testing.queue_service import QueuePair, create_queue
from durable_ingest.testing.queue_settings import RefusedError
from durable_ingest.testing.stored_queue import QueueTally

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Answer = dict[str, Any]


@dataclass(frozen=True)
class StoredMessage:
    """A message as it lies in its queue."""

    message_id: str
    body: str
    group_id: str | None
    dedup_id: str | None
    sequence_number: str
    attributes: Mapping[str, Mapping[str, Any]]
    sent_at: float
    receives: int
    in_flight: bool
    visible_at: float
    """When its visibility timeout ends or ended; 0 if it was never received."""


class MemoryQueueService:
    """Queues of one region, in memory. Thread-safe; deterministic.

    A test's clock, its queues, and the library on them:

        service = MemoryQueueService(clock.now, wait=clock.sleep)
        pair = service.create_queue("writes", max_receive_count=1000)
        enqueuer = Enqueuer(pair.url, customers, client=service.client())
        service.faults.fail_calls(lost_answer, effect="done", times=1)

    What AWS leaves open is settled thus: a message whose retention ends in flight is gone, and its
    group is free; a deleted message's handle may delete again until it expires; a duplicate is
    answered with the first message's id and sequence number; a message that has been received
    `maxReceiveCount` times moves at the next receive, which goes on with its group; on a FIFO
    dead-letter queue its first receive is the first there. What SQS does within a minute or at
    some rate (deleting and purging queues, changed settings, move tasks) is done at once. There
    are no delays, no throttling by the rate of calls, no permissions and no encryption.

    Args:
        now: seconds since 1970; never goes back.
        wait: called by a long poll that found nothing, without a lock, with the seconds after
            which to look again: a virtual clock's `sleep` makes long polls pass time. None: a long
            poll returns at once, and passes no time.
        seed: makes message ids differ from those of another service.
        in_flight_limit: messages in flight in one queue; SQS': 120,000.
        look_ahead: how many messages from its head a FIFO queue is searched for free groups; SQS':
            120,000.
        endpoint_url: the queues' URLs begin with it; nothing answers there but in a
            `MemoryQueueServer`.

    Attributes:
        faults: orders faults, see `QueueFaults`.
        endpoint_url: where the queues' URLs point.
    """

    def __init__(  # noqa: PLR0913  a service's settings, by name
        self,
        now: Callable[[], float],
        *,
        wait: Callable[[float], object] | None = None,
        seed: int = 0,
        in_flight_limit: int = 120_000,
        look_ahead: int = 120_000,
        endpoint_url: str = ENDPOINT,
    ) -> None:
        self.faults = QueueFaults()
        self.endpoint_url = endpoint_url
        self._now = now
        self._wait = wait
        self._lock = threading.RLock()
        limits = {"in_flight_limit": in_flight_limit, "look_ahead": look_ahead}
        self._registry = QueueRegistry(now, self.endpoint_url, seed, limits)
        self._messages = MessageOperations(self._registry, now, self.faults.of_entry)
        self._late: list[tuple[str, dict[str, Any]]] = []

    def client(self) -> "SQSClient":
        """Make a client. It has the operations on queues and messages, tags and policies aside."""
        client: Any = MemoryQueueClient(self._call, endpoint_url=self.endpoint_url, region=REGION)
        made: SQSClient = client
        return made

    def create_queue(self, name: str, **settings: Any) -> QueuePair:  # noqa: ANN401  create_queue's
        """Create a queue and its dead-letter queue, as `QueueService.create_queue` does."""
        return create_queue(self.client(), name, **settings)

    # Looking inside

    def stored(self, url: str) -> list[StoredMessage]:
        """List a queue's messages in the order of sending, without receiving them."""
        with self._lock:
            messages = self._registry.queue(url).messages
            messages.advance(self._now())
            return [_view(message) for message in messages.messages()]

    def depth(self, url: str) -> int:
        """Count a queue's messages, visible or in flight."""
        return self.tally(url).present

    def tally(self, url: str) -> QueueTally:
        """Count what became of a queue's messages."""
        with self._lock:
            messages = self._registry.queue(url).messages
            messages.advance(self._now())
            return replace(messages.tally, present=len(messages))

    def next_visible_at(self) -> float | None:
        """Say when the next message in flight, of all queues, becomes visible; None if none."""
        with self._lock:
            now, ends = self._now(), []
            for queue in self._registry.queues():
                queue.messages.advance(now)
                ends.append(queue.messages.next_visible_at())
        return min((end for end in ends if end is not None), default=None)

    def carry_out_late(self) -> int:
        """Carry out the calls that failed with the effect "late", in order; count them.

        SQS may refuse them by now, which nobody hears.
        """
        with self._lock:
            late, self._late = self._late, []
        for operation, arguments in late:
            try:
                self._perform(operation, arguments)
            except RefusedError:
                continue
        return len(late)

    # What the client calls

    def _call(self, method: str, arguments: Mapping[str, Any]) -> Answer:
        """Carry out one request. Whatever goes wrong is raised as boto3 would raise it."""
        operation = method.title().replace("_", "")
        fault = self.faults.of_call(operation, arguments)
        if fault is not None and fault.effect != "done":
            if fault.effect == "late":
                with self._lock:
                    self._late.append((method, deepcopy(dict(arguments))))
            raise fault.error(operation)
        try:
            answer = self._perform(method, arguments)
        except RefusedError as error:
            raise client_error(error.code, error.reason, operation) from None
        if fault is not None:
            raise fault.error(operation)
        answer["ResponseMetadata"] = {
            "RequestId": "",
            "HTTPStatusCode": 200,
            "HTTPHeaders": {"date": formatdate(self._now(), usegmt=True)},
            "RetryAttempts": 0,
        }
        return answer

    def _perform(self, method: str, arguments: Mapping[str, Any]) -> Answer:
        with self._lock:
            owner = self._messages if hasattr(self._messages, method) else self._registry
            answer: Answer = getattr(owner, method)(arguments)
        if method == "receive_message" and not answer and self._wait is not None:
            return self._long_poll(arguments, self._wait)
        return answer

    def _long_poll(self, arguments: Mapping[str, Any], wait: Callable[[float], object]) -> Answer:
        answer: Answer = {}
        queue = self._registry.queue(arguments["QueueUrl"])
        now = self._now()
        end = now + arguments.get("WaitTimeSeconds", queue.settings.wait)
        while not answer and now < end:
            with self._lock:
                change = queue.messages.next_visible_at()
            wait(end - now if change is None else min(end, change) - now)
            before, now = now, self._now()
            if now <= before:
                break  # time stands still
            with self._lock:
                answer = self._messages.receive_message(arguments)
        return answer


def _view(message: Message) -> StoredMessage:
    draft = message.draft
    return StoredMessage(
        message_id=message.message_id,
        body=draft.body,
        group_id=draft.group,
        dedup_id=draft.dedup_id,
        sequence_number=message.sequence_number,
        attributes=draft.attributes,
        sent_at=message.sent_at,
        receives=message.receives,
        in_flight=message.in_flight,
        visible_at=message.visible_at,
    )
