"""The way to SQS: calls that are slow, lost, refused or answered in part."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from durable_ingest.sqs import SqsQueue
from durable_ingest.testing.queue_faults import ENDPOINT
from tests.simulation.history import DeadLettered, Deleted, Delivered, History, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation.faults import Faults, Process
    from tests.simulation.scheduler import Scheduler

ANSWER_WITHIN = 2.0


class Service:
    """The queues themselves, and the memory of what they took in and let go.

    Args:
        client: a strict queue's client.
        history: where it is noted.
        scheduler: the time.
        queues: URL -> name.
        dead_letter_queue_url: tells which of them holds dead letters.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - has boto3's methods
        history: History,
        scheduler: Scheduler,
        queues: dict[str, str],
        dead_letter_queue_url: str,
    ) -> None:
        self._client = client
        self._history = history
        self._scheduler = scheduler
        self._queues = queues
        self._dead_letter_queue_url = dead_letter_queue_url
        self._known: set[str] = set()
        self._of_handle: dict[str, str] = {}

    def send_message_batch(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Store, and note what is new."""
        answer: dict[str, Any] = self._client.send_message_batch(**request)
        entries = {entry["Id"]: entry for entry in request["Entries"]}
        for stored in answer.get("Successful", ()):
            if stored["MessageId"] not in self._known:
                self._known.add(stored["MessageId"])
                self._note(request["QueueUrl"], entries[stored["Id"]], stored)
        return answer

    def receive_message(self, invocation: int, **request: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Receive, and note who received what."""
        answer = self._client.receive_message(
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
            **request,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        for message in messages:
            self._of_handle[message["ReceiptHandle"]] = message["MessageId"]
            count = int(message["Attributes"]["ApproximateReceiveCount"])
            self._history.delivered.append(
                Delivered(self._scheduler.now, invocation, message["MessageId"], count)
            )
        return messages

    def dead_letters(self) -> list[dict[str, Any]]:
        """Receive dead letters."""
        answer = self._client.receive_message(
            QueueUrl=self._dead_letter_queue_url,
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def delete_message_batch(self, drainer: int | None, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Delete, and note what is gone."""
        answer: dict[str, Any] = self._client.delete_message_batch(**request)
        handles = {entry["Id"]: entry["ReceiptHandle"] for entry in request["Entries"]}
        for deleted in answer.get("Successful", ()):
            message = self._of_handle[handles[deleted["Id"]]]
            self._history.deleted.append(Deleted(self._scheduler.now, message, drainer))
        return answer

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Hide."""
        answer: dict[str, Any] = self._client.change_message_visibility_batch(**request)
        return answer

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Say what the queue is set to."""
        answer: dict[str, Any] = self._client.get_queue_attributes(**request)
        return answer

    def _note(self, url: str, entry: dict[str, Any], stored: dict[str, Any]) -> None:
        write = json.loads(entry["MessageBody"])["value"]
        if url == self._dead_letter_queue_url:
            text = entry.get("MessageAttributes", {}).get("ingest.dead", {}).get("StringValue")
            fault = None if text is None else str(json.loads(text)["fault"])
            original = str(entry["MessageDeduplicationId"])
            self._history.dead.append(DeadLettered(self._scheduler.now, original, write, fault))
            return
        attributes = entry.get("MessageAttributes", {})
        before = attributes.get("ingest.sequence", {}).get("StringValue")
        self._history.stored.append(
            Stored(
                time=self._scheduler.now,
                message=stored["MessageId"],
                sequence=int(stored["SequenceNumber"]),
                group=entry["MessageGroupId"],
                dedup=entry["MessageDeduplicationId"],
                write=write,
                queue=self._queues[url],
                redriven_from=None if before is None else int(before),
            )
        )


class Client:
    """A boto3-like client over a network with faults.

    Args:
        service: the queues.
        scheduler: the time.
        faults: what goes wrong.
        process: whose client it is; None for a mapping's own, which nobody pauses.
        call_limit: seconds after which it gives an answer up.
    """

    meta = SimpleNamespace(endpoint_url=ENDPOINT)

    def __init__(
        self,
        service: Service,
        scheduler: Scheduler,
        faults: Faults,
        process: Process | None,
        call_limit: float = ANSWER_WITHIN,
    ) -> None:
        self._service = service
        self._scheduler = scheduler
        self._faults = faults
        self._process = process
        self._call_limit = call_limit

    def within(self, call_limit: float) -> Client:
        """Give the same client with another limit."""
        return Client(self._service, self._scheduler, self._faults, self._process, call_limit)

    def send_message_batch(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Send; single entries may fail, stored or not."""
        entries = request["Entries"]
        failed = [e for e in entries if self._faults.strikes("send-entry-lost")]
        silent = [e for e in entries if self._faults.strikes("send-entry-unanswered")]

        def send() -> dict[str, Any]:
            left = [entry for entry in entries if entry not in failed]
            if not left:
                return _answer([], failed)
            answer = self._service.send_message_batch(**{**request, "Entries": left})
            unsaid = {entry["Id"] for entry in silent if entry not in failed}
            told = [entry for entry in answer["Successful"] if entry["Id"] not in unsaid]
            hidden = [entry for entry in silent if entry not in failed]
            return _answer(told, [*failed, *hidden], answer.get("Failed", []))

        return self._batch("send", send)

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Delete; single entries may fail."""
        failed = [e for e in request["Entries"] if self._faults.strikes("delete-entry")]
        invocation = self._process.invocation if self._process is not None else None
        running = invocation is not None and invocation.ended is None
        drainer = invocation.number if invocation is not None and running else None

        def delete() -> dict[str, Any]:
            left = [entry for entry in request["Entries"] if entry not in failed]
            if not left:
                return _answer([], failed)
            answer = self._service.delete_message_batch(drainer, **{**request, "Entries": left})
            return _answer(answer.get("Successful", []), failed, answer.get("Failed", []))

        return self._batch("delete", delete)

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Hide."""
        return self._batch("hide", lambda: self._service.change_message_visibility_batch(**request))

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Ask for settings."""
        return self._batch("ask", lambda: self._service.get_queue_attributes(**request))

    def receive(self, url: str, invocation: int) -> list[dict[str, Any]]:
        """Receive what there is; where the answer is lost, it comes again later."""
        if self._faults.queue_away:
            raise EndpointConnectionError(endpoint_url=ENDPOINT)
        self._scheduler.sleep(self._faults.latency())
        messages = self._service.receive_message(invocation, QueueUrl=url)
        if messages and self._faults.strikes("receive-unanswered"):
            raise ReadTimeoutError(endpoint_url=ENDPOINT)
        self._scheduler.sleep(self._faults.latency())
        return messages

    def _batch(self, action: str, effect: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Carry a call out, or not, and give its answer, or not."""
        faults, sleep = self._faults, self._scheduler.sleep
        self._point()
        if faults.queue_away:
            sleep(faults.latency())
            raise EndpointConnectionError(endpoint_url=ENDPOINT)
        if faults.strikes("throttled"):
            sleep(faults.latency())
            raise _error("ThrottlingException", 400, action)
        if faults.strikes(f"{action}-lost"):
            sleep(self._call_limit)
            raise ReadTimeoutError(endpoint_url=ENDPOINT)
        sleep(self._call_limit * 0.7 if faults.strikes("slow") else faults.latency())
        try:
            answer = effect()
        finally:
            self._point()
        if faults.strikes(f"{action}-unanswered"):
            if self._scheduler.random.random() < 0.5:
                raise _error("InternalFailure", 500, action)
            sleep(self._call_limit * 0.3)
            raise ReadTimeoutError(endpoint_url=ENDPOINT)
        sleep(faults.latency())
        return answer

    def _point(self) -> None:
        if self._process is not None:
            self._faults.point(self._process)


class Queues:
    """Does what `wiring.DrainerQueues` does, without threads and real time."""

    def __init__(self, client: Client, dead_letter_queue_url: str) -> None:
        self._client = client
        self._dead_letter_queue_url = dead_letter_queue_url

    def dead_letter_queue(self, call_limit: float) -> SqsQueue:
        """Give the dead-letter queue."""
        limit = min(call_limit, 3.0)
        return SqsQueue(self._client.within(limit), self._dead_letter_queue_url, limit)

    def queue_of_arn(self, arn: str, call_limit: float) -> SqsQueue:
        """Give the queue that an event came from."""
        limit = min(call_limit, 3.0)
        account, name = arn.split(":")[-2:]
        return SqsQueue(self._client.within(limit), f"{ENDPOINT}/{account}/{name}", limit)


def _answer(
    told: Sequence[dict[str, Any]],
    failed: Sequence[dict[str, Any]],
    others: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    failures = [
        {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False} for entry in failed
    ]
    return {"Successful": list(told), "Failed": [*failures, *others]}


def _error(code: str, status: int, action: str) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, action)  # type: ignore[arg-type] # its stubs want every key
