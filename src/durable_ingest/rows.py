"""A row to be written, and why one was not."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from durable_ingest.value import Value

if TYPE_CHECKING:
    from pydantic import BaseModel

    from durable_ingest.contract import Contract
    from durable_ingest.message import Message


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


class Refusal(Value):
    """Why one message was not stored. Holds no row content."""

    fault: Fault
    reason: str
    code: int | None
    """MySQL's error code."""
    sqlstate: str | None
    table: str | None
    detail: str | None
    """More than the reason, in words of the team's own: for the dead letter, never for a log."""
    everywhere: bool
    """Whether it is the database's as a whole: nobody's row would have been taken then."""

    def __init__(  # noqa: PLR0913 - most by name
        self,
        fault: Fault,
        reason: str,
        code: int | None = None,
        sqlstate: str | None = None,
        table: str | None = None,
        *,
        detail: str | None = None,
        everywhere: bool = False,
    ) -> None:
        super().__init__(
            fault=fault,
            reason=reason,
            code=code,
            sqlstate=sqlstate,
            table=table,
            detail=detail,
            everywhere=everywhere,
        )


NO_TIME: Final = Refusal(
    Fault.UNAVAILABLE, "no time was left; give the function more, or smaller batches"
)
"""Says nothing about the database."""


class Row(Value):
    """One message's record, ready to be written. Shows nothing of its content."""

    index: int
    """The message's place in its batch."""
    contract: Contract
    record: BaseModel
    present: frozenset[str]
    """The fields that the body gave; the others are written at insert alone."""
    group: str
    message: Message

    __repr__ = object.__repr__

    @property
    def identity(self) -> bytes:
        """What an inbox knows the message by; see `Message.identity`."""
        return self.message.identity

    @property
    def sequence(self) -> int | None:
        """What tells it from an older one; see `Message.sequence`."""
        return self.message.sequence
