"""Every exception that this library raises on purpose.

```text
DurableIngestError
├── MisconfiguredError            the set-up is wrong; the text names the remedy
│   ├── ContractError             a Table or a constructor was given wrong arguments
│   └── QueueRefusedError         (also an EnqueueError) SQS refuses: no such queue, no right
├── EnqueueError                  some records are not, or may not be, in the queue
│   ├── InvalidRecordError        a record cannot be sent as it is
│   ├── RecordTooLargeError       a record is over the size limit
│   └── QueueUnavailableError     SQS did not answer in time, or answered with its own fault
├── ForeignEventError             the handler was given something else than an SQS batch
├── DatabaseUnavailableError      no usable connection to MySQL
├── RejectedError                 a row that the database can never store
│   └── Reject                    raised by a Command's `apply`: this message can never be applied
└── BatchHeldError                messages stay in the queue; tells Lambda that the batch failed
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_ingest.value import Frozen, arguments_are_read_only

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.receipt import Receipt


class DurableIngestError(Exception):
    """The root of the tree."""


class MisconfiguredError(DurableIngestError):
    """The set-up is wrong: nothing is lost, and nothing goes on until it is mended."""


class ContractError(MisconfiguredError, ValueError):
    """A wrong argument at construction.

    `argument` is its name; the text starts with it.
    """

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument}: {problem}")
        self.argument = argument


@arguments_are_read_only
class Failure(Frozen):
    """One record that `enqueue` or `enqueue_many` could not store for certain."""

    _hidden = ("idempotency_key",)

    index: int
    """Its place in the records given, from 0."""
    code: str
    """SQS' error code, or this library's: `RecordTooLarge`, `InvalidRecord`, `NotAttempted`."""
    retryable: bool
    """Sending the same record again can succeed."""
    in_doubt: bool
    """It may be in the queue all the same."""
    attempted: bool
    """It was sent at least once."""
    idempotency_key: str | None
    """Send it again with this key: within SQS' five minutes it is then stored once at most. Not
    part of its text: it may be personal data."""

    def __init__(  # noqa: PLR0913 - most by name
        self,
        index: int,
        code: str,
        *,
        retryable: bool,
        in_doubt: bool,
        attempted: bool,
        idempotency_key: str | None,
    ) -> None:
        super().__init__(
            index=index,
            code=code,
            retryable=retryable,
            in_doubt=in_doubt,
            attempted=attempted,
            idempotency_key=idempotency_key,
        )

    @property
    def not_attempted(self) -> bool:
        """It was never sent."""
        return not self.attempted


class EnqueueError(DurableIngestError):
    """Some records are not, or may not be, in the queue.

    `receipts` has one entry for each record given, None where it was not stored; `failures` has
    one `Failure` for each None.
    """

    def __init__(
        self,
        problem: str,
        *,
        receipts: Sequence[Receipt | None] = (),
        failures: Sequence[Failure] = (),
    ) -> None:
        super().__init__(problem)
        self.receipts = list(receipts)
        self.failures = list(failures)


class InvalidRecordError(EnqueueError, ValueError):
    """A record cannot be sent as it is. `problems` maps field names to what is wrong."""

    def __init__(
        self,
        problems: dict[str, str],
        *,
        receipts: Sequence[Receipt | None] = (),
        failures: Sequence[Failure] = (),
    ) -> None:
        text = "; ".join(f"{field}: {problem}" for field, problem in problems.items())
        super().__init__(text, receipts=receipts, failures=failures)
        self.problems = problems


class RecordTooLargeError(EnqueueError):
    """A record is over the size limit; nothing of the call was sent."""


class QueueUnavailableError(EnqueueError):
    """SQS did not take every record in time. Send the failures again with their keys."""


class QueueRefusedError(EnqueueError, MisconfiguredError):
    """SQS refuses the call as such: no such queue, no permission, a wrong parameter."""


class ForeignEventError(DurableIngestError, ValueError):
    """The handler was given something else than a batch of SQS messages."""

    def __init__(self) -> None:
        super().__init__(
            "the event is no batch of SQS messages; this handler belongs behind an SQS event"
            " source mapping"
        )


class DatabaseUnavailableError(DurableIngestError):
    """No usable connection to MySQL could be had in the time given."""


class RejectedError(DurableIngestError):
    """A row that the database can never store."""


class Reject(RejectedError):  # noqa: N818 - what `apply` says, not what went wrong in it
    """Raised by a `Command`'s `apply`: this message can never be applied, so dead-letter it.

    `reason` stands in the dead letter, never in a log.
    """

    def __init__(self, reason: object) -> None:
        super().__init__(reason)
        self.reason = str(reason)


class BatchHeldError(DurableIngestError):
    """Messages stay in the queue, to be delivered again.

    Raised out of `Drainer.handle`, so that Lambda counts the batch as failed. `held` maps message
    ids to the reason, which holds no row content. `__cause__` tells the first one's kind: a
    `DatabaseUnavailableError`, `MisconfiguredError`, `RejectedError` or a plain
    `DurableIngestError`.
    """

    def __init__(self, problem: str, held: dict[str, str]) -> None:
        super().__init__(problem)
        self.held = held
