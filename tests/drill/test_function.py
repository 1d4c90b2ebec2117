"""Execution environments: warm, as many as calls at once, recycled."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from drill.alternatives.function import WARM, Function
from drill.alternatives.limits import Limits
from durable_ingest.testing import LambdaContext
from tests.virtual_clock import VirtualClock

LIMITS = Limits(function=10, idle=100, lifetime=1000)


class Handler:
    """Answers with its /tmp."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.closed = False

    def __call__(self, _event: dict[str, Any], context: LambdaContext) -> object:
        """Note the time that it has."""
        self.remaining = context.get_remaining_time_in_millis()
        return self.folder

    def close(self) -> None:
        """Note it."""
        self.closed = True


@pytest.fixture
def clock() -> VirtualClock:
    """Give the time."""
    return VirtualClock()


@pytest.fixture
def made() -> list[Handler]:
    """List the environments' handlers."""
    return []


@pytest.fixture
def function(tmp_path: Path, clock: VirtualClock, made: list[Handler]) -> Function:
    """Give a function."""

    def make(folder: Path) -> Handler:
        made.append(Handler(folder))
        return made[-1]

    return Function(make, LIMITS, tmp_path, now=clock.monotonic)


def test_calls_one_after_another_start_no_environment(
    function: Function, made: list[Handler]
) -> None:
    """A warm one is drawn, each time with its whole time."""
    used = {function({}) for _ in range(100)}
    assert used == {handler.folder for handler in made}
    assert {handler.remaining for handler in made} == {10_000}
    assert len(made) == WARM


def test_calls_at_once_have_an_environment_each(tmp_path: Path) -> None:
    """Of one more than are warm, one starts cold."""
    together = threading.Barrier(WARM + 1)

    def make(folder: Path) -> Any:  # noqa: ANN401  a handler
        def handler(_event: dict[str, Any], _context: LambdaContext) -> object:
            together.wait(30)
            return folder

        return handler

    function = Function(make, LIMITS, tmp_path)
    with ThreadPoolExecutor(WARM + 1) as pool:
        folders = set(pool.map(lambda _: function({}), range(WARM + 1)))
    assert len(folders) == function.meter.most_at_once == WARM + 1


def test_an_idle_environment_is_recycled_and_its_storage_with_it(
    function: Function, clock: VirtualClock, made: list[Handler]
) -> None:
    """One that works is kept."""
    clock.sleep(99)
    used = function({})
    [busy] = [handler for handler in made if handler.folder == used]
    (busy.folder / "record").touch()
    clock.sleep(1)
    assert function.folders() == [used]
    assert [handler.closed for handler in made] == [handler is not busy for handler in made]
    clock.sleep(99)
    assert function.folders() == []
    assert not busy.folder.exists()


def test_an_environment_in_use_ends_too(function: Function, clock: VirtualClock) -> None:
    """At the end of its lifetime, however often it is called."""
    first = function.folders()
    for _ in range(1000):
        clock.sleep(1)
        last = function({})
    assert last not in first


def test_seconds_are_counted_per_invocation(function: Function, clock: VirtualClock) -> None:
    """Also where the handler raises."""

    def slow(_event: dict[str, Any], _context: LambdaContext) -> object:
        clock.sleep(3)
        raise KeyError

    with pytest.raises(KeyError):
        function.meter.measured(slow)({}, LambdaContext())
    meter = function.meter
    assert (meter.seconds, meter.invocations, meter.running, meter.most_at_once) == (3, 1, 0, 1)


def test_closing_ends_all(function: Function, made: list[Handler]) -> None:
    """And removes their folders."""
    function.close()
    assert all(handler.closed for handler in made)
    assert not any(handler.folder.exists() for handler in made)
