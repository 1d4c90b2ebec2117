"""Taking turns, and what is made of the samples: medians and their ratios."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any

Prepare = Callable[[int], Callable[[], object]]
"""Takes the round's number; gives what is to be timed. Its own work is not."""


@dataclass
class Samples:
    """What one candidate took, round by round. In seconds."""

    elapsed: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Processor time of this process, all its threads."""

    @property
    def typical(self) -> float:
        """The median of what elapsed."""
        return median(self.elapsed)

    @property
    def typical_cpu(self) -> float:
        """The median of the processor time."""
        return median(self.cpu)

    def as_json(self) -> dict[str, Any]:
        """Give medians and quartiles, in microseconds."""
        return {"rounds": len(self.elapsed), "elapsed_us": _spread(self.elapsed)} | (
            {"cpu_us": _spread(self.cpu)} if self.cpu else {}
        )


def _spread(seconds: Sequence[float]) -> list[float]:
    """Give the quartiles; of a single sample, itself three times."""
    found = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else [*seconds] * 3
    return [round(each * 1e6, 1) for each in found]


def turns(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Give each round's candidates in an order drawn for it, every second round in reverse.

    What the machine does beside it then strikes all of them, and none has always the same one
    before it, which leaves caches warm for it or cold.
    """
    order = list(names)
    for number in range(rounds):
        if number % 2:
            order.reverse()
        else:
            Random(number).shuffle(order)  # noqa: S311 - no secret
        for name in order:
            yield number, name


def alternate(
    candidates: Mapping[str, Prepare], rounds: int, *, warm_up: int = 3
) -> dict[str, Samples]:
    """Time candidates in turns; the first few rounds do not count."""
    taken = {name: Samples() for name in candidates}
    for number, name in turns(list(candidates), warm_up + rounds):
        work = candidates[name](number)
        began, cpu_began = perf_counter(), process_time()
        work()
        cpu, elapsed = process_time() - cpu_began, perf_counter() - began
        if number >= warm_up:
            taken[name].elapsed.append(elapsed)
            taken[name].cpu.append(cpu)
    return taken
