"""What is billed: how long functions ran, and how many at once."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from durable_ingest.testing import Handler, LambdaContext


class Meter:
    """Counts the invocations of one function. Thread-safe."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Start at nothing."""
        self._now = now
        self._lock = threading.Lock()
        self.seconds = 0.0
        self.invocations = 0
        self.running = 0
        self.most_at_once = 0

    @contextlib.contextmanager
    def invocation(self) -> Iterator[None]:
        """Count what happens inside as one invocation."""
        with self._lock:
            self.invocations += 1
            self.running += 1
            self.most_at_once = max(self.most_at_once, self.running)
        begin = self._now()
        try:
            yield
        finally:
            with self._lock:
                self.seconds += self._now() - begin
                self.running -= 1

    def measured(self, handler: "Handler") -> "Handler":
        """Give a handler whose invocations are counted."""

        def measured(event: dict[str, Any], context: "LambdaContext") -> object:
            with self.invocation():
                return handler(event, context)

        return measured
