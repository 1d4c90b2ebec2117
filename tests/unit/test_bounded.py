"""A time limit for what knows none: whose answer comes, who is left behind."""

import threading

import pytest

from durable_ingest import bounded
from durable_ingest.bounded import run_within


def test_an_answer_or_an_error_comes_through() -> None:
    """As if it had been called."""
    assert run_within(30.0, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        run_within(30.0, lambda: 1 // 0)


def test_operations_in_turn_share_threads() -> None:
    """To start one takes longer than many a request."""
    threads = {run_within(30.0, threading.current_thread) for _ in range(50)}
    assert threading.current_thread() not in threads
    assert len(threads) < 10


def test_nobody_waits_behind_an_operation_that_hangs() -> None:
    """Its thread is left alone until it ends."""
    ends = threading.Event()
    with pytest.raises(TimeoutError):
        run_within(0.01, lambda: ends.wait(60))
    for _ in range(10):
        assert run_within(30.0, lambda: 7) == 7
    ends.set()


def test_a_thread_that_is_no_more_is_not_chosen() -> None:
    """As in a forked process, to which none comes along."""
    bounded._IDLE.append(bounded._Helper())
    assert run_within(30.0, lambda: 7) == 7
