"""B: the function tries again until its own time is over."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from drill.alternatives.candidate import Candidate, Setting, behind_a_gateway
from drill.alternatives.limits import Limits
from drill.alternatives.writer import REFUSED, WRITTEN, Row, UnavailableError, Writer
from durable_ingest.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from durable_ingest.testing import LambdaContext

SHORTEST_PAUSE = 0.05
RESERVE = 0.1
"""Seconds of the function's time in which no attempt begins."""


class RetryingHandler:
    """Tries, waits, tries: exponential backoff with full jitter.

    Pauses stay short while there is a client to be answered, and grow when only the write is left.
    After an outage it gives its connection back: hundreds of functions wake up together, and the
    server has so many to give.

    Args:
        url: the database.
        limits: how long it waits for the server, and between two attempts.
        clock: time and randomness.
    """

    def __init__(self, url: str, limits: Limits, *, clock: Clock = SYSTEM_CLOCK) -> None:
        """Open nothing."""
        self._writer = Writer(url, timeout=limits.patience)
        self._limits = limits
        self._clock = clock

    def __call__(self, event: dict[str, Any], context: "LambdaContext") -> object:
        """Answer 200 once the row is committed, 503 where the function's time is over first."""
        row = Row.of(event)
        attempt = 0
        while not self._try(row):
            remaining = context.get_remaining_time_in_millis() / 1000
            longest = self._limits.pause_after(self._limits.function - remaining)
            pause = min(longest, SHORTEST_PAUSE * 2**attempt) * self._clock.jitter()
            if remaining < pause + RESERVE:
                return REFUSED
            self._clock.sleep(pause)
            attempt += 1
        if attempt:
            self._writer.close()
        return WRITTEN

    def _try(self, row: Row) -> bool:
        try:
            self._writer.write([row])
        except UnavailableError:
            return False
        return True

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


@contextlib.contextmanager
def candidate(setting: Setting) -> Iterator[Candidate]:
    """Put it behind a gateway."""
    url, limits = setting.stage.url, setting.limits
    with behind_a_gateway(setting, lambda _: RetryingHandler(url, limits)) as (
        gateway,
        function,
    ):
        yield Candidate(gateway, function)
