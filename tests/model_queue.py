"""Models of an SQS FIFO queue in memory, whose answers a test decides entry by entry."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from threading import Lock
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import EndpointConnectionError

from durable_ingest.answers import SendFailure
from durable_ingest.outgoing import Outgoing
from durable_ingest.receipt import Receipt
from tests.virtual_clock import VirtualClock


class Answer(Enum):
    """What SQS does with one entry, and what it says."""

    STORED = auto()
    THROTTLED = auto()
    """Not stored, and said so; worth sending again."""
    DOUBTED = auto()
    """Stored, but the answer is a fault of the server's."""
    LOST = auto()
    """Not stored, and the answer is a fault of the server's."""
    REFUSED = auto()
    """Never to be stored."""


@dataclass
class ModelQueue:
    """Implements `ports.Outbox` for sending.

    Args:
        clock: what each call takes time on.
        answers: entry -> what becomes of it, asked at each attempt.
        takes: seconds of each call, in turn; the last one again and again.
    """

    clock: VirtualClock
    answers: Callable[[Outgoing], Answer] = lambda _: Answer.STORED
    takes: Iterable[float] = ()
    call_limit: float = 1.0
    stored: list[Outgoing] = field(default_factory=list)
    batches: list[list[Outgoing]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._takes = iter(self.takes)
        self._last = 0.0

    def send(self, entries: Sequence[Outgoing]) -> list[Receipt | SendFailure]:
        """Answer each entry by itself, in order."""
        self.batches.append(list(entries))
        self._last = next(self._takes, self._last)
        self.clock.elapsed += self._last
        return [self._answer(entry) for entry in entries]

    def _answer(self, entry: Outgoing) -> Receipt | SendFailure:
        answer = self.answers(entry)
        if answer in (Answer.STORED, Answer.DOUBTED):
            if entry.dedup_id not in {other.dedup_id for other in self.stored}:
                self.stored.append(entry)
            if answer is Answer.STORED:
                place = str(len(self.stored))
                return Receipt(entry.contract, place, place, entry.dedup_id, entry.group_id)
        doubtful = answer in (Answer.DOUBTED, Answer.LOST)
        return SendFailure(
            code=answer.name, retryable=answer is not Answer.REFUSED, in_doubt=doubtful
        )


class FakeClient:
    """The part of a boto3 SQS client that sending uses.

    Args:
        answer: entry -> None where it is stored, else what `Failed` says of it; or an exception
            to raise out of the call.
        clock: what each call takes a tenth of a second on.
    """

    def __init__(
        self,
        answer: Callable[[Mapping[str, Any]], Mapping[str, Any] | Exception | None] | None = None,
        clock: VirtualClock | None = None,
    ) -> None:
        self._answer = answer or (lambda _: None)
        self._clock = clock
        self._lock = Lock()
        self.calls: list[list[dict[str, Any]]] = []
        self.stored: list[dict[str, Any]] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Store entries, with sequence numbers of 20 digits."""
        assert QueueUrl.endswith(".fifo")
        if self._clock is not None:
            self._clock.elapsed += 0.1
        with self._lock:
            self.calls.append(Entries)
            return self._store(Entries)

    def _store(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        successful: list[dict[str, str]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            answer = self._answer(entry)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                failed.append({"Id": entry["Id"], **answer})
                continue
            self.stored.append(entry)
            number = len(self.stored)
            successful.append(
                {
                    "Id": entry["Id"],
                    "MessageId": f"message-{number}",
                    "SequenceNumber": str(18849496460467696128 + number),
                }
            )
        return {"Successful": successful, "Failed": failed}


class DrainedClient:
    """The parts of a boto3 SQS client that a drainer uses, on a clock that a test moves.

    Args:
        clock: what each call takes time on.
        retention: the source queue's, in seconds.
        max_receive_count: of its redrive policy; None for none.
    """

    meta = SimpleNamespace(endpoint_url="https://sqs.test")

    def __init__(
        self,
        clock: VirtualClock,
        *,
        retention: int = 1_209_600,
        max_receive_count: int | None = 1000,
    ) -> None:
        self._clock = clock
        self.attributes = {
            "MessageRetentionPeriod": str(retention),
            "VisibilityTimeout": "30",
        }
        if max_receive_count is not None:
            policy = {"deadLetterTargetArn": "arn", "maxReceiveCount": max_receive_count}
            self.attributes["RedrivePolicy"] = json.dumps(policy)
        self.takes = 0.0
        """Seconds of each call."""
        self.calls: list[tuple[str, list[dict[str, Any]]]] = []
        """Operations and their entries, those that fail included."""
        self.down: set[str] = set()
        """Operations whose calls fail without an effect."""
        self.refuses: Callable[[str, Mapping[str, Any]], bool] = lambda _operation, _entry: False
        """Says which entries come back as failed, without an effect."""

    def get_queue_attributes(self, **_: object) -> dict[str, Any]:
        """Give the settings."""
        self._call("get_queue_attributes", [])
        return {"Attributes": self.attributes}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Store."""
        assert QueueUrl.endswith("dead.fifo")
        return self._call("send_message_batch", Entries)

    def delete_message_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - boto3's names
        Entries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        """Delete."""
        assert QueueUrl.startswith(self.meta.endpoint_url)
        return self._call("delete_message_batch", Entries)

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - boto3's names
        Entries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        """Hide."""
        assert QueueUrl.startswith(self.meta.endpoint_url)
        return self._call("change_message_visibility_batch", Entries)

    def names(self) -> list[str]:
        """Every operation, in order."""
        return [name for name, _ in self.calls]

    def done(self, operation: str, key: str) -> list[Any]:
        """What this key of each entry was for which an operation succeeded, in order."""
        return [
            entry[key]
            for name, entries in self.calls
            for entry in entries
            if name == operation and name not in self.down and not self.refuses(name, entry)
        ]

    def _call(self, operation: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
        self._clock.elapsed += self.takes
        self.calls.append((operation, entries))
        if operation in self.down:
            raise EndpointConnectionError(endpoint_url=self.meta.endpoint_url)
        good = [entry for entry in entries if not self.refuses(operation, entry)]
        return {
            "Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in good],
            "Failed": [
                {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
                for entry in entries
                if entry not in good
            ],
        }
