"""How long to wait between attempts, and how long to hide a held message."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from durable_ingest.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from durable_ingest.clock import Clock
    from durable_ingest.deadline import Deadline

SHORTEST_HIDE: Final = 5
LONGEST_HIDE: Final = 3600
LONGEST_VISIBILITY: Final = 12 * 3600
"""Seconds from its receive that SQS lets a message be hidden (ChangeMessageVisibility)."""
_FASTEST_GROWTH: Final = 2
GIVE_UP_AFTER: Final = 6 * 3600
"""Seconds that a dependent message is held before it counts as rejected."""
FAIL_FAST: Final = 3.0
"""Seconds after an outage was seen in which the next call does not wait for its end."""
SETTLED_FOR: Final = 3600
"""Seconds without an outage before one is given up: every group has had its turn by then."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How patient a drainer is.

    Args:
        patience: seconds that one call waits out an outage before it holds its messages.
        reserve: seconds of the function's time that are left for Lambda to take the answer.
        attempts: how often a contended transaction is tried.
    """

    patience: float = 5.0
    reserve: float = 1.0
    attempts: int = 3

    def __post_init__(self) -> None:
        for name in ("patience", "reserve"):
            if getattr(self, name) < 0:
                raise ContractError(name, "must be 0 or more seconds")
        if self.attempts < 1:
            raise ContractError("attempts", "must be 1 or more")


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


def may_be_given_up(age: float, since_outage: float | None) -> bool:
    """Say whether a dependent message has waited long enough to be rejected.

    `age` is seconds since its first receive, `since_outage` seconds since this drainer last found
    the database away (None: never). After a long outage every message is old, and the one that
    would cure it may be just behind.
    """
    return age >= GIVE_UP_AFTER and (since_outage is None or since_outage >= SETTLED_FOR)


def retrying(  # noqa: PLR0913 - each by name
    clock: Clock,
    deadline: Deadline,
    *,
    on: type[Exception],
    attempts: int | None = None,
    attempt_takes: float = 0.0,
    first_wait: float = 0.05,
    longest_wait: float = 1.0,
) -> Callable[..., Any]:
    """Make what calls a function, and again on an exception, with growing and jittered waits.

    Stops after `attempts`, or where the wait and a further attempt, which takes up to
    `attempt_takes` seconds, would end after the deadline; the last exception is raised then.
    """

    def stop(state: RetryCallState) -> bool:
        if attempts is not None and state.attempt_number >= attempts:
            return True
        return not deadline.allows(state.upcoming_sleep + attempt_takes)

    def call(function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        try:
            return function(*arguments)
        except on as error:
            failed = [error]
        try:
            from tenacity import (  # noqa: PLC0415 - few calls fail, and cold starts are kept short
                Retrying,
                retry_if_exception_type,
                wait_exponential,
            )
        except OSError:  # what failed may be that no file can be opened
            raise failed.pop() from None

        grows = wait_exponential(multiplier=first_wait, max=longest_wait)

        def wait(state: RetryCallState) -> float:
            return grows(state) * (0.5 + clock.jitter() / 2)

        def attempt() -> Any:  # noqa: ANN401 - what the function returns
            if failed:  # the first attempt, which tenacity is told of in its turn
                raise failed.pop()
            return function(*arguments)

        retry = retry_if_exception_type(on)
        return Retrying(sleep=clock.sleep, retry=retry, wait=wait, stop=stop, reraise=True)(attempt)

    return call
