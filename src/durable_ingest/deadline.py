"""The moment by which a call must have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from durable_ingest.clock import Clock


class Deadline(NamedTuple):
    """A point on a clock's monotonic time."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> Deadline:
        """Count from now."""
        return cls(clock, clock.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left; negative once it has passed."""
        return self.at - self.clock.monotonic()

    def passed(self) -> bool:
        """Whether no time is left."""
        return self.remaining() <= 0

    def allows(self, seconds: float) -> bool:
        """Whether something that takes this long still ends in time."""
        return self.remaining() >= seconds

    def earlier(self, seconds: float) -> Deadline:
        """Make one that leaves this many seconds before the end."""
        return Deadline(self.clock, self.at - seconds)

    def sooner_of(self, seconds: float) -> Deadline:
        """Make one that ends in this many seconds, or with this one."""
        return Deadline(self.clock, min(self.at, self.clock.monotonic() + seconds))
