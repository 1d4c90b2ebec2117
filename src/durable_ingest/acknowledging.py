"""What SQS is told at the end of a batch that is not settled as a whole."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from durable_ingest.settlement import deletion_rounds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from durable_ingest.deadline import Deadline
    from durable_ingest.message import Message
    from durable_ingest.ports import Queue

_LOGGER = logging.getLogger("durable_ingest")
_ENTRIES: Final = 10  # of a batch call (SQS API Reference)


def delete_settled(
    queue: Queue,
    batch: Sequence[Message],
    settled: Sequence[int],
    order_free: Collection[int],
    deadline: Deadline,
) -> int:
    """Delete settled messages, a group's next one only after the one before it is gone.

    Args:
        queue: the one that they came from.
        batch: all messages.
        settled: the places of those to delete, in arrival order.
        order_free: the places of those whose contract lets them go in any order.
        deadline: no call is made that could end after it.

    Returns:
        How many deletes were not confirmed.
    """
    stopped: set[str] = set()
    left = len(settled)
    placed = [(n, batch[n].group, n in order_free) for n in settled]
    for chosen in deletion_rounds(placed):
        for part in _chunks([n for n in chosen if batch[n].group not in stopped]):
            if not deadline.allows(queue.call_limit):
                _LOGGER.warning("no time was left to delete every settled message")
                return left
            done = queue.delete([batch[n].receipt_handle for n in part])
            left -= sum(done)
            stopped |= {batch[n].group for n, gone in zip(part, done, strict=True) if not gone}
    if stopped:
        _LOGGER.warning("SQS did not confirm every delete; those messages come again")
    return left


def hide_held(
    queue: Queue, batch: Sequence[Message], seconds: Mapping[int, int], deadline: Deadline
) -> int:
    """Set the visibility timeouts of held messages; best effort.

    Args:
        queue: the one that they came from.
        batch: all messages.
        seconds: for each held message's place, how long to hide it.
        deadline: no call is made that could end after it.

    Returns:
        How many could not be hidden.
    """
    failed = 0
    for part in _chunks(list(seconds)):
        done = [False] * len(part)
        if deadline.allows(queue.call_limit):
            handles = [batch[n].receipt_handle for n in part]
            done = queue.hide(handles, [seconds[n] for n in part])
        failed += done.count(False)
    if failed:
        _LOGGER.error(
            "%d held messages could not be hidden and come again after the queue's visibility"
            " timeout (is sqs:ChangeMessageVisibility granted?)",
            failed,
        )
    return failed


def _chunks(indices: Sequence[int]) -> list[Sequence[int]]:
    return [indices[n : n + _ENTRIES] for n in range(0, len(indices), _ENTRIES)]
