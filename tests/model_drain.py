"""A drainer over models of the database and of SQS, in virtual time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from durable_ingest import Drainer, Retry
from durable_ingest.clock import Clock
from durable_ingest.contract import Contract
from durable_ingest.deadline import Deadline
from durable_ingest.errors import BatchHeldError
from durable_ingest.ports import RememberingTable, RetryPolicy
from durable_ingest.report import BatchReport
from durable_ingest.rows import Fault, Refusal, Row
from durable_ingest.testing import LambdaContext, sqs_record
from tests.model_queue import DrainedClient
from tests.records import CUSTOMERS
from tests.virtual_clock import VirtualClock

DEAD = "https://sqs.test/123456789012/dead.fifo"
HOUR = 3600
FORTNIGHT = 14 * 24 * HOUR
AWAY = Refusal(Fault.UNAVAILABLE, "the server refuses connections", 2003, "HY000", "customers")
SEND, DELETE, HIDE = (
    "send_message_batch",
    "delete_message_batch",
    "change_message_visibility_batch",
)
Mode = Literal["delete", "report"]
MODES: tuple[Mode, ...] = ("delete", "report")


@dataclass
class ModelStore:
    """A database that refuses what a test says; implements `ports.Database` and `ports.Store`.

    Behind a refused row of its group nothing is tried, as `ports.Store` asks for.
    """

    clock: VirtualClock
    refuse: Callable[[Row], Refusal | None] = lambda _row: AWAY
    hangs: bool = False
    """Takes all the time that it is given."""
    repeats: int = 0
    written: list[int] = field(default_factory=list)
    tried: list[int] = field(default_factory=list)

    def open(
        self,
        contracts: Sequence[Contract],
        clock: Clock,
        retry: RetryPolicy,
        inbox: RememberingTable | None = None,
    ) -> "ModelStore":
        """Give itself."""
        assert inbox is None
        assert contracts
        assert clock is self.clock
        assert retry.attempts
        return self

    def write(self, rows: Sequence[Row], deadline: Deadline) -> dict[int, Refusal | None]:
        """Answer for each row that is tried."""
        results: dict[int, Refusal | None] = {}
        stopped: set[str] = set()
        for row in rows:
            if row.group in stopped:
                continue
            refusal = self.refuse(row)
            results[row.index] = refusal
            self.tried.append(row.index)
            if refusal is None:
                self.written.append(row.index)
            else:
                stopped.add(row.group)
        if self.hangs:
            self.clock.elapsed += deadline.remaining()
        return results

    def reach(self, deadline: Deadline) -> None:
        """Be there."""
        del deadline

    def close(self) -> None:
        """Do nothing."""


@dataclass
class Desk:
    """A drainer over models, in virtual time."""

    mode: Mode = "delete"
    dead_letters: bool = True
    retention: int = FORTNIGHT
    max_receive_count: int | None = 1000

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.store = ModelStore(self.clock)
        self.reports: list[BatchReport] = []
        self.client = DrainedClient(
            self.clock, retention=self.retention, max_receive_count=self.max_receive_count
        )
        self.restart()

    def restart(self) -> None:
        """Begin a new environment."""
        self.drainer = Drainer(
            self.store,
            CUSTOMERS,
            dead_letter_queue_url=DEAD if self.dead_letters else None,
            acknowledge=self.mode,
            client=self.client,
            retry=Retry(reserve=1.0),
            on_report=self.on_report,
            clock=self.clock,
        )

    def on_report(self, report: BatchReport) -> None:
        """Keep it."""
        self.reports.append(report)

    def record(self, group: str, age: float, place: int, *, received: int = 1) -> dict[str, Any]:
        """Build a record that was sent and first received `age` seconds ago."""
        return sqs_record(
            {"customer_id": group},
            group=group,
            sent=int((self.clock.now() - age) * 1000),
            receive_count=received,
            message_id=f"m{place}",
            receipt_handle=f"h{place}",
        )

    def batch(self, *messages: tuple[str, float]) -> dict[str, Any]:
        """Build an event of messages, each a group and an age in hours."""
        records = [self.record(g, hours * HOUR, n) for n, (g, hours) in enumerate(messages)]
        return {"Records": records}

    def handle(self, event: Mapping[str, Any], seconds: float = 30.0) -> list[int]:
        """Call the drainer; give the places that stay in the queue, as Lambda would see it."""
        count = len(event["Records"])
        try:
            answer = self.drainer.handle(event, LambdaContext(seconds, self.clock.monotonic))
        except BatchHeldError:
            gone = {int(handle[1:]) for handle in self.client.done(DELETE, "ReceiptHandle")}
            return [n for n in range(count) if n not in gone]
        return sorted(int(failure["itemIdentifier"][1:]) for failure in answer["batchItemFailures"])

    def letters(self) -> list[int]:
        """Places of the messages whose copies are confirmed, in order."""
        return [int(name[1:]) for name in self.client.done(SEND, "MessageDeduplicationId")]

    def hidden(self) -> dict[int, int]:
        """Seconds for which each place was hidden last."""
        handles = self.client.done(HIDE, "ReceiptHandle")
        seconds = self.client.done(HIDE, "VisibilityTimeout")
        return {int(handle[1:]): hide for handle, hide in zip(handles, seconds, strict=True)}
