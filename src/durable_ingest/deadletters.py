"""Dead letters: a rejected message's copy, with the reason beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.answers import SendFailure
from durable_ingest.batching import next_batch
from durable_ingest.message import DEAD, DEDUP, OURS, SEQUENCE
from durable_ingest.outgoing import MAX_ATTRIBUTES, MAX_MESSAGE, Outgoing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from durable_ingest.deadline import Deadline
    from durable_ingest.message import Message
    from durable_ingest.ports import Outbox
    from durable_ingest.receipt import Receipt
    from durable_ingest.rows import Refusal

_LONGEST_EXPLANATION: Final = 2048
_NO_TIME: Final = SendFailure("NoTimeLeft", retryable=True, in_doubt=False, attempted=False)


def dead_letter(message: Message, refusal: Refusal) -> Outgoing:
    """Copy a message for the dead-letter queue.

    Body, group and attributes stay; the deduplication id is the message id, so that a copy whose
    answer was lost is not stored twice. `ingest.dead` says why, and `ingest.sequence` keeps the
    sequence number, so that a guard still refuses it as old after a redrive; `ingest.dedup`, so
    that an inbox still knows it. A message without room for that, which another producer sent,
    is copied without its own attributes, or without the reason, or bare.
    """
    added = {DEAD: _explanation(message, refusal), DEDUP: message.identity.hex()}
    if message.sequence is not None:
        added[SEQUENCE] = str(message.sequence)
    ours = {n: v for n, v in message.attributes.items() if n.startswith(OURS) and n != DEAD}
    needed = {**ours, **{name: value for name, value in added.items() if name != DEAD}}
    for attributes in ({**message.attributes, **added}, {**ours, **added}, needed):
        letter = _copy(message, attributes)
        if len(attributes) <= MAX_ATTRIBUTES and letter.size <= MAX_MESSAGE:
            return letter
    return _copy(message, ours)


def bury(
    queue: Outbox, letters: Mapping[int, Outgoing], deadline: Deadline
) -> dict[int, Receipt | SendFailure]:
    """Send dead letters, once each; say for each index what became of it."""
    left = dict(letters)
    results: dict[int, Receipt | SendFailure] = {}
    while chosen := next_batch(left.items()):
        answers: list[Receipt | SendFailure] = [_NO_TIME] * len(chosen)
        if deadline.allows(queue.call_limit):
            answers = queue.send([left[index] for index in chosen])
        for index, answer in zip(chosen, answers, strict=True):
            results[index] = answer
            del left[index]
    return results


def _copy(message: Message, attributes: dict[str, str]) -> Outgoing:
    return Outgoing(
        contract=message.name or "",
        body=message.body,
        group_id=message.group_id or message.id,
        dedup_id=message.id,
        attributes=attributes,
        order_free=False,
        idempotency_key=None,
    )


def _explanation(message: Message, refusal: Refusal) -> str:
    """Write `ingest.dead`: at most 2 KiB of JSON in ASCII, without row content."""
    explanation: dict[str, Any] = {
        "fault": refusal.fault.value,
        "code": refusal.code,
        "sqlstate": refusal.sqlstate,
        "reason": refusal.detail or refusal.reason,
        "table": refusal.table,
        "message_id": message.id,
        "sequence": None if message.sequence is None else str(message.sequence),
        "sent": message.sent,
    }
    while len(text := json.dumps(explanation)) > _LONGEST_EXPLANATION:
        longest = max(
            ("reason", "table", "message_id"), key=lambda name: len(str(explanation[name]))
        )
        explanation[longest] = str(explanation[longest])[: len(str(explanation[longest])) * 3 // 4]
    return text
