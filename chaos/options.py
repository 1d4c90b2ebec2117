"""What a run can be told on its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.plan import Lane, Plan

SERVERS = ("process", "container")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The settings of one run. Times are in seconds."""

    seconds: float
    """How long faults strike, unless all messages are sent earlier."""
    seed: int
    server: str | None
    rate: float
    """Writes a second, over all producers."""
    messages: int | None
    """Go on after `seconds` until so many writes were sent."""
    faults: int | None
    """Go on after `seconds` until so many faults struck."""
    gap: float
    """Seconds between two faults of a track, on average."""
    keys: int
    producers: int
    drainers: int
    drainer: str
    lanes: int
    catch_up: float
    """How long the queues may take to run empty at the end."""
    only: tuple[str, ...]
    """The faults that strike; empty: all."""
    folder: Path | None
    json: Path | None

    @property
    def lane_kinds(self) -> list[str]:
        """The kind of each lane."""
        return [("tables", "inbox")[number % 2] for number in range(self.lanes)]

    def plan(
        self,
        lanes: tuple[Lane, ...],
        *,
        function_timeout: float,
        visibility_timeout: int,
        most_waiting: int,
    ) -> Plan:
        """Make the plan of the run's processes."""
        return Plan(
            seed=self.seed,
            rate=self.rate / self.producers,
            keys=self.keys,
            producers=self.producers,
            drainers_of_lane=max(1, self.drainers // self.lanes),
            most_waiting=most_waiting,
            drainer=self.drainer,
            function_timeout=function_timeout,
            visibility_timeout=visibility_timeout,
            lanes=lanes,
        )


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; a wrong one ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--seconds", type=_above_zero, default=60.0, metavar="S",
        help="how long faults strike (default: %(default)g)")  # fmt: skip
    add("--seed", type=int, default=1, metavar="N",
        help="the same seed makes the same writes and the same faults, in order")  # fmt: skip
    add("--server", choices=SERVERS, help="a container, or a process (default: what is at hand)")
    add("--rate", type=_above_zero, default=250.0, metavar="R",
        help="writes a second, where nothing stops them (default: %(default)g)")  # fmt: skip
    add("--messages", type=_count, metavar="N", help="go on until so many writes were sent")
    add("--faults", type=_count, metavar="N", help="go on until so many faults struck")
    add("--gap", type=_above_zero, default=4.0, metavar="S",
        help="seconds between two faults of a track (default: %(default)g)")  # fmt: skip
    add("--keys", type=_count, default=200, metavar="N", help="keys of each table")
    add("--producers", type=_count, default=2, metavar="N", help="processes that send")
    add("--drainers", type=_count, default=8, metavar="N", help="processes that drain")
    add("--drainer", default="chaos.drainer", metavar="MODULE",
        help="another program to drain with: one that is broken has to be found out")  # fmt: skip
    add("--lanes", type=_count, default=4, metavar="N", help="queues, each with its own tables")
    add("--catch-up", type=_above_zero, default=600.0, metavar="S",
        help="limit for the queues to run empty at the end (default: %(default)g)")  # fmt: skip
    add("--only", nargs="+", default=(), metavar="FAULT", help="no other faults than these")
    add("--folder", type=Path, metavar="DIR",
        help="for the history and the logs (default: a new temporary directory)")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write the summary as JSON")
    given = vars(parser.parse_args(arguments))
    return Options(**given | {"only": tuple(given["only"])})


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value
