"""`python -m benchmarks.queue_server`: prints its endpoint's URL, ends with its input."""

import sys

from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.testing import MemoryQueueServer

LOOK_AGAIN = 0.02
"""Seconds after which a long poll that found nothing looks again."""


def main() -> None:
    """Serve queues in memory."""

    def wait(seconds: float) -> None:
        SYSTEM_CLOCK.sleep(min(seconds, LOOK_AGAIN))

    with MemoryQueueServer(SYSTEM_CLOCK.now, wait=wait) as server:
        print(server.endpoint_url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
