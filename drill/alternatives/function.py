"""A Lambda function: an execution environment for each call at once, kept warm, then recycled."""

import random
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drill.alternatives.limits import Limits
from drill.alternatives.meter import Meter
from durable_ingest.testing import LambdaContext

if TYPE_CHECKING:
    from durable_ingest.testing import Handler

WARM = 4
"""Environments that are there before the first request."""


@dataclass
class Environment:
    """One execution environment."""

    handler: "Handler"
    folder: Path
    """Its /tmp: nobody else's, and gone with it."""
    ends: float
    idle_since: float

    def close(self) -> None:
        """Recycle it."""
        close = getattr(self.handler, "close", None)
        if close is not None:
            close()
        shutil.rmtree(self.folder)


class Function:
    """A function that the gateway, or a schedule, invokes.

    Which of the idle environments is used is drawn: AWS does not say.

    Args:
        make: starts an environment, that is makes its handler; is given its /tmp. A handler with
            a method `close` has it called at the end.
        limits: the function's time, and how long environments are kept.
        root: for the environments' folders.
        seed: decides on that, and on the age that the first environments have.
        now: seconds on some clock.
    """

    def __init__(
        self,
        make: "Callable[[Path], Handler]",
        limits: Limits,
        root: Path,
        *,
        seed: int = 1,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the warm environments."""
        self.meter = Meter(now)
        self._make = make
        self._limits = limits
        self._root = root
        self._now = now
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._idle: list[Environment] = []
        self._busy: list[Environment] = []
        self._chance = random.Random(seed)  # noqa: S311  has to repeat, not to be secret
        for _ in range(WARM):
            self._idle.append(self._start(limits.lifetime * (1 - self._chance.random())))

    def __call__(self, event: dict[str, Any], _context: object = None) -> object:
        """Invoke it; what the handler raises is raised."""
        environment = self._take()
        try:
            with self.meter.invocation():
                return environment.handler(event, LambdaContext(self._limits.function, self._now))
        finally:
            self._give_back(environment)

    def folders(self) -> list[Path]:
        """Give the folders of the environments that live."""
        self.recycle()
        with self._lock:
            return [environment.folder for environment in [*self._idle, *self._busy]]

    def recycle(self) -> None:
        """End the environments whose time is over; one at work goes on until it has answered."""
        now = self._now()
        with self._lock:
            over = [
                environment
                for environment in self._idle
                if now >= environment.ends or now - environment.idle_since >= self._limits.idle
            ]
            self._idle = [environment for environment in self._idle if environment not in over]
        for environment in over:
            environment.close()

    def close(self) -> None:
        """End all environments that are idle."""
        with self._lock:
            over, self._idle = self._idle, []
        for environment in over:
            environment.close()

    def _start(self, lifetime: float) -> Environment:
        folder = self._root / f"environment-{next(self._numbers)}"
        folder.mkdir(parents=True)
        now = self._now()
        return Environment(self._make(folder), folder, ends=now + lifetime, idle_since=now)

    def _take(self) -> Environment:
        self.recycle()
        environment = None
        with self._lock:
            if self._idle:
                environment = self._idle.pop(self._chance.randrange(len(self._idle)))
                self._busy.append(environment)
        if environment is None:
            environment = self._start(self._limits.lifetime)
            with self._lock:
                self._busy.append(environment)
        return environment

    def _give_back(self, environment: Environment) -> None:
        with self._lock:
            environment.idle_since = self._now()
            self._busy.remove(environment)
            self._idle.append(environment)
