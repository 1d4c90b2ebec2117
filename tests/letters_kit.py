"""What the tests of dead letters share: a pair of strict queues on virtual time, and letters."""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ReadTimeoutError
from pydantic import BaseModel

from durable_ingest import Command, Table
from durable_ingest.deadletters import dead_letter
from durable_ingest.letter_rules import Wanted
from durable_ingest.message import Message, message
from durable_ingest.reading import Outcome, Reading, dead_letters_of
from durable_ingest.redrive import Redrive, discard
from durable_ingest.rows import Fault, Refusal
from durable_ingest.sqs_letters import SqsLetterQueue
from durable_ingest.testing import MemoryQueueService, StoredMessage
from durable_ingest.testing.events import record_from_message
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from durable_ingest.contract import Contract

REFUSAL = Refusal(Fault.REJECTED, "column 'note': too long", 1406, "22001", "items")
CALL_LIMIT = 3.0


class Item(BaseModel):
    """A row."""

    item_id: int
    note: str = ""
    revision: int


PLAIN = Table("plain", Item, key="item_id")
SEQUENCE = Table("sequence", Item, key="item_id", sequence="ingest_sequence")
VERSION = Table("version", Item, key="item_id", version="revision")
COMMAND = Command("command", Item, group="item_id", apply=print)
CONTRACTS: "tuple[Contract, ...]" = (PLAIN, SEQUENCE, VERSION, COMMAND)


class Killed(BaseException):
    """The process ended."""


class DyingClient:
    """A client of a process that is killed at one of its calls, or misses one's answer.

    Args:
        client: the real one.
        at: the number of the call, from 0.
        how: "before" and "after" its effect the process ends; "lost" is its answer alone.
    """

    def __init__(self, client: Any, at: int, how: str) -> None:  # noqa: ANN401
        self._client = client
        self._at = at
        self._how = how
        self.calls: list[str] = []
        """The operations that were asked for."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give an operation."""

        def ask(**arguments: Any) -> Any:  # noqa: ANN401
            place = len(self.calls)
            self.calls.append(name)
            killed = self._how != "lost"
            if place > self._at and killed:
                raise Killed
            if place == self._at and self._how == "before":
                raise Killed
            answer = getattr(self._client, name)(**arguments)
            if place == self._at:
                raise Killed if killed else ReadTimeoutError(endpoint_url="https://sqs.test")
            return answer

        return ask


class PausingClient:
    """A client of a process that stands still before one of its calls.

    Args:
        client: the real one.
        at: the number of the call, from 0.
        meanwhile: what happens then.
    """

    def __init__(self, client: Any, at: int, meanwhile: Callable[[], object]) -> None:  # noqa: ANN401
        self._client = client
        self._left = at
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give an operation."""

        def ask(**arguments: Any) -> Any:  # noqa: ANN401
            self._left -= 1
            if self._left == -1:
                self._meanwhile()
            return getattr(self._client, name)(**arguments)

        return ask


@dataclass
class Post:
    """A queue and its dead-letter queue."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    max_receive_count: int = 1000

    def __post_init__(self) -> None:
        """Make them."""
        self._numbers = itertools.count(1)
        self.service = MemoryQueueService(self.clock.now, wait=self.clock.sleep)
        self.pair = self.service.create_queue("writes", max_receive_count=self.max_receive_count)
        self.client: Any = self.service.client()
        self.dead_url = self.pair.dead_letter_url or ""

    # Putting letters there

    def send(
        self,
        body: Mapping[str, object] | str,
        group: str,
        url: str = "",
        **attributes: Any,  # noqa: ANN401
    ) -> str:
        """Send a message; give its id. Attributes have "_" for "."; text, or as SQS takes them."""
        sent = self.client.send_message(
            QueueUrl=url or self.pair.url,
            MessageBody=body if isinstance(body, str) else json.dumps(body),
            MessageGroupId=group,
            MessageDeduplicationId=f"d{next(self._numbers)}",
            MessageAttributes={
                name.replace("_", "."): value
                if isinstance(value, dict)
                else {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )
        return str(sent["MessageId"])

    def received(self) -> list[Message]:
        """Receive from the queue, as a drainer does, and delete."""
        answer = self.client.receive_message(
            QueueUrl=self.pair.url,
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = [message(record_from_message(m, self.pair.arn)) for m in answer["Messages"]]
        for given in messages:
            self.client.delete_message(QueueUrl=self.pair.url, ReceiptHandle=given.receipt_handle)
        return messages

    def reject(
        self,
        contract: str,
        number: int,
        *,
        group: str | None = None,
        refusal: Refusal = REFUSAL,
        **fields: object,
    ) -> str:
        """Send a row and let a drainer reject it; give its first message id.

        Only where the queue is empty before.
        """
        body = {"item_id": number, "revision": 1, **fields}
        self.send(body, group or f"{contract}:{number}", ingest_name=contract)
        [given] = self.received()
        self.bury(given, refusal)
        return given.id

    def bury(self, given: Message, refusal: Refusal = REFUSAL) -> None:
        """Copy a message to the dead-letter queue, as a drainer does."""
        letter = dead_letter(given, refusal)
        self.client.send_message(
            QueueUrl=self.dead_url,
            MessageBody=letter.body,
            MessageGroupId=letter.group_id,
            MessageDeduplicationId=letter.dedup_id,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": text}
                for name, text in letter.attributes.items()
            },
        )

    def move(self, times: int = 1) -> None:
        """Let SQS move what lies in the queue: receive too often. Needs a `max_receive_count`."""
        for _ in range(self.max_receive_count * times + 1):
            self.client.receive_message(QueueUrl=self.pair.url, MaxNumberOfMessages=10)
            self.clock.elapsed += 31

    # What became of them

    def dead(self) -> list[StoredMessage]:
        """List the letters."""
        return self.service.stored(self.dead_url)

    def queued(self) -> list[StoredMessage]:
        """List the queue."""
        return self.service.stored(self.pair.url)

    def items(self) -> list[int]:
        """List the items in the queue."""
        return [json.loads(one.body)["item_id"] for one in self.queued()]

    # Runs

    def letters(self, client: Any = None) -> SqsLetterQueue:  # noqa: ANN401
        """Give the dead-letter queue as a run sees it."""
        return SqsLetterQueue(client or self.client, self.dead_url, CALL_LIMIT)

    def target(self, client: Any = None) -> SqsLetterQueue:  # noqa: ANN401
        """Give the queue as a run sees it."""
        return SqsLetterQueue(client or self.client, self.pair.url, CALL_LIMIT)

    def reading(self, client: Any = None, **more: Any) -> Reading:  # noqa: ANN401
        """Begin a run."""
        contracts = more.pop("contracts", CONTRACTS)
        dead = self.letters(client)
        facts = dead_letters_of(dead, self.target(client), None, self.clock)
        return Reading(dead, facts, contracts, **({"clock": self.clock} | more))

    def redrive(self, client: Any = None, *, of: Wanted = Wanted(), **more: Any) -> Outcome:  # noqa: ANN401, B008
        """Send letters back."""
        settings = {n: more.pop(n) for n in ("unordered", "limit", "pretend") if n in more}
        with self.reading(client, wanted=of, **more) as reading:
            Redrive(reading, self.target(client), **settings).run()
        return reading.outcome

    def discard(self, *, of: Wanted, **more: Any) -> Outcome:  # noqa: ANN401
        """Delete letters."""
        with self.reading(wanted=of) as reading:
            discard(reading, **more)
        return reading.outcome


def why(outcome: Outcome) -> list[str]:
    """Say why letters are left."""
    return [text for _, text in outcome.left]
