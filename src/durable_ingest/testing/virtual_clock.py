"""Virtual time for tests: real time, and whatever was slept or advanced on top of it."""

from threading import Lock

from durable_ingest.clock import SystemClock


class VirtualClock(SystemClock):
    """A `durable_ingest.clock.Clock` on which waiting costs no real time.

    Real time passes on it as well, so that a server that hangs is given up when it would be.
    """

    def __init__(self) -> None:
        """Start at the real time."""
        self._lock = Lock()
        self._ahead = 0.0

    def monotonic(self) -> float:
        """Seconds since some fixed point; never goes back."""
        return super().monotonic() + self._ahead

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return super().now() + self._ahead

    def sleep(self, seconds: float) -> None:
        """Let time pass at once.

        Raises:
            ValueError: less than 0 seconds.
        """
        if seconds < 0:
            message = f"time does not go back: {seconds} s"
            raise ValueError(message)
        with self._lock:
            self._ahead += seconds
