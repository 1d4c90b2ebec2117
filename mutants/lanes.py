"""Trials side by side, each lane with a copy of the project and a database server of its own."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TypeVar

from durable_ingest.testing import provision
from durable_ingest.testing.provisioning import ADMIN_URL, SERVER, URL
from mutants import trial
from mutants.planted import Planted
from mutants.trial import Trial

LANES = 2
T = TypeVar("T")


@dataclass(frozen=True)
class Lane:
    """A place in which one trial runs at a time."""

    tree: Path
    environment: dict[str, str] = field(default_factory=dict)

    def sound(self, tests: Sequence[str]) -> Trial:
        """Run tests without any fault."""
        return trial.run(self.tree, tests, self.environment, limit=trial.LIMIT * 5)

    def try_fault(self, fault: Planted) -> Trial:
        """Run a fault's tests with the fault in place."""
        with fault.planted(self.tree):
            return trial.run(self.tree, fault.tests, self.environment)


@contextmanager
def lanes(*, database: bool) -> Iterator[list[Lane]]:
    """Open the lanes. A server that is given by its URL is changed by one test at a time.

    Args:
        database: the tests need a server.
    """
    given = URL in os.environ
    with ExitStack() as stack:
        made = []
        for _ in range(1 if given else LANES):
            tree = Path(stack.enter_context(TemporaryDirectory(prefix="durable-ingest-mutants-")))
            trial.copy(tree)
            environment = {}
            if database and not given:
                server = stack.enter_context(closing(provision()))
                environment = {URL: server.url, ADMIN_URL: server.admin_url, SERVER: ""}
            made.append(Lane(tree.resolve(), environment))
        yield made


def each(lanes: Sequence[Lane], jobs: Sequence[Callable[[Lane], T]]) -> Iterator[T]:
    """Do jobs in whichever lane is free; give their results in the order of the jobs."""
    free: SimpleQueue[Lane] = SimpleQueue()
    for lane in lanes:
        free.put(lane)

    def do(job: Callable[[Lane], T]) -> T:
        lane = free.get()
        try:
            return job(lane)
        finally:
            free.put(lane)

    with ThreadPoolExecutor(len(lanes)) as pool:
        yield from pool.map(do, jobs)
