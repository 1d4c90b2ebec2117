"""The moment by which a call must have ended, and how its time is divided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from durable_ingest.value import Value

if TYPE_CHECKING:
    from durable_ingest.clock import Clock

_SECONDS_WITHOUT_CONTEXT: Final = 60.0
_CALL_LIMITS: Final = (3.0, 1.0, 0.4)
_SQS_SHARE: Final = 1 / 8
_CALLS_AT_THE_END: Final = 4  # look the queue's settings up, dead-letter, delete, hide
_LAST_CALLS: Final = 2  # delete, hide
_DATABASE_SHARE: Final = 1 / 2


class Deadline:
    """A point on a clock's monotonic time."""

    __slots__ = ("at", "clock")

    def __init__(self, clock: Clock, at: float) -> None:
        self.clock: Final = clock
        self.at: Final = at

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> Deadline:
        """Count from now."""
        return cls(clock, clock.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left; negative once it has passed."""
        return self.at - self.clock.monotonic()

    def passed(self) -> bool:
        """Whether no time is left."""
        return self.clock.monotonic() >= self.at

    def allows(self, seconds: float) -> bool:
        """Whether something that takes this long still ends in time."""
        return self.remaining() >= seconds

    def earlier(self, seconds: float) -> Deadline:
        """Make one that leaves this many seconds before the end."""
        return Deadline(self.clock, self.at - seconds)

    def sooner_of(self, seconds: float) -> Deadline:
        """Make one that ends in this many seconds, or with this one."""
        return Deadline(self.clock, min(self.at, self.clock.monotonic() + seconds))


class Limits(Value):
    """The time of one call."""

    deadline: Deadline
    keeping: Deadline
    """Earlier, to leave time for deleting and hiding."""
    database: Deadline
    """Earlier still, to leave time for what decides how long the held are kept."""
    call: float
    """The longest that one call to SQS may take."""


def limits(context: Any, reserve: float, clock: Clock) -> Limits:  # noqa: ANN401 - Lambda's
    """Divide what a function has left, less `reserve` seconds; without a context, a minute.

    The database always has half of it, however little it is.
    """
    seconds = _SECONDS_WITHOUT_CONTEXT
    if context is not None:
        seconds = context.get_remaining_time_in_millis() / 1000
    return divided(max(seconds - reserve, 0.0), clock)


def divided(usable: float, clock: Clock) -> Limits:
    """Divide so many seconds between the database and SQS."""
    call = call_limit(usable * _SQS_SHARE)
    at_the_end = _at_the_end(usable, call)
    deadline = Deadline.after(clock, usable)
    last = min(call * _LAST_CALLS, at_the_end / 2)
    return Limits(
        deadline=deadline,
        keeping=deadline.earlier(last),
        database=deadline.earlier(at_the_end),
        call=call,
    )


def time_for_sqs(usable: float) -> float:
    """Say how much of a call's usable seconds the database leaves to SQS."""
    return _at_the_end(usable, call_limit(usable * _SQS_SHARE))


def _at_the_end(usable: float, call: float) -> float:
    return min(call * _CALLS_AT_THE_END, usable * _DATABASE_SHARE)


def call_limit(seconds: float) -> float:
    """Choose the longest limit for a call that fits, the shortest if none does.

    There are few, since a client's time-outs are fixed when it is made.
    """
    for limit in _CALL_LIMITS:
        if limit <= seconds:
            return limit
    return _CALL_LIMITS[-1]
