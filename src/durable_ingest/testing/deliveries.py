"""A queue for one test, and delivering what lies in it as an event source mapping would."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

from durable_ingest.testing.delivery import Delivery, dead_letter_of, record_of, unsettled
from durable_ingest.testing.event_source import MAX_BATCH, EventSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from durable_ingest.testing.delivery import DeliveredRecord
    from durable_ingest.testing.event_source import Handler, Invocation
    from durable_ingest.testing.events import LambdaContext
    from durable_ingest.testing.memory_queue import MemoryQueueService, StoredMessage
    from durable_ingest.testing.queue_faults import CallFault, EntryFault
    from durable_ingest.testing.queue_service import QueuePair
    from durable_ingest.testing.virtual_clock import VirtualClock

QUIET_AFTER = 3
"""Passes without anything stored or dead-lettered after which nothing more is expected."""
MOST_SENT = 10_000
"""Messages that a handler may send to its own queue in one delivery."""


class IngestQueue:
    """A FIFO queue with its dead-letter queue, strict, in memory, on virtual time.

    Args:
        service: the queues' service.
        pair: the queue and its dead-letter queue.
        clock: the service's time.
        away: whether the database is kept away.
    """

    def __init__(
        self,
        service: MemoryQueueService,
        pair: QueuePair,
        clock: VirtualClock,
        away: Callable[[], bool],
    ) -> None:
        """Keep them."""
        self._service = service
        self._pair = pair
        self._clock = clock
        self._away = away
        self._delivers = False
        self.client = service.client()
        """The methods of a boto3 client, without a network between."""
        self.endpoint_url = service.endpoint_url
        """Where boto3 clients find the service."""

    @property
    def url(self) -> str:
        """The queue's URL, which any boto3 client reaches over loopback."""
        return self._pair.url

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return self._pair.arn

    @property
    def dead_letter_url(self) -> str:
        """The dead-letter queue's URL."""
        return str(self._pair.dead_letter_url)

    def messages(self) -> list[DeliveredRecord]:
        """List what lies in the queue, in the order of sending, without receiving it."""
        return [record_of(message) for message in self._service.stored(self.url)]

    def dead_letters(self) -> list[DeliveredRecord]:
        """List what lies in the dead-letter queue, each with its reason."""
        letters = self._service.stored(self.dead_letter_url)
        return [record_of(message, dead_letter_of(message)[1]) for message in letters]

    def advance(self, seconds: float) -> None:
        """Let time pass, for the queue and for the library."""
        self._clock.sleep(seconds)

    def fail_entries(self, *arguments: Any, **settings: Any) -> EntryFault:  # noqa: ANN401
        """Let single entries of batches fail, as `QueueFaults.fail_entries` says.

        It lasts until its `with` block or the test ends.
        """
        return self._service.faults.fail_entries(*arguments, **settings)

    def fail_calls(self, *arguments: Any, **settings: Any) -> CallFault:  # noqa: ANN401
        """Let calls fail, as `QueueFaults.fail_calls` says; as long as `fail_entries`."""
        return self._service.faults.fail_calls(*arguments, **settings)

    def deliver(
        self,
        handler: Handler,
        *,
        batch_size: int = MAX_BATCH,
        timeout: float = 30.0,
        report_batch_item_failures: bool = True,
    ) -> Delivery:
        """Run a handler on what lies in the queue, as an event source mapping would.

        Time passes as visibility timeouts need it. While the database is kept away, each message
        is offered once, unless calls are so slow that others come again before it. Otherwise until
        the queue is empty, or nothing more happens.

        Args:
            handler: `handler(event, context)`.
            batch_size: at most 10.
            timeout: the function's, in seconds.
            report_batch_item_failures: the mapping's FunctionResponseTypes.

        Raises:
            RuntimeError: called by a handler that it delivers to, or the handler sends message
                after message to its own queue.
        """
        if self._delivers:
            message = "deliver was called by a handler that it delivers to"
            raise RuntimeError(message)
        self._delivers = True
        try:
            with _Watch(self._service, self._pair) as watch:
                source = EventSource(
                    self.client,
                    self.url,
                    lambda: watch.before(handler),
                    batch_size=batch_size,
                    function_timeout=timeout,
                    report_batch_item_failures=report_batch_item_failures,
                    on_invocation=watch.saw,
                    now=self._clock.monotonic,
                )
                self._deliver_until_quiet(source, watch)
                return watch.delivery()
        finally:
            self._delivers = False

    def _deliver_until_quiet(self, source: EventSource, watch: _Watch) -> None:
        quiet = 0
        while watch.waiting() and quiet < QUIET_AFTER:
            before = watch.unsettled()
            self._offer_each_message_once(source, watch)
            quiet = 0 if watch.unsettled() != before else quiet + 1
            if self._away():
                break

    def _offer_each_message_once(self, source: EventSource, watch: _Watch) -> None:
        """Deliver what is there now; what waits behind a held message of its group stays."""
        offered = watch.waiting()
        self._make_visible()
        while invocation := watch.receiving(source.step):
            delivered = {record["messageId"] for record in invocation.event["Records"]}
            if not delivered & offered:
                return
            offered -= delivered

    def _make_visible(self) -> None:
        ends = [m.visible_at for m in self._service.stored(self.url) if m.in_flight]
        if ends:
            self._clock.sleep(max(0.0, max(ends) - self._clock.now()))


