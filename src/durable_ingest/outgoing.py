"""A message to be sent, and the ids that SQS orders and deduplicates it by.

The formulas here are read by deployed functions of other versions: change none of them.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from durable_ingest.message import BYTES, DEDUP, NAME
from durable_ingest.scalars import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from durable_ingest.contract import Contract

MAX_MESSAGE: Final = 1_048_576
"""Bytes of a message, attributes included, and of a batch (SQS Developer Guide, "Quotas")."""
DEAD_LETTER_ROOM: Final = 8_192
"""Bytes that a record leaves free, so that its dead letter fits as well."""
MAX_ATTRIBUTES: Final = 10
"""Attributes of a message (SQS Developer Guide, "Amazon SQS message quotas")."""
MAX_RECORD: Final = MAX_MESSAGE - DEAD_LETTER_ROOM
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
