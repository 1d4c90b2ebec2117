"""Whether the queue and its dead-letter queue keep what they are given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from durable_ingest.budget import last_hours, longest_outage, receives_of
from durable_ingest.doctor.deployment import LARGEST_MESSAGE
from durable_ingest.doctor.findings import Finding, error, note, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from durable_ingest.doctor.deployment import QueueFacts

LONGEST_RETENTION: Final = 1_209_600
"""14 days (SQS API Reference, SetQueueAttributes)."""
MOST_RECEIVES: Final = 1000
VISIBILITY_SHARE: Final = 6
"""Lambda's Developer Guide, "Using Lambda with Amazon SQS": six times the function's timeout."""
_HOUR: Final = 3600


def check_queue(
    queue: QueueFacts, *, function_timeout: int | None, outage: float, order_free: bool
) -> list[Finding]:
    """Check the queue that writes go through.

    Args:
        queue: its settings.
        function_timeout: the drainer's, in seconds; None where it is not known.
        outage: how long a one it has to survive, in seconds.
        order_free: whether every contract has a `version`, so that order does not matter.
    """
    found = [*_kind(queue, order_free=order_free), *_retention(queue, outage)]
    found += _redrive(queue, outage)
    if function_timeout is not None:
        found += _visibility(queue, function_timeout)
    found += _encryption("queue.encryption", queue)
    if queue.fifo and not queue.per_group:
        mode = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
        found.append(
            note(
                "queue.throughput",
                "deduplication and throughput are those of the whole queue",
                "300 calls a second, or 3,000 messages a second in batches, for all groups",
                _set(queue, mode),
            )
        )
    if queue.largest_message < LARGEST_MESSAGE:
        found.append(
            warning(
                "queue.message_size",
                f"messages may have {queue.largest_message:,} bytes at most",
                "records that the Enqueuer takes for small enough are refused",
                _set(queue, {"MaximumMessageSize": LARGEST_MESSAGE}),
            )
        )
    if queue.delay:
        what = f"each write is delayed by {queue.delay} s"
        found.append(
            note("queue.delay", what, "rows appear later", _set(queue, {"DelaySeconds": 0}))
        )
    return found


def check_dead_letters(
    dead: QueueFacts | None, queue: QueueFacts | None, *, drainer_has_one: bool
) -> list[Finding]:
    """Check the dead-letter queue: the drainer's, or else the one of the redrive policy.

    Args:
        dead: its settings, where they are known.
        queue: the queue that it is for, likewise.
        drainer_has_one: whether the drainer itself sends to it.
    """
    found = []
    if not drainer_has_one:
        found.append(
            warning(
                "dead_letters.drainer",
                "the drainer has no dead_letter_queue_url",
                "a row that can never be stored holds its group until SQS moves or deletes it",
                "pass Drainer(dead_letter_queue_url=...), and grant sqs:SendMessage on it",
            )
        )
    if dead is None:
        return found
    if queue is not None:
        found += _between(dead, queue)
    if not dead.fifo:
        found.append(
            warning(
                "dead_letters.kind",
                "the dead-letter queue is no FIFO queue",
                "dead letters lose their order and their groups, and cannot be redriven in order",
                "make a queue whose name ends in .fifo, for Drainer(dead_letter_queue_url=...)",
            )
        )
    if dead.retention < LONGEST_RETENTION:
        found.append(
            warning(
                "dead_letters.retention",
                f"dead letters are deleted after {span(dead.retention)}",
                "a refused write is lost if nobody looks in time",
                _set(dead, {"MessageRetentionPeriod": LONGEST_RETENTION}),
            )
        )
    return found + _encryption("dead_letters.encryption", dead)


def _between(dead: QueueFacts, queue: QueueFacts) -> list[Finding]:
    if dead.arn == queue.arn:
        return [
            error(
                "dead_letters.same",
                "the dead-letter queue is the queue itself",
                "rejected messages go round for ever",
                "name another FIFO queue in dead_letter_queue_url",
            )
        ]
    if queue.dead_letter_arn not in {None, dead.arn}:
        return [
            note(
                "dead_letters.other",
                f"SQS moves messages to {queue.dead_letter_arn}, the drainer to {dead.arn}",
                "there are two places to look",
                _set(queue, _redrive_policy(dead.arn)),
            )
        ]
    return []


def _kind(queue: QueueFacts, *, order_free: bool) -> list[Finding]:
    if queue.fifo:
        return []
    what = "it is a standard queue"
    remedy = "make a FIFO queue, whose name ends in .fifo"
    if order_free:
        cost = "every contract has a version, which keeps the order; duplicates cost a write each"
        return [note("queue.kind", what, cost, remedy)]
    return [error("queue.kind", what, "messages without a version are held, all of them", remedy)]


def _retention(queue: QueueFacts, outage: float) -> list[Finding]:
    if queue.retention >= LONGEST_RETENTION:
        return []
    find, cost = (
        warning,
        "a longer outage, or a drainer that nobody mends, loses acknowledged writes",
    )
    if queue.retention - last_hours(queue.retention) < outage:
        find, cost = error, f"an outage of {span(outage)} dead-letters or loses acknowledged writes"
    what = f"messages are deleted after {span(queue.retention)}"
    remedy = _set(queue, {"MessageRetentionPeriod": LONGEST_RETENTION})
    return [find("queue.retention", what, cost, remedy)]


def _redrive(queue: QueueFacts, outage: float) -> list[Finding]:
    most, longest = queue.max_receive_count, longest_outage(queue.settings)
    if most is None:
        return [
            note(
                "queue.redrive",
                "it has no redrive policy",
                "a message that crashes the function comes again until its retention ends",
                _set(queue, _redrive_policy("ARN_OF_THE_DEAD_LETTER_QUEUE")),
            )
        ]
    if most >= MOST_RECEIVES:
        return []
    needed = receives_of(outage)
    what = f"maxReceiveCount is {most}, and an outage of {span(outage)} costs {needed} receives"
    if longest < min(outage, queue.retention - last_hours(queue.retention)):
        find, cost = error, "good messages are moved to the dead-letter queue, out of their order"
    elif most < needed:
        find = warning
        cost = (
            "the drainer hides held messages longer to save receives, so the catch-up begins up to"
            " 12 hours late; crashes and throttles cost receives that it cannot save"
        )
    else:
        find = note
        cost = f"it outlasts {span(longest)}, crashes and throttles not counted"
    remedy = _set(queue, _redrive_policy(queue.dead_letter_arn or ""))
    return [find("queue.redrive", what, cost, remedy)]


def _visibility(queue: QueueFacts, function_timeout: int) -> list[Finding]:
    visible, wanted = queue.visibility_timeout, VISIBILITY_SHARE * function_timeout
    if visible >= wanted:
        return []
    find, cost = warning, "throttled batches come again early, and cost receives"
    if visible < function_timeout:
        find, cost = error, "a message is delivered again while it is still being written"
    what = f"the visibility timeout is {visible} s, the function's time-out {function_timeout} s"
    return [find("queue.visibility", what, cost, _set(queue, {"VisibilityTimeout": wanted}))]


def _encryption(check: str, queue: QueueFacts) -> list[Finding]:
    if queue.encrypted:
        return []
    what, cost = "it is not encrypted at rest", "customers' data lie in SQS in the clear"
    return [warning(check, what, cost, _set(queue, {"SqsManagedSseEnabled": "true"}))]


def _redrive_policy(arn: str) -> dict[str, object]:
    policy = {"deadLetterTargetArn": arn, "maxReceiveCount": MOST_RECEIVES}
    return {"RedrivePolicy": json.dumps(policy)}


def _set(queue: QueueFacts, attributes: Mapping[str, object]) -> str:
    """Give the command that sets a queue's attributes."""
    given = json.dumps({name: str(value) for name, value in attributes.items()})
    return f"aws sqs set-queue-attributes --queue-url {queue.url} --attributes '{given}'"


def span(seconds: float) -> str:
    """Say how long that is."""
    for unit, name in ((24 * _HOUR, "days"), (_HOUR, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} s"
