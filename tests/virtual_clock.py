"""A clock that stands still until somebody waits on it."""

import itertools


class VirtualClock:
    """Implements `ports.Clock`: waiting only moves its hands.

    `waits` lists every sleep, in seconds.
    """

    def __init__(self, jitter: float = 0.5) -> None:
        self.elapsed = 0.0
        self.waits: list[float] = []
        self._jitter = jitter
        self._numbers = itertools.count(1)

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return self.elapsed

    def now(self) -> float:
        """Seconds since 1970; it was made in November 2023."""
        return 1_700_000_000.0 + self.elapsed

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.elapsed += seconds

    def jitter(self) -> float:
        """Give always the same number."""
        return self._jitter

    def unique(self) -> str:
        """Count."""
        return f"unique-{next(self._numbers)}"
