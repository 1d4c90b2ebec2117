"""What a queue answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


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
