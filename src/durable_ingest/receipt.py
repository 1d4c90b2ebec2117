"""What SQS says of a record that it has stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """SQS has stored the record: what it is known by there."""

    contract: str
    """The contract's name."""
    message_id: str
    """SQS' own id of the message."""
    sequence_number: str
    """A decimal number of up to 128 bits, rising within the group; empty on a queue without."""
    dedup_id: str
    """The deduplication id: 64 hex digits."""
    group_id: str
    """The message group id. It holds key values in clear."""
