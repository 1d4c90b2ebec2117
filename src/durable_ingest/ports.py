"""What the services need from outside, and the words they share with it.

`Enqueuer` and `Drainer` know only these; `wiring` gives them SQS and MySQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.deadline import Deadline
    from durable_ingest.letter import Letter, Resend
    from durable_ingest.message import Outgoing
    from durable_ingest.receipt import Receipt


class Fault(StrEnum):
    """Why a message was not stored."""

    UNAVAILABLE = "unavailable"
    """No usable connection: an outage, a failover, a time-out. Every message waits."""
    CONTENDED = "contended"
    """A deadlock or a lock wait that repeating did not cure. Waits a few seconds."""
    REJECTED = "rejected"
    """This message can never be stored. Goes to the dead-letter queue."""
    DEPENDENT = "dependent"
    """A missing parent, or a unique value still taken: another message may cure it."""
    MISCONFIGURED = "misconfigured"
    """Schema, privilege, credentials or an unknown contract: somebody has to mend it."""
    UNKNOWN = "unknown"
    """An error of no known kind, without evidence that it is the row's. Waits."""
    BEHIND = "behind"
    """An earlier message of its group waits."""
    EXPIRING = "expiring"
    """Held, for whatever reason, until SQS is about to delete it. Goes to the dead-letter queue."""


class Refusal(NamedTuple):
    """Why one message was not stored. Holds no row content."""

    fault: Fault
    reason: str
    code: int | None = None
    """MySQL's error code."""
    sqlstate: str | None = None
    table: str | None = None
    detail: str | None = None
    """More than the reason, in words of the team's own: for the dead letter, never for a log."""
    everywhere: bool = False
    """Whether it is the database's as a whole: nobody's row would have been taken then."""


NO_TIME: Final = Refusal(
    Fault.UNAVAILABLE, "no time was left; give the function more, or smaller batches"
)
"""Says nothing about the database."""


@dataclass(slots=True, repr=False, eq=False)
class Row:
    """One message's record, ready to be written. Never changed; shows nothing of its content."""

    index: int
    """The message's place in its batch."""
    contract: Contract
    record: BaseModel
    present: frozenset[str]
    """The fields that the body gave; the others are written at insert alone."""
    group: str
    identity: bytes
    """What an inbox knows the message by; see `Message.identity`."""
    sequence: int | None


class Store(Protocol):
    """The database."""

    @property
    def repeats(self) -> int:
        """How often a transaction or a connection was tried again, from the start."""
        ...

    def write(self, rows: Sequence[Row], deadline: Deadline) -> dict[int, Refusal | None]:
        """Write rows in order; return what became of them, by their index.

        None is committed (or shown stale by a committed guard, or done by the inbox). A row that
        is absent was not tried, because an earlier one of its group was refused. Raises nothing
        that the database causes.
        """
        ...

    def reach(self, deadline: Deadline) -> Refusal | None:
        """Have a connection that can be used, after one attempt; else say why there is none."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class Database(Protocol):
    """How to reach a database: `MySQL`, or a model of one in tests."""

    def open(
        self,
        contracts: Sequence[Contract],
        clock: Clock,
        retry: RetryPolicy,
        inbox: RememberingTable | None = None,
    ) -> Store:
        """Make a store; with an inbox, one whose effects happen once. Does no I/O."""
        ...


class RememberingTable(Protocol):
    """What a store needs of `Inbox`."""

    @property
    def table(self) -> str: ...  # noqa: D102


class RetryPolicy(Protocol):
    """What a store needs of `Retry`."""

    @property
    def patience(self) -> float: ...  # noqa: D102
    @property
    def attempts(self) -> int: ...  # noqa: D102


class SendFailure(NamedTuple):
    """SQS did not store this entry, or did not say so."""

    code: str
    retryable: bool
    in_doubt: bool
    refused_call: bool = False
    """The call as such was refused: no such queue, no permission, a wrong parameter."""
    attempted: bool = True


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """What a queue allows its messages. Times are in seconds."""

    retention: int
    """After which SQS deletes a message."""
    visibility_timeout: int
    """For which a received message is hidden, unless it is told otherwise."""
    max_receive_count: int | None
    """A message that is received more often is moved; None without a redrive policy."""


class Outbox(Protocol):
    """A queue that messages are sent to. Raises nothing that SQS or the network causes."""

    @property
    def call_limit(self) -> float:
        """The longest that one call takes, in seconds."""
        ...

    def send(self, entries: Sequence[Outgoing]) -> list[Receipt | SendFailure]:
        """Send up to 10 messages in one call; one result each, in order."""
        ...


class Stop(Protocol):
    """What says that a poll is to end: a `threading.Event`, or anything like it."""

    def is_set(self) -> bool:
        """Say whether it is to end."""
        ...


class Queue(Outbox, Protocol):
    """A queue that messages are received from as well. Raises as little."""

    def delete(self, receipt_handles: Sequence[str]) -> list[bool] | SendFailure:
        """Delete up to 10 messages in one call; whether each is confirmed gone."""
        ...

    def hide(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> list[bool]:
        """Set the visibility timeout of up to 10 messages in one call."""
        ...

    def settings(self) -> QueueSettings | SendFailure:
        """Look up what the queue allows, in one call."""
        ...


class Source(Protocol):
    """A queue that is asked for messages. Raises as little as `Queue`."""

    def receive(
        self, attempt: str | None, *, wait: int, visibility: int
    ) -> list[Mapping[str, Any]] | SendFailure:
        """Receive up to 10 messages, as records of Lambda's event.

        Args:
            attempt: SQS gives the same messages again for the same id, while they are in flight
                (ReceiveRequestAttemptId); None on a standard queue.
            wait: seconds to wait for a first message.
            visibility: seconds for which they are hidden.
        """
        ...


class QueueFacts(NamedTuple):
    """What an operator's tools ask of a queue."""

    arn: str
    dead_letter_arn: str | None
    """The queue to which SQS moves its messages."""
    there: int
    """About how many messages it has, those that nobody can receive now included."""
    hidden: int
    """About how many of them are in flight."""
    told_at: float | None
    """When SQS said so, by its own clock: seconds since 1970 UTC. None where it gave no date."""


class LetterQueue(Protocol):
    """A FIFO queue as an operator's tools use it. Raises nothing that SQS or the network causes.

    Where a list is returned, it has None for each entry that SQS confirmed.
    """

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    @property
    def call_limit(self) -> float:
        """The longest that one call takes, in seconds."""
        ...

    def facts(self) -> QueueFacts | SendFailure:
        """Ask what there is to know."""
        ...

    def receive(self, seconds: int, attempt: str) -> list[Letter] | SendFailure:
        """Receive up to 10 messages, hidden for so long; the same ones for the same attempt."""
        ...

    def resend(self, entries: Sequence[Resend]) -> list[SendFailure | None]:
        """Send up to 10 messages in one call."""
        ...

    def delete(self, receipt_handles: Sequence[str]) -> list[SendFailure | None]:
        """Delete up to 10 messages in one call."""
        ...

    def hide(self, receipt_handles: Sequence[str], seconds: int) -> list[SendFailure | None]:
        """Set the visibility timeout of up to 10 messages in one call."""
        ...
