"""Time and randomness: the port, and the real world's, which only this module asks for."""

import os
import random
import time
from typing import Protocol


class Clock(Protocol):
    """Where the services take time and randomness from."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; never goes back."""
        ...

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def jitter(self) -> float:
        """Draw a random number, 0 <= x < 1."""
        ...

    def unique(self) -> str:
        """Make a text that is never given twice."""
        ...


_ENTROPY = random.SystemRandom()


class SystemClock:
    """The clock that the services use unless they are given another (a `Clock`).

    Randomness comes from the operating system at each call, so that no state made at import is
    shared by the copies of a Lambda SnapStart snapshot.
    """

    def monotonic(self) -> float:
        """Seconds since some fixed point; never goes back."""
        return time.monotonic()

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def jitter(self) -> float:
        """Draw a random number, 0 <= x < 1."""
        return _ENTROPY.random()

    def unique(self) -> str:
        """Make a text that is never given twice."""
        return os.urandom(16).hex()


SYSTEM_CLOCK = SystemClock()
