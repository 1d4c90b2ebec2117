"""A dead letter as it was received: what it copies, why it is one, and what goes back of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.message import DEAD, DEDUP, NAME, OURS, SEQUENCE, Message, is_sequence
from durable_ingest.outgoing import MAX_ATTRIBUTES, MAX_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

MOVED: Final = "moved"
"""The fault of a letter that SQS moved, because it was received too often."""
UNEXPLAINED: Final = "unexplained"
"""The fault of a letter that says nothing of it."""
_KINDS: Final = ("DataType", "StringValue", "BinaryValue")


@dataclass(frozen=True, slots=True)
class Resend:
    """A dead letter's message, ready to be sent to the queue that it came from."""

    body: str
    group_id: str
    dedup_id: str
    attributes: Mapping[str, Mapping[str, Any]]

    @property
    def size(self) -> int:
        """Bytes as SQS counts them: the body, and each attribute's name, type and value."""
        parts: list[str | bytes] = [self.body]
        for name, value in self.attributes.items():
            parts += [name, value["DataType"]]
            parts += [value[kind] for kind in ("StringValue", "BinaryValue") if kind in value]
        return sum(len(p) if isinstance(p, bytes) else len(p.encode()) for p in parts)


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """A dead letter in hand; the same one received again is another."""

    id: str
    """Its message id in the dead-letter queue."""
    receipt_handle: str
    body: str
    group_id: str
    origin: str
    """The message id of what it copies: a drainer's copies and SQS' moves to a FIFO queue both
    have it as their deduplication id (SQS Developer Guide, "Dead-letter queues")."""
    dead_since: float
    """When it came into the dead-letter queue: seconds since 1970 UTC."""
    moved: bool
    """Whether SQS moved it."""
    attributes: Mapping[str, Mapping[str, Any]]
    """As SQS gives them."""

    @property
    def texts(self) -> dict[str, str]:
        """The attributes whose value is text, as a drainer reads them."""
        given = {name: value.get("StringValue") for name, value in self.attributes.items()}
        return {name: text for name, text in given.items() if text is not None}

    @property
    def name(self) -> str | None:
        """The contract that its sender named."""
        return self.texts.get(NAME)

    @property
    def sequence(self) -> int | None:
        """The sequence number that its message had at first; SQS' own moves lose it."""
        text = self.texts.get(SEQUENCE, "")
        return int(text) if is_sequence(text) else None

    @property
    def message(self) -> Message:
        """The message that it copies, as a drainer had it.

        One of a standard queue has no group; its copy's is its message id.
        """
        return Message(
            id=self.origin,
            receipt_handle=self.receipt_handle,
            body=self.body,
            group_id=None if self.group_id == self.origin else self.group_id,
            sequence=self.sequence or 0,
            sent=None,
            first_received=None,
            receive_count=1,
            attributes=self.texts,
        )

    @property
    def explanation(self) -> dict[str, Any]:
        """Read `ingest.dead`; {} where there is none, or it is older than SQS' move."""
        try:
            read = json.loads(self.texts.get(DEAD, ""))
        except (ValueError, RecursionError):
            return {}
        return read if isinstance(read, dict) and not self.moved else {}

    @property
    def fault(self) -> str:
        """Why it is a dead letter: a drainer's fault, `moved` or `unexplained`."""
        given = self.explanation.get("fault")
        return MOVED if self.moved else given if isinstance(given, str) else UNEXPLAINED

    def resend(self) -> Resend | None:
        """Make what goes back: body, group and attributes as they are, less `ingest.dead`.

        `ingest.dedup` is always set, because without it an inbox would take the message for
        another: SQS gives it a new message id. The deduplication id is made of the letter's id, so
        that sending it again within five minutes stores it once. Attributes of others give way
        where there is no room; None where that is not enough.
        """
        kept = {name: value for name, value in self.attributes.items() if name != DEAD}
        kept[DEDUP] = {"DataType": "String", "StringValue": self.message.identity.hex()}
        ours = {name: value for name, value in kept.items() if name.startswith(OURS)}
        dedup_id = sha256(f"redrive:{self.id}".encode()).hexdigest()
        for attributes in (kept, ours):
            made = Resend(self.body, self.group_id, dedup_id, attributes)
            if len(attributes) <= MAX_ATTRIBUTES and made.size <= MAX_MESSAGE:
                return made
        return None


def read_letter(given: Mapping[str, Any]) -> Letter:
    """Read one message of ReceiveMessage's answer, with all of its attributes."""
    system = given.get("Attributes") or {}
    number = str(given["MessageId"])
    return Letter(
        id=number,
        receipt_handle=str(given["ReceiptHandle"]),
        body=str(given["Body"]),
        group_id=str(system["MessageGroupId"]),
        origin=str(system.get("MessageDeduplicationId") or number),
        dead_since=int(system["SentTimestamp"]) / 1000,
        moved="DeadLetterQueueSourceArn" in system,
        attributes={
            name: {kind: value[kind] for kind in _KINDS if value.get(kind) is not None}
            for name, value in (given.get("MessageAttributes") or {}).items()
        },
    )
