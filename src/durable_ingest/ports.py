"""What the services need from outside.

`Enqueuer` and `Drainer` know only these; `wiring` gives them SQS and MySQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from durable_ingest.answers import QueueFacts, QueueSettings, SendFailure
    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.deadline import Deadline
    from durable_ingest.letter import Letter, Resend
    from durable_ingest.outgoing import Outgoing
    from durable_ingest.receipt import Receipt
    from durable_ingest.rows import Refusal, Row


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
