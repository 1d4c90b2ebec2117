"""Events and contexts by fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_ingest.testing.events import (
    LambdaContext,
    http_event,
    rest_event,
    sqs_event,
    sqs_record,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class ContextMaker(LambdaContext):
    """A context of 30 s, and, called, a maker of others on the same clock.

    It is one invocation's: where a test lets time pass, the next one needs another.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """Start the countdown."""
        super().__init__(now=now)
        self._clock = now

    def __call__(self, timeout: float = 30.0) -> LambdaContext:
        """Make a context of `timeout` seconds."""
        return LambdaContext(timeout, self._clock)


class EventBuilders:
    """The builders of `durable_ingest.testing`, under shorter names."""

    http = staticmethod(http_event)
    rest = staticmethod(rest_event)
    sqs = staticmethod(sqs_event)
    record = staticmethod(sqs_record)
