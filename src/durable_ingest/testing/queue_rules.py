"""What SQS accepts in messages, ids and batches, as AWS documents it.

Sources: the SQS API reference, and "Amazon SQS message quotas" in the developer guide.
"""

import hashlib
import re
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from durable_ingest.testing.queue_settings import MIB, RefusedError, Settings, invalid

MAX_ENTRIES = 10
MAX_ATTRIBUTES = 10
MAX_BATCH = 10

_BODY_REFUSED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ID = re.compile(r"[!-~]{1,128}")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ATTRIBUTE_NAME = re.compile(r"(?!(?i:aws|amazon)\.)(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_ATTRIBUTE_TYPE = re.compile(r"(?=.{1,256}$)(String|Number|Binary)(\.[^\s]+)?")


# Messages


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as its producer wrote it."""

    body: str
    md5: str
    group: str | None
    dedup_id: str | None
    attributes: Mapping[str, Mapping[str, Any]]
    attributes_md5: str | None


def draft_of(entry: Mapping[str, Any], settings: Settings) -> Draft:
    """Check a message; return it.

    Raises:
        RefusedError: as SendMessage.
    """
    body, attributes = entry["MessageBody"], entry.get("MessageAttributes") or {}
    if not body:
        raise RefusedError(
            "MissingParameter", "The request must contain the parameter MessageBody."
        )
    if _BODY_REFUSED.search(body):
        raise RefusedError("InvalidMessageContents", "Invalid characters in the message body.")
    for name, value in attributes.items():
        _check_attribute(name, value)
    if len(attributes) > MAX_ATTRIBUTES:
        raise invalid("MessageAttributes", f"At most {MAX_ATTRIBUTES} attributes are allowed")
    data = body.encode()
    if len(data) + _size_of(attributes) > settings.max_size:
        raise invalid("MessageBody", f"Must be shorter than {settings.max_size} bytes")
    if entry.get("DelaySeconds"):
        if settings.fifo:
            raise invalid("DelaySeconds", "A FIFO queue has it for the whole queue only")
        raise NotImplementedError("the queue in memory has no delays: leave DelaySeconds out")
    group, dedup_id = _ids(entry, data, settings)
    return Draft(
        body=body,
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        group=group,
        dedup_id=dedup_id,
        attributes=dict(attributes),
        attributes_md5=md5_of_attributes(attributes) if attributes else None,
    )


def size_of(entry: Mapping[str, Any]) -> int:
    """Measure a message as SQS does: UTF-8 bytes of its body and its attributes."""
    # A surrogate, which SQS refuses anyway, must not fail the measurement.
    body = len(entry["MessageBody"].encode(errors="replace"))
    return body + _size_of(entry.get("MessageAttributes") or {})


def _size_of(attributes: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(
        len(name.encode()) + len(value["DataType"].encode()) + len(_value(value))
        for name, value in attributes.items()
    )


def _ids(
    entry: Mapping[str, Any], data: bytes, settings: Settings
) -> tuple[str | None, str | None]:
    group, dedup_id = entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")
    if not settings.fifo:
        if dedup_id is not None:
            raise invalid("MessageDeduplicationId", "The queue is no FIFO queue")
    elif group is None:
        raise RefusedError(
            "MissingParameter", "The request must contain the parameter MessageGroupId."
        )
    elif dedup_id is None:
        if not settings.content_based:
            raise RefusedError(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or"
                " MessageDeduplicationId provided explicitly",
            )
        dedup_id = hashlib.sha256(data).hexdigest()
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", dedup_id)):
        if value is not None:
            check_id(name, value)
    return group, dedup_id


def check_id(name: str, value: str) -> None:
    """Refuse what is not 1 to 128 ASCII letters, digits and punctuation."""
    if not _ID.fullmatch(value):
        raise invalid(name, "It can only include alphanumeric and punctuation characters, 1 to 128")


def _check_attribute(name: str, value: Mapping[str, Any]) -> None:
    kind = _ATTRIBUTE_TYPE.fullmatch(value.get("DataType") or "")
    if not _ATTRIBUTE_NAME.fullmatch(name) or kind is None:
        raise invalid("MessageAttributes", f"The name or type of {name[:256]!a} is not allowed")
    content = value.get("BinaryValue" if kind[1] == "Binary" else "StringValue")
    if not content:
        raise invalid("MessageAttributes", f"{name} must contain a non-empty value of its type")
    if isinstance(content, str) and _BODY_REFUSED.search(content):
        raise invalid("MessageAttributes", f"{name} contains characters that are not allowed")


def _value(value: Mapping[str, Any]) -> bytes:
    content = value.get("StringValue", value.get("BinaryValue", b""))
    return content.encode(errors="replace") if isinstance(content, str) else bytes(content)


def md5_of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Hash as "Calculating the MD5 message digest for message attributes" says."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        value = attributes[name]
        for piece in (name.encode(), value["DataType"].encode()):
            digest.update(struct.pack("!I", len(piece)) + piece)
        data = _value(value)
        digest.update(b"\x01" if "StringValue" in value else b"\x02")
        digest.update(struct.pack("!I", len(data)) + data)
    return digest.hexdigest()


# Batches


def check_batch(entries: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a batch as a whole.

    Raises:
        RefusedError: it is empty or too long, or its entries' ids are not as they must be.
    """
    if not entries:
        raise RefusedError("EmptyBatchRequest", "There should be at least one entry.")
    if len(entries) > MAX_ENTRIES:
        raise RefusedError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {MAX_ENTRIES}."
            f" You have sent {len(entries)}.",
        )
    ids = [entry["Id"] for entry in entries]
    if not all(map(_ENTRY_ID.fullmatch, ids)):
        raise RefusedError(
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
            " It can be at most 80 letters long.",
        )
    if len(set(ids)) < len(ids):
        raise RefusedError("BatchEntryIdsNotDistinct", "Two batch entries have the same Id.")


def check_batch_size(entries: Sequence[Mapping[str, Any]]) -> None:
    """Refuse messages that are too long together."""
    size = sum(map(size_of, entries))
    if size > MIB:
        raise RefusedError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {MIB} bytes. You have sent {size} bytes.",
        )


def chosen(attributes: Mapping[str, Any], asked: Collection[str]) -> dict[str, Any]:
    """Select attributes by name, by "prefix.*", or all by "All" or ".*"."""
    if "All" in asked or ".*" in asked:
        return dict(attributes)
    prefixes = tuple(name.removesuffix(".*") for name in asked if name.endswith(".*"))
    return {
        name: value
        for name, value in attributes.items()
        if name in asked or (prefixes and name.startswith(prefixes))
    }
