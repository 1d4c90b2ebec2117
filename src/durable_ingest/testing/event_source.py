"""An event source mapping of Lambda for an SQS queue, over any client with boto3's methods.

It follows AWS's documentation of batch item failures. Where that leaves a point open (whether the
mapping itself resets the visibility of what failed), it does nothing.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from durable_ingest.testing.events import LambdaContext, record_from_message, sqs_event

logger = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], LambdaContext], object]
"""`handler(event, context)`; what one execution environment has imported."""

LONG_POLL = 1
RETRY_AFTER = 0.1
MAX_BATCH = 10


@dataclass(frozen=True)
class Invocation:
    """One call of the handler and what became of its messages."""

    event: dict[str, Any]
    answer: object
    """What the handler returned; None where it raised."""
    error: BaseException | None
    """What it raised, or what made its answer unreadable."""
    timed_out: bool
    deleted: tuple[str, ...]
    """Message ids whose delete SQS confirmed; the rest returns when its visibility ends."""


class MalformedAnswerError(ValueError):
    """The answer is no partial batch response: Lambda fails the whole batch."""


class EventSource:
    """Receives from one queue and invokes handlers. A context manager: starts and stops pollers.

    Args:
        client: an SQS client; used by several threads.
        queue_url: the queue.
        environment: makes one execution environment, that is one imported handler. Called once for
            each poller, and again after an environment was discarded: it timed out or exited.
        batch_size: at most 10.
        concurrency: pollers at once.
        function_timeout: seconds. A handler that returns later counts as timed out.
        report_batch_item_failures: the mapping's FunctionResponseTypes. Without it, whatever the
            handler returns deletes the whole batch.
        on_invocation: told of each invocation, in the poller's thread.
        now: seconds on some clock, by which the function's time runs out.
    """

    def __init__(  # noqa: PLR0913  a mapping's settings, by name
        self,
        client: Any,  # noqa: ANN401  boto3's clients have no type of their own at run time
        queue_url: str,
        environment: Callable[[], Handler],
        *,
        batch_size: int = MAX_BATCH,
        concurrency: int = 2,
        function_timeout: float = 30.0,
        report_batch_item_failures: bool = False,
        on_invocation: Callable[[Invocation], None] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the settings; nothing is called."""
        if not 1 <= batch_size <= MAX_BATCH:
            message = f"batch_size of a FIFO queue is 1 to {MAX_BATCH}, not {batch_size}"
            raise ValueError(message)
        self._client = client
        self._queue_url = queue_url
        self._environment = environment
        self._batch_size = batch_size
        self._concurrency = concurrency
        self._function_timeout = function_timeout
        self._reports = report_batch_item_failures
        self._on_invocation = on_invocation
        self._now = now
        self._queue_arn = ""
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._own = _Slot()

    def step(self) -> Invocation | None:
        """Receive once, without waiting, and invoke in this thread; None if nothing came.

        Errors of the receive pass through; one of the delete is logged and deletes nothing.
        """
        return self._step(self._own, wait=0)

    def start(self) -> None:
        """Start the pollers."""
        if self._threads:
            message = "the event source runs already"
            raise RuntimeError(message)
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=self._poll, name=f"poller-{number}", daemon=True)
            for number in range(self._concurrency)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop polling; wait for the invocations under way.

        Raises:
            TimeoutError: a handler runs on, long past the function's time limit.
        """
        self._stopping.set()
        deadline = time.monotonic() + self._function_timeout + 30.0
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        alive = [thread.name for thread in self._threads if thread.is_alive()]
        if alive:
            message = f"still running: {', '.join(alive)}"
            raise TimeoutError(message)
        self._threads = []

    def __enter__(self) -> Self:
        """Start the pollers."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them."""
        self.stop()

    def _poll(self) -> None:
        slot = _Slot()
        while not self._stopping.is_set():
            try:
                messages = self._receive(LONG_POLL)
            except Exception:  # whatever a client raises, the mapping polls on
                logger.warning("receive failed, polling on", exc_info=True)
                self._stopping.wait(RETRY_AFTER)
                continue
            if messages:
                self._process(slot, messages)

    def _step(self, slot: "_Slot", *, wait: int) -> Invocation | None:
        messages = self._receive(wait)
        return self._process(slot, messages) if messages else None

    def _receive(self, wait: int) -> list[dict[str, Any]]:
        if not self._queue_arn:
            answer = self._client.get_queue_attributes(
                QueueUrl=self._queue_url, AttributeNames=["QueueArn"]
            )
            self._queue_arn = answer["Attributes"]["QueueArn"]
        answer = self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=self._batch_size,
            WaitTimeSeconds=wait,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _process(self, slot: "_Slot", messages: Sequence[Mapping[str, Any]]) -> Invocation:
        event = sqs_event(*(record_from_message(m, self._queue_arn) for m in messages))
        answer, error, timed_out = self._invoke(slot, event)
        handles = {record["messageId"]: record["receiptHandle"] for record in event["Records"]}
        settled: Sequence[str] = ()
        if error is None and not timed_out:
            try:
                settled = settled_ids(answer, tuple(handles), reports=self._reports)
            except MalformedAnswerError as malformed:
                error = malformed
        invocation = Invocation(
            event=event,
            answer=answer,
            error=error,
            timed_out=timed_out,
            deleted=self._delete({message_id: handles[message_id] for message_id in settled}),
        )
        if self._on_invocation is not None:
            self._on_invocation(invocation)
        return invocation

    def _invoke(
        self, slot: "_Slot", event: dict[str, Any]
    ) -> tuple[object, BaseException | None, bool]:
        answer: object = None
        error: BaseException | None = None
        context: LambdaContext | None = None
        try:
            if slot.handler is None:
                slot.handler = self._environment()
            # A copy: what the handler does to its event stays with the handler. The countdown
            # starts after the environment's own start, as on Lambda.
            copy = json.loads(json.dumps(event))
            context = LambdaContext(self._function_timeout, self._now)
            answer = slot.handler(copy, context)
        except Exception as raised:  # noqa: BLE001  Lambda reports whatever a handler raises
            error = raised
        except SystemExit as left:
            error = left
            slot.handler = None
        timed_out = context is not None and context.get_remaining_time_in_millis() == 0
        if timed_out:
            slot.handler = None
        return answer, error, timed_out

    def _delete(self, handles: Mapping[str, str]) -> tuple[str, ...]:
        if not handles:
            return ()
        ids = tuple(handles)
        entries = [
            {"Id": str(number), "ReceiptHandle": handles[message_id]}
            for number, message_id in enumerate(ids)
        ]
        try:
            answer = self._client.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except Exception:  # as for the receive; the messages come again
            logger.warning("delete failed, the batch comes again", exc_info=True)
            return ()
        done = {entry["Id"] for entry in answer.get("Successful", [])}
        return tuple(message_id for n, message_id in enumerate(ids) if str(n) in done)


