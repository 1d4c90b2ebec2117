"""The wire format: what a message looks like, and the ids that SQS orders and deduplicates by.

The formulas here are read by deployed functions of other versions: change none of them.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from durable_ingest.scalars import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from durable_ingest.contract import Contract

NAME: Final = "ingest.name"
"""Message attribute: the contract's name."""
DEDUP: Final = "ingest.dedup"
"""Message attribute: the deduplication id, carried past dead-letter moves."""
BYTES: Final = "ingest.bytes"
"""Message attribute: "base64" where the body's bytes values are so encoded, because they are no
UTF-8 and the model's JSON would hold them as text."""
SEQUENCE: Final = "ingest.sequence"
"""Message attribute of a redriven message: the sequence number that it had at first."""
DEAD: Final = "ingest.dead"
"""Message attribute of a dead letter: why it is one, as JSON."""
OURS: Final = "ingest."
"""What the names of our attributes begin with."""

SYSTEM_ATTRIBUTES: Final = (
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "MessageGroupId",
    "SentTimestamp",
    "SequenceNumber",
)
"""What `message` reads of all that SQS says of a message."""

A_SEQUENCE: Final = re.compile("[0-9]{1,39}")
"""A sequence number: 128 bits. What else stands in `ingest.sequence` does not count."""

MAX_MESSAGE: Final = 1_048_576
"""Bytes of a message, attributes included, and of a batch (SQS Developer Guide, "Quotas")."""
DEAD_LETTER_ROOM: Final = 8_192
"""Bytes that a record leaves free, so that its dead letter fits as well."""
MAX_ATTRIBUTES: Final = 10
"""Attributes of a message (SQS Developer Guide, "Amazon SQS message quotas")."""
MAX_RECORD: Final = MAX_MESSAGE - DEAD_LETTER_ROOM
_A_DIGEST: Final = re.compile("[0-9a-fA-F]{64}")
_MOST_DIGITS: Final = 15  # milliseconds since 1970 have 13
_LEGAL_IN_AN_ID: Final = re.compile("[\x21-\x7e]{1,128}")
_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Outgoing(NamedTuple):
    """A message that is ready to be sent."""

    contract: str
    body: str
    group_id: str
    dedup_id: str
    attributes: dict[str, str]
    order_free: bool
    idempotency_key: str | None

    @property
    def size(self) -> int:
        """Bytes as SQS counts them."""
        return size_of(self.body, self.attributes)


class Message(NamedTuple):
    """A message as it was delivered. Never changed; to freeze each would take twice as long."""

    id: str
    receipt_handle: str
    body: str
    group_id: str | None
    """None on a standard queue, where a message group means fair shares and no order."""
    sequence: int | None
    """SQS' sequence number, or the smaller one that a redriven message carries."""
    sent: float | None
    """When SQS took it: seconds since 1970 UTC. None in events that leave it out."""
    first_received: float | None
    """When it was first received, likewise."""
    receive_count: int
    attributes: dict[str, str]
    """The message attributes whose type is text."""

    @property
    def group(self) -> str:
        """What keeps it in order: its message group, or itself alone on a standard queue."""
        return self.id if self.group_id is None else self.group_id

    @property
    def identity(self) -> bytes:
        """What an inbox knows it by: 32 bytes, the same however often and by whatever way it comes.

        The deduplication id that its sender put into `ingest.dedup`; of another form than 64 hex
        digits, it counts within its contract and group alone. Without one it is known by its
        message id: SQS promises no more than five minutes of its own deduplication id, after
        which a sender may use it for another message.
        """
        given = self.attributes.get(DEDUP)
        if given is not None and _A_DIGEST.fullmatch(given):
            return bytes.fromhex(given)
        known = [self.name, self.group_id, self.id if given is None else given]
        return sha256(json.dumps(known).encode()).digest()

    @property
    def name(self) -> str | None:
        """The contract that its sender named."""
        return self.attributes.get(NAME)


