"""How long to hide a held message."""

from __future__ import annotations

from math import ceil
from typing import Final, NamedTuple

SHORTEST_HIDE: Final = 5
LONGEST_HIDE: Final = 3600
LONGEST_VISIBILITY: Final = 12 * 3600
"""Seconds from its receive that SQS lets a message be hidden (ChangeMessageVisibility)."""
_FASTEST_GROWTH: Final = 2


def hide_seconds(age: float) -> int:
    """Seconds to hide a group's held messages: a tenth of their age, between 5 s and 1 h.

    So the catch-up starts at most a tenth of the outage late, and a long outage costs few
    receives.
    """
    return round(min(max(age / 10, SHORTEST_HIDE), LONGEST_HIDE))


def contended_seconds(jitter: float) -> int:
    """Seconds to hide a message that met a lock: about 5, so that two do not meet again."""
    return round(SHORTEST_HIDE * (0.5 + jitter))


class Left(NamedTuple):
    """What its queue's settings leave a held message."""

    seconds: float
    """Until the last hours of its retention begin; 0 or less in those."""
    expires: float
    """Seconds until SQS deletes it."""
    receives: int | None
    """How often it may still be received before the redrive policy moves it; None: no limit."""
    hide: int
    """Seconds that it may be hidden at once."""


def within(left: Left, seconds: int, age: float) -> int:
    """Seconds to hide a message instead of `seconds`, so that what is left of it lasts.

    Longer where few receives are left; back when the last hours of its retention begin, and then
    at half of what remains, for a last attempt must not come after its end.
    """
    if left.seconds <= 0:
        return min(seconds, left.hide, max(ceil(left.expires / 2), SHORTEST_HIDE))
    if left.receives is not None:
        seconds = max(seconds, _stretched(left, left.receives, max(age, SHORTEST_HIDE)))
    return min(seconds, left.hide, max(ceil(left.seconds), SHORTEST_HIDE))


def _stretched(left: Left, receives: int, age: float) -> int:
    """Spread the receives that are left over the time that is left.

    The age grows by the same factor each time, until that is longer than a message may be hidden
    at once: the last `longest` times are as long as may be. The fewest that leave the others short
    enough are looked for. But for their sake no message more than doubles its age: a blip must not
    cost hours, even where the queue cannot outlast its retention.
    """
    if receives == 0:
        return left.hide
    uncapped: float = (1 + left.seconds / age) ** (1 / receives)
    growth = max(uncapped, _FASTEST_GROWTH)
    for longest in range(receives):
        end = age + left.seconds - longest * left.hide
        slower: float = (end / age) ** (1 / (receives - longest))
        if end - end / slower <= left.hide:
            growth = min(growth, slower)
            break
    return min(ceil(age * (growth - 1)), left.hide)
