"""When which fault strikes: the same seed gives the same faults in the same order.

Each track strikes one fault after another; the tracks run side by side.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A fault as the schedule sees it. Times are seconds."""

    shortest: float
    longest: float
    weight: int = 1
    """How often it comes, beside the other faults of its track."""


@dataclass(frozen=True)
class Strike:
    """One fault that is to strike."""

    fault: str
    gap: float
    """Seconds of peace before it."""
    seconds: float
    """How long it lasts."""
    seed: int
    """For whatever the fault leaves to chance."""

    def chance(self) -> random.Random:
        """Give the fault's own randomness."""
        return random.Random(self.seed)  # noqa: S311  has to repeat, not to be secret


def strikes(seed: int, track: str, kinds: Mapping[str, Kind], *, gap: float) -> Iterator[Strike]:
    """Give the faults of one track, without end.

    Every fault of the track comes once, in an order by chance, before chance alone decides.

    Args:
        seed: the run's.
        track: the track's name.
        kinds: its faults by name.
        gap: seconds of peace between two faults, on average.
    """
    chance = random.Random(f"{seed} {track}")  # noqa: S311  has to repeat, not to be secret
    names = sorted(kinds)
    first = chance.sample(names, len(names))
    weights = [kinds[name].weight for name in names]
    while True:
        name = first.pop() if first else chance.choices(names, weights)[0]
        kind = kinds[name]
        yield Strike(
            fault=name,
            gap=chance.uniform(0.5, 1.5) * gap,
            seconds=chance.uniform(kind.shortest, kind.longest),
            seed=chance.randrange(2**32),
        )
