"""API Gateway: a client is answered in time, whatever the function behind it does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from durable_ingest.clock import SYSTEM_CLOCK

GATEWAY_TIMEOUT = 504
MOST_AT_ONCE = 4000


class Gateway:
    """A handler that invokes a function, and answers 504 where that takes too long.

    As on AWS the function is not told and runs on. The event's `timeEpoch`, when the request came
    in, is set.

    Args:
        function: what is invoked.
        limit: seconds.
        now: seconds since 1970.
    """

    def __init__(
        self,
        function: Callable[[dict[str, Any], object], object],
        *,
        limit: float,
        now: Callable[[], float] = SYSTEM_CLOCK.now,
    ) -> None:
        """Keep the function."""
        self._function = function
        self._limit = limit
        self._now = now
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="function")

    def __call__(self, event: dict[str, Any], context: object) -> object:
        """Answer one request; what the function raises in time is raised."""
        context_of_request = event["requestContext"] | {"timeEpoch": int(self._now() * 1000)}
        invocation = self._pool.submit(
            self._function, event | {"requestContext": context_of_request}, context
        )
        wait([invocation], self._limit)
        return invocation.result() if invocation.done() else {"statusCode": GATEWAY_TIMEOUT}

    def close(self) -> None:
        """Wait for the functions that run on."""
        self._pool.shutdown()
