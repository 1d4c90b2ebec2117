"""The wire format: what a message looks like as it is delivered.

The names here are written, and identities kept in inboxes, by deployed functions of other versions:
change none of them.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

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

_DIGEST_DIGITS: Final = 64
_SEQUENCE_DIGITS: Final = 39  # 128 bits
_MOST_DIGITS: Final = 15  # milliseconds since 1970 have 13


class Message(Value):
    """A message as it was delivered. Shows nothing of its content."""

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

    __repr__ = object.__repr__

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
        if given is not None and (digest := _digest(given)) is not None:
            return digest
        known = [self.name, self.group_id, self.id if given is None else given]
        return sha256(json.dumps(known).encode()).digest()

    @property
    def name(self) -> str | None:
        """The contract that its sender named."""
        return self.attributes.get(NAME)


def message(record: Mapping[str, Any]) -> Message:
    """Read one record of a Lambda event.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not an SQS record.
    """
    system = record["attributes"]
    number = system.get("SequenceNumber")
    is_fifo = "SequenceNumber" in system or str(record.get("eventSourceARN")).endswith(".fifo")
    group_id = (system.get("MessageGroupId") or None) if is_fifo else None
    attributes = _text_attributes(record.get("messageAttributes") or {})
    sent = _seconds(system.get("SentTimestamp"))
    first_received = _seconds(system.get("ApproximateFirstReceiveTimestamp"))
    given = Message(
        id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        body=record["body"],
        group_id=group_id,
        sequence=_sequence(number, attributes.get(SEQUENCE)),
        sent=sent,
        first_received=sent if first_received is None else first_received,
        receive_count=_number(system.get("ApproximateReceiveCount") or "1"),
        attributes=attributes,
    )
    _check_texts(given.id, given.receipt_handle, given.body, group_id or "")
    _check_texts(*attributes, *attributes.values())
    if not (given.id and given.receipt_handle):
        raise ValueError("a message without an id or a receipt handle")
    return given


def _check_texts(*values: object) -> None:
    """Refuse what is no text: a dead letter made of it would not be a copy."""
    for value in values:
        if not isinstance(value, str):
            msg = f"a {type(value).__name__} where SQS gives text"
            raise TypeError(msg)


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
        name: text
        for name, attribute in given.items()
        if (text := attribute.get("stringValue")) is not None
    }


def _sequence(number: str | None, before: str | None) -> int | None:
    """Choose the smaller of SQS' number and the one that a redriven message carries.

    What is no number does not count: a forged `ingest.sequence` can only make a message older.
    """
    if not number:
        return None
    if before is None:
        return int(number) if is_sequence(number) else None
    numbers = [int(text) for text in (number, before) if is_sequence(text)]
    return min(numbers, default=None)


def is_sequence(text: str) -> bool:
    """Tell a sequence number from what else may stand in `ingest.sequence`."""
    return text.isdecimal() and text.isascii() and len(text) <= _SEQUENCE_DIGITS


def _digest(text: str) -> bytes | None:
    """Read 64 hex digits."""
    try:
        read = bytes.fromhex(text)
    except ValueError:
        return None
    whole = len(text) == _DIGEST_DIGITS == 2 * len(read)  # fromhex passes over spaces
    return read if whole else None
