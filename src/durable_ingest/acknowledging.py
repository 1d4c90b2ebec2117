"""What SQS is told at the end of a batch that is not settled as a whole."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from durable_ingest.answers import SendFailure
from durable_ingest.settlement import deletion_rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from durable_ingest.deadline import Deadline
    from durable_ingest.message import Message
    from durable_ingest.ports import Queue

_LOGGER = logging.getLogger("durable_ingest")
_ENTRIES: Final = 10  # of a batch call (SQS API Reference)


@dataclass(slots=True)
class Left:
    """What SQS did not confirm."""

    places: list[int]
    """Of messages, in arrival order."""
    refused: str | None = None
    """The code with which it refused a call as such."""


def delete_settled(
    queue: Queue,
    batch: Sequence[Message],
    settled: Sequence[int],
    order_free: Collection[int],
    deadline: Deadline,
) -> Left:
    """Delete settled messages, a group's next one only after the one before it is gone.

    Args:
        queue: the one that they came from.
        batch: all messages.
        settled: the places of those to delete, in arrival order.
        order_free: the places of those whose contract lets them go in any order.
        deadline: no call is made that could end after it.

    Returns:
        Those whose deletes were not confirmed.
    """
    left = _in_turn(queue, batch, settled, order_free, deadline, queue.delete)
    if left.places:
        _LOGGER.warning("%d deletes are not confirmed; those messages come again", len(left.places))
    return left


def give_back(queue: Queue, batch: Sequence[Message], deadline: Deadline) -> Left:
    """Make messages visible that were not touched, a group's next one after the one before it.

    So that a queue which does not lock a group of which only some are in flight gives none of
    them out before its turn.
    """

    def show(handles: Sequence[str]) -> list[bool]:
        return queue.hide(handles, [0] * len(handles))

    return _in_turn(queue, batch, range(len(batch)), (), deadline, show)


def _in_turn(  # noqa: PLR0913, PLR0917 - what its callers are given
    queue: Queue,
    batch: Sequence[Message],
    places: Sequence[int],
    order_free: Collection[int],
    deadline: Deadline,
    ask: Callable[[Sequence[str]], list[bool] | SendFailure],
) -> Left:
    left = dict.fromkeys(places)
    refused = None
    stopped: set[str] = set()
    placed = [(n, batch[n].group, n in order_free) for n in places]
    for chosen in deletion_rounds(placed):
        for part in _chunks([n for n in chosen if batch[n].group not in stopped]):
            if not deadline.allows(queue.call_limit):
                _LOGGER.warning("no time was left to settle every message with SQS")
                return Left(list(left), refused)
            done = ask([batch[n].receipt_handle for n in part])
            if isinstance(done, SendFailure):
                refused = done.code if done.refused_call else refused
                done = [False] * len(part)
            for n, confirmed in zip(part, done, strict=True):
                if confirmed:
                    del left[n]
                else:
                    stopped.add(batch[n].group)
    return Left(list(left), refused)


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
