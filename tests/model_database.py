"""A database in memory for a drainer, whose answers a test decides, and the queues around it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from durable_ingest.contract import Contract
from durable_ingest.rows import Refusal, Row

if TYPE_CHECKING:
    from durable_ingest.clock import Clock
    from durable_ingest.deadline import Deadline
    from durable_ingest.ports import RememberingTable, RetryPolicy

DEAD_LETTERS = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead.fifo"


@dataclass
class ModelDatabase:
    """Implements `ports.Database` and `ports.Store`.

    Args:
        answers: row -> why it is refused, or None where it is stored.
    """

    answers: Callable[[Row], Refusal | None] = lambda _: None
    stored: list[Row] = field(default_factory=list)
    repeats: int = 0

    def open(
        self,
        contracts: Sequence[Contract],
        clock: "Clock",
        retry: "RetryPolicy",
        inbox: "RememberingTable | None" = None,
    ) -> "ModelDatabase":
        """Give itself."""
        del contracts, clock, retry, inbox
        return self

    def write(self, rows: Sequence[Row], deadline: "Deadline") -> dict[int, Refusal | None]:
        """Answer row by row, and leave out what comes behind a refused one of its group."""
        del deadline
        results: dict[int, Refusal | None] = {}
        stuck: set[str] = set()
        for row in rows:
            if row.group in stuck:
                continue
            results[row.index] = refusal = self.answers(row)
            if refusal is None:
                self.stored.append(row)
            else:
                stuck.add(row.group)
        return results

    def reach(self, deadline: "Deadline") -> None:
        """Be there."""
        del deadline

    def close(self) -> None:
        """Nothing is open."""


class ModelSqs:
    """The part of a boto3 SQS client that a drainer uses; everything succeeds."""

    def __init__(self) -> None:
        self.meta = self
        self.endpoint_url = "https://sqs.eu-west-1.amazonaws.com"
        self.letters: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.hidden: list[str] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Store dead letters."""
        assert QueueUrl == DEAD_LETTERS
        self.letters += Entries
        return {"Successful": [{"Id": e["Id"], "MessageId": "letter"} for e in Entries]}

    def delete_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Delete."""
        assert QueueUrl != DEAD_LETTERS
        self.deleted += [entry["ReceiptHandle"] for entry in Entries]
        return _all(Entries)

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - boto3's name
        Entries: Sequence[Mapping[str, Any]],  # noqa: N803 - boto3's name
    ) -> dict[str, Any]:
        """Hide."""
        assert QueueUrl != DEAD_LETTERS
        self.hidden += [entry["ReceiptHandle"] for entry in Entries]
        return _all(Entries)


def _all(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Successful": [{"Id": entry["Id"]} for entry in entries]}
