"""Dead letters: a rejected message's copy, with the reason beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from durable_ingest.message import DEAD, MAX_MESSAGE, SEQUENCE, Outgoing

if TYPE_CHECKING:
    from durable_ingest.message import Message
    from durable_ingest.ports import Refusal

_MOST_ATTRIBUTES: Final = 10  # SQS Developer Guide, "Amazon SQS message quotas"
_LONGEST_REASON: Final = 1000
_OURS: Final = "ingest."


def dead_letter(message: Message, refusal: Refusal) -> Outgoing:
    """Copy a message for the dead-letter queue.

    Body, group and attributes stay; the deduplication id is the message id, so that a copy whose
    answer was lost is not stored twice. `ingest.dead` says why, and `ingest.sequence` keeps the
    sequence number, so that a guard still refuses it as old after a redrive. A message without
    room for that, which another producer sent, is copied without attributes of its own, or bare.
    """
    added = {DEAD: _explanation(message, refusal)}
    if message.sequence is not None:
        added[SEQUENCE] = str(message.sequence)
    ours = {n: v for n, v in message.attributes.items() if n.startswith(_OURS)}
    for attributes in ({**message.attributes, **added}, {**ours, **added}, added, ours):
        letter = _copy(message, attributes)
        if len(attributes) <= _MOST_ATTRIBUTES and letter.size <= MAX_MESSAGE:
            return letter
    return _copy(message, {})


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
    return json.dumps(
        {
            "fault": refusal.fault.value,
            "code": refusal.code,
            "sqlstate": refusal.sqlstate,
            "reason": refusal.reason.encode("ascii", "replace").decode()[:_LONGEST_REASON],
            "table": refusal.table,
            "message_id": message.id,
            "sequence": None if message.sequence is None else str(message.sequence),
            "sent": round(message.sent, 3),
        }
    )