@dataclass
class _Slot:
    """The execution environment of one poller."""

    handler: Handler | None = field(default=None)


def settled_ids(answer: object, message_ids: Sequence[str], *, reports: bool) -> tuple[str, ...]:
    """Decide which messages the mapping deletes after a handler returned `answer`.

    Args:
        answer: what the handler returned.
        message_ids: the batch.
        reports: whether the mapping has ReportBatchItemFailures.

    Raises:
        MalformedAnswerError: nothing is deleted.
    """
    try:
        # The runtime sends the answer as JSON; one that is not fails the invocation in any mode.
        answer = json.loads(json.dumps(answer))
    except (TypeError, ValueError, RecursionError) as error:
        message = f"the answer is not JSON: {error}"
        raise MalformedAnswerError(message) from error
    if not reports or answer in (None, "", {}):
        return tuple(message_ids)
    if not isinstance(answer, dict):
        message = "the answer is not an object"
        raise MalformedAnswerError(message)
    failures = answer.get("batchItemFailures")
    if failures is None:
        return tuple(message_ids)
    if not isinstance(failures, list):
        message = "batchItemFailures is not a list"
        raise MalformedAnswerError(message)
    failed = set()
    for failure in failures:
        named = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if named not in message_ids:
            message = f"unknown itemIdentifier: {failure!r}"
            raise MalformedAnswerError(message)
        failed.add(named)
    return tuple(message_id for message_id in message_ids if message_id not in failed)