def size_of(body: str, attributes: Mapping[str, str]) -> int:
    """Bytes of a message as SQS counts them: the body, and each attribute's name, type, value."""
    types = "String" * len(attributes)
    text = "".join((body, types, *attributes, *attributes.values()))
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def group_id(contract: Contract, record: BaseModel) -> str:
    """Make the message group id: contract and key, or the value of the contract's `group`.

    Parts are joined by ":", in which ":" and "%" are escaped. An id that SQS would refuse (1-128
    ASCII letters, digits, punctuation) is "sha256:" and the hex digest of that text.
    """
    values = [canonical(getattr(record, name)) for name in contract.group_fields]
    parts = [contract.name, *values] if contract.group is None else values
    text = ":".join(part.replace("%", "%25").replace(":", "%3A") for part in parts)
    if _LEGAL_IN_AN_ID.fullmatch(text):
        return text
    return "sha256:" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def dedup_id(contract: str, group: str, key: str | None, content: str) -> str:
    """Make the deduplication id: SHA-256, in hex, of the JSON list of the four arguments.

    The list is written without spaces, in UTF-8, characters outside ASCII as they are. The
    content is the body, with "base64:" in front where `ingest.bytes` says so.
    """
    text = _COMPACT.encode([contract, group, key, content])
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def outgoing(
    contract: Contract, record: BaseModel, body: str, attributes: Mapping[str, str], key: str | None
) -> Outgoing:
    """Address a body: the record's group, and the ids that make sending it again harmless.

    Raises:
        ValueError, TypeError: a value of the group cannot be part of an id.
    """
    group = group_id(contract, record)
    content = f"{attributes[BYTES]}:{body}" if BYTES in attributes else body
    dedup = dedup_id(contract.name, group, key, content)
    return Outgoing(
        contract=contract.name,
        body=body,
        group_id=group,
        dedup_id=dedup,
        attributes={NAME: contract.name, DEDUP: dedup, **attributes},
        order_free=contract.order_free,
        idempotency_key=key,
    )


def message(record: Mapping[str, Any]) -> Message:
    """Read one record of a Lambda event.

    Raises:
        KeyError, TypeError, ValueError: it is not an SQS record.
    """
    system = record["attributes"]
    number = system.get("SequenceNumber")
    is_fifo = "SequenceNumber" in system or str(record.get("eventSourceARN")).endswith(".fifo")
    attributes = _text_attributes(record.get("messageAttributes") or {})
    sent = _seconds(system.get("SentTimestamp"))
    first_received = _seconds(system.get("ApproximateFirstReceiveTimestamp"))
    return Message(
        id=_text(record["messageId"] or None),
        receipt_handle=_text(record["receiptHandle"] or None),
        body=_text(record["body"]),
        group_id=(_text(system.get("MessageGroupId") or "") or None) if is_fifo else None,
        sequence=_sequence(number, attributes.get(SEQUENCE)),
        sent=sent,
        first_received=sent if first_received is None else first_received,
        receive_count=_number(system.get("ApproximateReceiveCount") or "1"),
        attributes=attributes,
    )


def _text(value: object) -> str:
    """Refuse what is no text: a dead letter made of it would not be a copy."""
    if not isinstance(value, str):
        msg = f"a {type(value).__name__} where SQS gives text"
        raise TypeError(msg)
    return value


def _number(value: str | int) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        msg = "no number where SQS gives one"
        raise ValueError(msg)
    return int(text)


def _seconds(milliseconds: str | int | None) -> float | None:
    return _number(milliseconds) / 1000 if milliseconds else None


def _text_attributes(given: Mapping[str, Any]) -> dict[str, str]:
    return {
        _text(name): _text(attribute["stringValue"])
        for name, attribute in given.items()
        if attribute.get("stringValue") is not None
    }


def _sequence(number: str | None, before: str | None) -> int | None:
    """Choose the smaller of SQS' number and the one that a redriven message carries.

    What is no number does not count: a forged `ingest.sequence` can only make a message older.
    """
    if not number:
        return None
    numbers = [int(text) for text in (number, before) if text and A_SEQUENCE.fullmatch(text)]
    return min(numbers, default=None)
