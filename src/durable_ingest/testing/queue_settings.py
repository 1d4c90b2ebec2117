"""The attributes of a queue: which SQS accepts, and what they mean.

Source: CreateQueue and SetQueueAttributes in the SQS API reference.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

MIB = 1_048_576
MAX_VISIBILITY = 43_200
MAX_WAIT = 20

_QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|(?=.{6,80}$)[A-Za-z0-9_-]+\.fifo")
_RANGES = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, MIB),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, MAX_WAIT),
    "VisibilityTimeout": (0, MAX_VISIBILITY),
}
_CHOICES = {
    "ContentBasedDeduplication": ("true", "false"),
    "FifoQueue": ("true",),  # "false" is refused too: leave it out
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": str(MIB),
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
}
_FIFO_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
_UNCHECKED = {
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
}
_READABLE = {
    *_RANGES,
    *_CHOICES,
    *_UNCHECKED,
    "All",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
    "RedrivePolicy",
}


class RefusedError(Exception):
    """SQS answers with an error.

    Args:
        code: its name in the API reference.
        reason: the text.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def invalid(name: str, reason: str) -> RefusedError:
    """Make the error for a parameter whose value is refused."""
    return RefusedError(
        "InvalidParameterValue", f"Value for parameter {name} is invalid. Reason: {reason}."
    )


def within(name: str, value: int, lowest: int, highest: int) -> int:
    """Give the value back if it is in range."""
    if not lowest <= value <= highest:
        raise invalid(name, f"Must be between {lowest} and {highest}, if provided")
    return value


@dataclass(frozen=True, slots=True)
class Settings:
    """A queue's attributes, read. Times are in seconds, sizes in bytes."""

    fifo: bool
    visibility_timeout: int
    retention: int
    wait: int
    max_size: int
    content_based: bool
    per_group: bool
    """Whether deduplication ids count within their group alone."""
    dead_letter_arn: str | None
    max_receives: int


def queue_attributes(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """Check the attributes of a new queue; return all of them, with the defaults.

    Raises:
        RefusedError: as CreateQueue.
    """
    fifo = name.endswith(".fifo")
    if not _QUEUE_NAME.fullmatch(name):
        raise RefusedError(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )
    if fifo != (given.get("FifoQueue") == "true"):
        raise invalid("QueueName", "The name of a FIFO queue, and no other, must end with .fifo")
    defaults = _DEFAULTS | (_FIFO_DEFAULTS if fifo else {})
    return changed_attributes(defaults | ({"FifoQueue": "true"} if fifo else {}), given)


def changed_attributes(present: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Check a change of a queue's attributes; return all of them. An empty policy removes it.

    Raises:
        RefusedError: as SetQueueAttributes.
    """
    fifo = "FifoQueue" in present
    for name, value in given.items():
        _check_setting(name, value, fifo=fifo)
    attributes = {**present, **given}
    per_group = attributes.get("DeduplicationScope") == "messageGroup"
    if attributes.get("FifoThroughputLimit") == "perMessageGroupId" and not per_group:
        raise RefusedError(
            "InvalidAttributeValue",
            "FifoThroughputLimit can be perMessageGroupId only where DeduplicationScope is"
            " messageGroup.",
        )
    return {name: value for name, value in attributes.items() if value}


def _check_setting(name: str, value: str, *, fifo: bool) -> None:
    if name in _RANGES:
        lowest, highest = _RANGES[name]
        if not (value.isascii() and value.isdigit() and lowest <= int(value) <= highest):
            raise _invalid_setting(name)
        if name == "DelaySeconds" and int(value):
            raise NotImplementedError("the queue in memory has no delays: leave DelaySeconds out")
    elif name in _CHOICES:
        if not fifo:
            raise RefusedError("InvalidAttributeName", f"Unknown Attribute {name}.")
        if value not in _CHOICES[name]:
            raise _invalid_setting(name)
    elif name == "RedrivePolicy":
        _redrive_policy(value)
    elif name not in _UNCHECKED:
        raise RefusedError("InvalidAttributeName", f"Unknown Attribute {name}.")


def _invalid_setting(name: str) -> RefusedError:
    return RefusedError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def _redrive_policy(value: str | None) -> tuple[str | None, int]:
    if not value:
        return None, 0
    try:
        policy = json.loads(value)
        arn, count = str(policy["deadLetterTargetArn"]), int(policy.get("maxReceiveCount", 10))
    except (ValueError, TypeError, KeyError) as error:
        raise invalid("RedrivePolicy", "It is no JSON with deadLetterTargetArn") from error
    within("maxReceiveCount", count, 1, 1000)
    return arn, count


def check_attribute_names(names: Collection[str]) -> None:
    """Refuse names that no attribute of a queue has, as GetQueueAttributes does."""
    for name in names:
        if name not in _READABLE:
            raise RefusedError("InvalidAttributeName", f"Unknown Attribute {name}.")


def settings_of(attributes: Mapping[str, str]) -> Settings:
    """Read the attributes that `queue_attributes` or `changed_attributes` returned."""
    arn, count = _redrive_policy(attributes.get("RedrivePolicy"))
    return Settings(
        fifo="FifoQueue" in attributes,
        visibility_timeout=int(attributes["VisibilityTimeout"]),
        retention=int(attributes["MessageRetentionPeriod"]),
        wait=int(attributes["ReceiveMessageWaitTimeSeconds"]),
        max_size=int(attributes["MaximumMessageSize"]),
        content_based=attributes.get("ContentBasedDeduplication") == "true",
        per_group=attributes.get("DeduplicationScope") == "messageGroup",
        dead_letter_arn=arn,
        max_receives=count,
    )
