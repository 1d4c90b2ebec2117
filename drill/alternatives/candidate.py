"""One way to get writes into the database, set up for a rehearsal."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from drill.alternatives.function import Function
from drill.alternatives.gateway import Gateway
from drill.alternatives.limits import Limits
from drill.alternatives.meter import Meter

if TYPE_CHECKING:
    from drill.stage import Stage
    from durable_ingest.testing import Handler


@dataclass(frozen=True)
class Setting:
    """What each candidate is set up with."""

    stage: "Stage"
    limits: Limits
    folder: Path
    seed: int
    drainers: int


@dataclass
class Candidate:
    """What a rehearsal needs to know of it."""

    gateway: Gateway
    function: Function
    """The one behind the gateway."""
    meters: Sequence[Meter] = ()
    """Those of its other functions."""
    behind: Callable[[], AbstractContextManager[object]] = field(default=nullcontext)
    """Runs what works behind the function."""
    waiting: Callable[[], int] = field(default=lambda: 0)
    """Writes that were accepted and are not in the database yet."""

    def producer(self) -> "Handler":
        """Give what the clients' requests go to."""
        return self.gateway

    def background(self) -> AbstractContextManager[object]:
        """Run what works behind it."""
        return self.behind()

    def depth(self) -> int:
        """Count what is under way."""
        return self.waiting() + self.function.meter.running

    def function_seconds(self) -> float:
        """Give what is billed."""
        return sum(meter.seconds for meter in (self.function.meter, *self.meters))


@contextlib.contextmanager
def behind_a_gateway(
    setting: Setting, make: "Callable[[Path], Handler]"
) -> Iterator[tuple[Gateway, Function]]:
    """Put a function behind API Gateway; at the end wait for it, and end its environments."""
    function = Function(make, setting.limits, setting.folder / "functions", seed=setting.seed)
    gateway = Gateway(function, limit=setting.limits.gateway)
    try:
        yield gateway, function
    finally:
        gateway.close()
        function.close()