class _Watch(logging.Handler):
    """Follows one delivery: each message that was there, and what was last said of it."""

    def __init__(self, service: MemoryQueueService, pair: QueuePair) -> None:
        super().__init__(logging.WARNING)
        self._service = service
        self._pair = pair
        self._seen: dict[str, StoredMessage] = {}
        self._most: int | None = None
        self._not_received = ""
        self._why: dict[str, str] = {}
        self._invocations: list[Invocation] = []
        self._logged: list[str] = []
        self._dead_before = {m.message_id for m in service.stored(str(pair.dead_letter_url))}

    def __enter__(self) -> Self:
        logging.getLogger("durable_ingest").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("durable_ingest").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what the library logs."""
        self._logged.append(record.getMessage())

    def waiting(self) -> set[str]:
        """Give the messages in the queue."""
        messages = self._service.stored(self._pair.url)
        self._seen |= {message.message_id: message for message in messages}
        return {message.message_id for message in messages}

    def unsettled(self) -> tuple[set[str], int]:
        """Give what changes when a message is done with."""
        return self.waiting(), len(self._service.stored(str(self._pair.dead_letter_url)))

    def before(self, handler: Handler) -> Handler:
        """See what lies in the queue before each call: also what the handler itself has sent."""

        def watched(event: dict[str, Any], context: LambdaContext) -> object:
            self.waiting()
            return handler(event, context)

        return watched

    def receiving(self, step: Callable[[], Invocation | None]) -> Invocation | None:
        """Receive and invoke; a receive that fails brings nothing, and the mapping polls on."""
        if self._most is None:
            self._most = len(self._seen) + MOST_SENT
        elif len(self._seen) > self._most:
            message = f"the handler has sent more than {MOST_SENT} messages to its own queue"
            raise RuntimeError(message)
        try:
            return step()
        except Exception as error:  # noqa: BLE001  whatever a fault of the queue raises
            self._not_received = f"not delivered: the receive failed: {error}"
            return None

    def saw(self, invocation: Invocation) -> None:
        """Note what one call of the handler said."""
        self._not_received = ""
        self._invocations.append(invocation)
        ids = [record["messageId"] for record in invocation.event["Records"]]
        failed = unsettled(invocation, self._logged)
        self._logged.clear()
        self._why |= {message_id: failed.get(message_id, "") for message_id in ids}

    def delivery(self) -> Delivery:
        """Sum up."""
        here = self.waiting()
        waiting_groups = set()
        dead = self._dead_letters()
        ends: dict[str, list[DeliveredRecord]] = {"stored": [], "held": [], "dead": [], "lost": []}
        for message_id, message in self._seen.items():
            why = self._why.get(message_id)
            if message_id in dead:
                ends["dead"].append(record_of(message, dead[message_id]))
            elif message_id in here:
                behind = message.group_id in waiting_groups
                waiting_groups.add(message.group_id)
                ends["held"].append(record_of(message, self._why_held(why, behind=behind)))
            elif why == "":
                ends["stored"].append(record_of(message))
            else:
                ends["lost"].append(
                    record_of(message, f"deleted, though: {why or 'never delivered'}")
                )
        stored, held, dead_lettered, lost = map(tuple, ends.values())
        return Delivery(stored, held, dead_lettered, lost, tuple(self._invocations))

    def _dead_letters(self) -> dict[str, str]:
        letters = self._service.stored(str(self._pair.dead_letter_url))
        new = [m for m in letters if m.message_id not in self._dead_before]
        return dict(dead_letter_of(message) for message in new)

    def _why_held(self, why: str | None, *, behind: bool) -> str:
        if why is not None:
            return why or "the handler was done with it, but its delete was not confirmed"
        if self._not_received:
            return self._not_received
        what = "an earlier message of its group waits" if behind else "others came again before it"
        return f"not delivered: {what}"
