"""Alternative B: retrying inside the function. And today's direct write."""

import math
from itertools import accumulate
from typing import Any

import pytest

from drill.alternatives.direct import DirectHandler
from drill.alternatives.limits import Limits
from drill.alternatives.retrying import RESERVE, RetryingHandler
from durable_ingest.testing import LambdaContext, http_event
from tests.drill.fake_writer import FakeWriter, row
from tests.virtual_clock import VirtualClock

EVENT = http_event({"customer_id": "a", "revision": 1, "email": "a@example.com", "name": "a"})
EVENT["requestContext"]["timeEpoch"] = 1000


def retrying(writer: FakeWriter, clock: VirtualClock) -> RetryingHandler:
    """Make a handler that pauses for at most 60 s."""
    handler = RetryingHandler("mysql://a@127.0.0.1/b", Limits(longest_pause=60), clock=clock)
    handler._writer = writer
    return handler


def ask(handler: RetryingHandler, clock: VirtualClock) -> Any:  # noqa: ANN401  JSON
    """Invoke it for 900 s."""
    return handler(EVENT, LambdaContext(900, clock.monotonic))


def test_a_write_is_tried_until_it_is_done() -> None:
    """With pauses that grow, and the connection given back at the end."""
    writer, clock = FakeWriter(refusals=3), VirtualClock(jitter=0.5)
    assert ask(retrying(writer, clock), clock)["statusCode"] == 200
    assert writer.written == [[row("a", 1)]]
    assert clock.waits == pytest.approx([0.025, 0.05, 0.1])
    assert writer.closed == 1


def test_a_write_that_succeeds_at_once_keeps_its_connection() -> None:
    """For the next one."""
    writer, clock = FakeWriter(), VirtualClock()
    assert ask(retrying(writer, clock), clock)["statusCode"] == 200
    assert (clock.waits, writer.closed) == ([], 0)


def test_the_functions_limit_ends_it() -> None:
    """With 503, in time; no pause is longer than it may be."""
    writer, clock = FakeWriter(refusals=math.inf), VirtualClock(jitter=0.99)
    assert ask(retrying(writer, clock), clock)["statusCode"] == 503
    assert 900 - 60 - RESERVE < clock.elapsed <= 900 - RESERVE
    assert 59 < max(clock.waits) <= 60


def test_pauses_are_short_while_the_client_is_there() -> None:
    """A tenth of the gateway's time; so whoever can be answered is."""
    writer, clock = FakeWriter(refusals=math.inf), VirtualClock(jitter=0.99)
    ask(retrying(writer, clock), clock)
    ends = list(accumulate(clock.waits))
    begins = [0.0, *ends]
    early = [wait for begin, wait in zip(begins, clock.waits, strict=False) if begin < 29]
    assert len(early) > 10
    assert max(early) <= 2.9


@pytest.mark.parametrize(("refusals", "status"), [(0, 200), (1, 503)])
def test_a_direct_write_is_tried_once(refusals: int, status: int) -> None:
    """And answered as it went."""
    handler = DirectHandler("mysql://a@127.0.0.1/b", timeout=1)
    handler._writer = FakeWriter(refusals)
    answer: Any = handler(EVENT, LambdaContext())
    assert answer["statusCode"] == status
