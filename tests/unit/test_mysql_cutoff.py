"""Lines are cut at their deadlines, by one thread for all of them."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Final

import pytest

from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.deadline import Deadline
from durable_ingest.mysql.cutoff import Cutoff, Line
from durable_ingest.testing import VirtualClock, eventually

LATER: Final = 3600.0
SOON: Final = 0.02


class Wire:
    """A line, and the socket at its other end."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.line = Line(near)
        self._far = far

    @property
    def is_open(self) -> bool:
        """Whether the other end could still be sent something."""
        try:
            return self._far.recv(1) != b""
        except BlockingIOError:
            return True


@pytest.fixture
def wires() -> Iterator[list[Wire]]:
    """Give two wires."""
    with ExitStack() as stack:
        made = []
        for _ in range(2):
            near, far = (stack.enter_context(closing(each)) for each in socket.socketpair())
            far.settimeout(0)
            made.append(Wire(near, far))
            stack.callback(made[-1].line.close)
        yield made


def after(seconds: float) -> Deadline:
    """Give a deadline by the real clock."""
    return Deadline.after(SYSTEM_CLOCK, seconds)


def threads() -> int:
    """Count the threads that watch deadlines."""
    return sum(thread.name == "durable-ingest-cutoff" for thread in threading.enumerate())


def test_a_line_is_cut_once_its_deadline_has_passed(wires: list[Wire]) -> None:
    """Whatever its connection is doing."""
    with Cutoff(after(SOON)) as cutoff:
        cutoff.guard(wires[0].line)
        eventually(lambda: not wires[0].is_open)


def test_a_line_that_comes_after_the_deadline_is_cut_at_once(wires: list[Wire]) -> None:
    """A connection that was long in the making is not used any more."""
    first, second = wires
    with Cutoff(after(0)) as cutoff:
        cutoff.guard(first.line)
        eventually(lambda: not first.is_open)
        cutoff.guard(second.line)
        assert not second.is_open


def test_a_sooner_deadline_does_not_wait_for_a_later_one(wires: list[Wire]) -> None:
    """The thread sleeps until the later one when the sooner one comes."""
    patient, hasty = wires
    with Cutoff(after(LATER)) as later, Cutoff(after(SOON)) as sooner:
        later.guard(patient.line)
        sooner.guard(hasty.line)
        eventually(lambda: not hasty.is_open)
        assert patient.is_open


def test_a_later_deadline_is_met_though_the_thread_slept_for_one_that_ended(
    wires: list[Wire],
) -> None:
    """It wakes for the first, finds it ended, and goes on to the second."""
    ended, guarded = wires
    with Cutoff(after(SOON)) as first:
        first.guard(ended.line)
    with Cutoff(after(2 * SOON)) as second:
        second.guard(guarded.line)
        eventually(lambda: not guarded.is_open)
    assert ended.is_open


def test_many_share_one_thread() -> None:
    """A batch does not start one."""
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(Cutoff(after(LATER)))
        eventually(lambda: threads() == 1)


def test_real_time_counts_where_a_clock_stands_still(wires: list[Wire]) -> None:
    """A socket that hangs does so in real time."""
    clock = VirtualClock()
    with Cutoff(Deadline(clock, clock.monotonic() + SOON)) as cutoff:
        cutoff.guard(wires[0].line)
        eventually(lambda: not wires[0].is_open)


FORKED: Final = """
import os, signal
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.deadline import Deadline
from durable_ingest.mysql import cutoff

def within(seconds):
    return cutoff.Cutoff(Deadline.after(SYSTEM_CLOCK, seconds))

with within(3600):
    cutoff._WATCH._lock.acquire()  # as where another thread is just at it
    child = os.fork()
    if not child:
        signal.alarm(20)
        with within(3600), within(0.01) as late:
            while not late._over:
                os.sched_yield()
        os._exit(0 if len(cutoff._WATCH._due) == 0 else 1)
    cutoff._WATCH._lock.release()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_a_watch_of_its_own() -> None:
    """It neither waits for its parent's threads nor cuts its parent's lines."""
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own program
    assert ran.stdout.strip() == "0"
