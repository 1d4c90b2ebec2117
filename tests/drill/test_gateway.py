"""API Gateway as the comparison has it."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from drill.alternatives.gateway import Gateway
from durable_ingest.testing import http_event


@contextlib.contextmanager
def gateway(
    function: Callable[[dict[str, Any], object], object], limit: float = 30.0
) -> Iterator[Gateway]:
    """Put one in front of a function, in the second 1000."""
    made = Gateway(function, limit=limit, now=lambda: 1000.0)
    with contextlib.closing(made):
        yield made


def test_an_answer_in_time_is_the_functions() -> None:
    """With the moment at which the request came in."""
    with gateway(lambda event, _: event["requestContext"]["timeEpoch"]) as front:
        assert front(http_event({}), None) == 1_000_000


def test_a_client_is_answered_504_and_the_function_runs_on() -> None:
    """To its end, which `close` waits for."""
    go_on, done = threading.Event(), []

    def function(_event: dict[str, Any], _context: object) -> object:
        assert go_on.wait(30)
        done.append(True)
        return {"statusCode": 200}

    with gateway(function, limit=0.01) as front:
        assert front(http_event({}), None) == {"statusCode": 504}
        assert done == []
        go_on.set()
    assert done == [True]


def test_what_a_function_raises_in_time_is_raised() -> None:
    """Its own TimeoutError is none of the gateway's."""

    def function(_event: dict[str, Any], _context: object) -> object:
        raise TimeoutError

    with gateway(function) as front, pytest.raises(TimeoutError):
        front(http_event({}), None)
