"""How the time of a call is divided."""

import pytest

from durable_ingest.deadline import call_limit, limits
from durable_ingest.testing import LambdaContext
from tests.virtual_clock import VirtualClock


@pytest.mark.parametrize(
    ("seconds", "call", "left"),
    [
        (0.5, 0.4, 0),
        (3, 0.4, 1.0),
        (5, 0.4, 2.4),
        (10, 1.0, 5.0),
        (30, 3.0, 17.0),
        (900, 3.0, 887.0),
    ],
)
def test_time_is_left_for_four_calls(seconds: float, call: float, left: float) -> None:
    """And half of it for the database, where it is too little for both."""
    clock = VirtualClock()
    found = limits(LambdaContext(seconds, clock.monotonic), 1.0, clock)
    assert found.call == call
    assert found.deadline.remaining() == pytest.approx(max(seconds - 1, 0))
    assert found.database.remaining() == pytest.approx(left)
    for_sqs = found.deadline.at - found.database.at
    assert found.deadline.at - found.keeping.at == pytest.approx(min(2 * call, for_sqs / 2))


def test_without_a_context_there_is_a_minute() -> None:
    """As in a test, or on a server of one's own."""
    assert limits(None, 1.0, VirtualClock()).deadline.remaining() == pytest.approx(59)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, 0.4), (0.99, 0.4), (1, 1.0), (2.9, 1.0), (50, 3.0)]
)
def test_a_calls_limit_is_one_of_three(seconds: float, expected: float) -> None:
    """The longest that fits, or the shortest."""
    assert call_limit(seconds) == expected
