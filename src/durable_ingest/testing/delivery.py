"""What a delivery did: each message stored, held, dead-lettered, or lost, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.testing.event_source import Invocation
    from durable_ingest.testing.memory_queue import StoredMessage


@dataclass(frozen=True)
class DeliveredRecord:
    """One message, and what became of it. Its text is what a failing assertion shows."""

    contract: str
    """`ingest.name`; empty where the producer set none."""
    group: str
    body: Any
    """The parsed JSON; the text where it is none."""
    message_id: str
    reason: str = ""
    """Why it is held, dead-lettered or lost; empty for what is stored."""

    def __repr__(self) -> str:
        """Show what a reader of a failing test needs, the reason first: pytest cuts the end off."""
        why = f"{self.reason}: " if self.reason else ""
        return f"<{self.contract or 'message'}: {why}{self.body!r}>"


@dataclass(frozen=True)
class Delivery:
    """What one `deliver` did, in the order of sending."""

    stored: tuple[DeliveredRecord, ...]
    """Gone from the queue, and the handler said they were done: stored, or shown to be old."""
    held: tuple[DeliveredRecord, ...]
    """Still in the queue."""
    dead_lettered: tuple[DeliveredRecord, ...]
    """In the dead-letter queue."""
    lost: tuple[DeliveredRecord, ...]
    """Gone though nobody stored them: the mapping deleted what the handler had not done, or SQS
    what was older than the queue's retention."""
    invocations: tuple[Invocation, ...] = field(repr=False)
    """The handler's calls."""


def record_of(message: StoredMessage, reason: str = "") -> DeliveredRecord:
    """Show a message of a queue."""
    try:
        body = json.loads(message.body)
    except ValueError:
        body = message.body
    return DeliveredRecord(
        contract=attribute(message, "ingest.name"),
        group=message.group_id or "",
        body=body,
        message_id=message.message_id,
        reason=reason,
    )


def attribute(message: StoredMessage, name: str) -> str:
    """Give a message attribute's text, or an empty one."""
    return str(message.attributes.get(name, {}).get("StringValue", ""))


def dead_letter_of(message: StoredMessage) -> tuple[str, str]:
    """Give the original message's id and the reason that a dead letter carries.

    A message that SQS itself moved keeps its id and carries no reason.
    """
    try:
        told = json.loads(attribute(message, "ingest.dead"))
    except ValueError:
        return message.message_id, "received as often as the queue's maxReceiveCount allows"
    return str(told["message_id"]), f"{told['fault']}: {told['reason']}"


def unsettled(invocation: Invocation, logged: Sequence[str]) -> dict[str, str]:
    """Say which of a batch's messages the handler did not claim to be done with, and why.

    Args:
        invocation: one call of the handler.
        logged: what durable_ingest logged meanwhile, for an answer that gives no reasons.
    """
    ids = [record["messageId"] for record in invocation.event["Records"]]
    if invocation.timed_out:
        return dict.fromkeys(ids, "the function timed out")
    if invocation.error is not None:
        held = _held_by(invocation.error)
        if held is not None:
            return held
        return dict.fromkeys(ids, f"{type(invocation.error).__name__}: {invocation.error}")
    answer = invocation.answer
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if not failures and (said := [line for line in logged if line.startswith("held ")]):
        return dict.fromkeys(ids, f"the handler's answer names no failure, but {'; '.join(said)}")
    why = "; ".join(logged) or "the handler answered that it failed"
    return {failure["itemIdentifier"]: why for failure in failures or ()}


def _held_by(error: BaseException | None) -> dict[str, str] | None:
    """Give what a `BatchHeldError` holds, also where the team's own error was raised over it."""
    while error is not None:
        held = getattr(error, "held", None)
        if isinstance(held, dict):
            return {str(message_id): str(reason) for message_id, reason in held.items()}
        error = error.__cause__ or error.__context__
    return None
