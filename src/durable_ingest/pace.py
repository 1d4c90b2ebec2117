"""How much a poller takes on: the size of its batches, its receivers, its pauses in an outage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from durable_ingest.budget import last_hours
from durable_ingest.hand import RECEIVE
from durable_ingest.hiding import hide_seconds

if TYPE_CHECKING:
    from durable_ingest.answers import QueueSettings
    from durable_ingest.clock import Clock

MOST_ROWS: Final = 500
MOST_COMMANDS: Final = 50
"""Messages of a batch where there are commands, whose locks are held to its end."""
MOST_LOOKS: Final = MOST_ROWS // RECEIVE
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
_SHORTEST_LOOK: Final = 60.0
_LOOKS_IN_THE_LAST_HOURS: Final = 4


class BatchSize:
    """How many messages a batch may have: ten, and more as long as batches are full and clean.

    What goes wrong in a batch costs the more the larger it is.
    """

    def __init__(self, most: int) -> None:
        self.limit = RECEIVE
        self._most = most

    def after(self, messages: int, *, clean: bool) -> None:
        """Learn from a batch of so many messages: was all of it stored?"""
        if not clean:
            self.limit = RECEIVE
        elif messages > self.limit - RECEIVE:  # no further receive would have fitted
            self.limit = min(self.limit * 2, self._most)


class Gate:
    """How many receivers may be at work: one at first, and one more after each success.

    While the database is away, none: messages would only spend their receives. But what SQS is
    about to delete must be found, and its copies be made: so a look is allowed now and then, and
    looks follow at once, of more and more receives, as long as they find something.

    Args:
        receivers: how many there are.
        clock: the time, and chance.
    """

    def __init__(self, receivers: int, clock: Clock) -> None:
        self._receivers = receivers
        self._clock = clock
        self._pause = _FIRST_PAUSE
        self.open = 1
        self.proven = False
        """Whether the database has taken a batch since the connection stands."""
        self.away = False
        self.outages = 0
        self.probe_at = 0.0
        self.look_at = 0.0
        self.since = 0.0
        self._size = 1
        self._allowed = 0
        self.saved = 0
        """Messages that had to be dead-lettered because they were expiring, in this look."""
        self.looking = False
        """Whether a look is under way."""
        self.has_looked = False
        """Whether one of this outage found nothing that had to be saved."""

    def widen(self) -> None:
        """Let one more receiver work."""
        self.open = min(self.open + 1, self._receivers)

    def narrow(self) -> None:
        """Begin with one again: SQS does not take what it is told."""
        self.open = 1

    def stored(self) -> None:
        """A row was stored: forget how long the last outage was."""
        self._pause = _FIRST_PAUSE

    def prove(self) -> None:
        """The database has answered for a batch: more than one receive may be in hand."""
        self.proven = True

    def close(self) -> None:
        """Find the database away, by a batch or by a probe."""
        now = self._clock.monotonic()
        if not self.away:
            self.away = True
            self.outages += 1
            self.since = self.look_at = now
            self._size, self._allowed, self.looking, self.has_looked = 1, 0, False, False
        self.probe_at = now + self._pause * (0.5 + self._clock.jitter() / 2)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def come_back(self) -> None:
        """The database takes connections again."""
        self.away = self.looking = False
        self.open, self.saved, self.proven = 1, 0, False

    def allows(self, outstanding: int) -> int:
        """Say how many more receives may be made, where so many are outstanding."""
        if not self.away:
            return max(self.open - outstanding, 0)
        if not self.looking and self._clock.monotonic() >= self.look_at:
            self.looking, self._allowed = True, self._size
        return min(self._allowed, self._receivers - outstanding) if self.looking else 0

    def received(self) -> None:
        """Count a receive that was begun."""
        self._allowed = max(self._allowed - 1, 0)

    @property
    def look_is_out(self) -> bool:
        """Whether all receives of a look have been begun."""
        return self.looking and not self._allowed

    def looked(self, settings: QueueSettings | None) -> None:
        """End a look. If it saved nothing, the next one can wait, by what the queue allows."""
        now = self._clock.monotonic()
        saved, self.saved = self.saved, 0
        self.looking = False
        self.has_looked = not saved
        if saved:
            self._size, self.look_at = min(self._size * 2, MOST_LOOKS), now
            return
        pause = max(_SHORTEST_LOOK, hide_seconds(now - self.since))
        if settings is not None:
            pause = min(pause, last_hours(settings.retention) / _LOOKS_IN_THE_LAST_HOURS)
        self._size, self.look_at = 1, now + pause
