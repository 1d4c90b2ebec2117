"""Deadlines on a clock that is moved by hand."""

from durable_ingest.deadline import Deadline
from tests.virtual_clock import VirtualClock


def test_a_deadline_counts_down() -> None:
    """Its last moment is past it, and something without length still fits in."""
    clock = VirtualClock()
    deadline = Deadline.after(clock, 2.0)
    assert (deadline.remaining(), deadline.passed()) == (2.0, False)
    assert deadline.allows(2.0)
    assert not deadline.allows(2.5)
    clock.elapsed = 2.0
    assert (deadline.remaining(), deadline.passed()) == (0.0, True)
    clock.elapsed = 3.0
    assert deadline.remaining() == -1.0


def test_others_are_made_of_it() -> None:
    """Earlier by some seconds, or in some seconds and never later."""
    deadline = Deadline.after(VirtualClock(), 5.0)
    assert deadline.earlier(2.0).remaining() == 3.0
    assert deadline.sooner_of(1.0).remaining() == 1.0
    assert deadline.sooner_of(9.0).remaining() == 5.0
