"""Chance: which fault strikes where, as a schedule's plan allows, until all heals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.scheduler import KilledError

if TYPE_CHECKING:
    from tests.simulation.connection import Connection
    from tests.simulation.history import Invocation
    from tests.simulation.plan import Plan
    from tests.simulation.scheduler import Scheduler


@dataclass
class Process:
    """What can be paused and killed: a drainer's environment, or a producer."""

    name: str
    invocation: Invocation | None = None
    connections: list[Connection] = field(default_factory=list)
    dead: bool = False


class Faults:
    """Draws what happens.

    Args:
        plan: how often each fault strikes.
        scheduler: the time, and the seed's randomness.
    """

    def __init__(self, plan: Plan, scheduler: Scheduler) -> None:
        self._plan = plan
        self._scheduler = scheduler
        self.seen: Counter[str] = Counter()
        self.trace: list[tuple[float, str, str]] = []
        self.queue_away = False

    @property
    def healed(self) -> bool:
        """Whether the time of faults is over."""
        return self._scheduler.now >= self._plan.heals_at

    def strikes(self, name: str) -> bool:
        """Say whether a fault strikes here and now."""
        rate = self._plan.rates.get(name, 0.0)
        if rate == 0.0 or self.healed or self._scheduler.random.random() >= rate:
            return False
        self.note(name)
        return True

    def note(self, name: str, more: str = "") -> None:
        """Count something, and keep it for the trace."""
        self.seen[name] += 1
        self.tell(f"{name} {more}".rstrip())

    def tell(self, what: str) -> None:
        """Keep something for the trace."""
        self.trace.append((self._scheduler.now, self._scheduler.current.name, what))

    def latency(self) -> float:
        """Draw how long a packet takes."""
        return self._scheduler.random.uniform(0.0005, 0.02)

    def long(self) -> float:
        """Draw how long something that is late takes."""
        return self._scheduler.random.choice((0.5, 1.5, 4.0, 11.0, 25.0))

    def point(self, process: Process) -> None:
        """Pause or kill a process between two steps of its.

        Raises:
            KilledError: it is killed.
        """
        if self.strikes("pause"):
            if process.invocation is not None:
                process.invocation.stopped = True
            self._scheduler.sleep(self._scheduler.random.choice((3.0, 20.0, 70.0, 200.0, 700.0)))
        if self.strikes("kill"):
            process.dead = True
            if process.invocation is not None:
                process.invocation.stopped = True
            raise KilledError
