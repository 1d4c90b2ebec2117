"""What a drill can be told on its command line."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drill.alternatives.names import NAMES

LONGEST_READ_ONLY = 5.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """The settings of one drill. Times are in seconds."""

    rate: float
    """Requests a second, from the first second to the last."""
    customers: int
    seed: int
    normal: float
    outage: float
    """From the shutdown's beginning to the first write accepted; a slow start adds to it."""
    read_only: float
    """The last part of the outage, in which the server answers and refuses writes."""
    after: float
    """How long requests go on after the outage."""
    catch_up: float
    """How long the queue may take to run empty once the requests have ended."""
    drainers: int
    """Execution environments of the draining function."""
    report: Path | None
    json: bool
    compare: bool = False
    """Rehearse the alternatives too."""
    only: str | None = None
    """The one alternative to rehearse; None for all."""
    scale: float = 60.0
    """How many seconds one second of the comparison stands for."""

    @property
    def clients(self) -> int:
        """How many threads send requests: enough that none waits for an answer of 100 ms.

        In a comparison each customer has its own: there answers take as long as a gateway lets
        them, and nobody waits for another customer's.
        """
        return self.customers if self.compare else max(2, min(32, round(self.rate / 10)))

    @property
    def last_due(self) -> float:
        """From when on nothing more is due; a comparison sends to all the same requests."""
        return self.normal + self.outage + self.after if self.compare else math.inf


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; a wrong one ends the program with status 2."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.read_only is None:
        given.read_only = min(LONGEST_READ_ONLY, given.outage / 4)
    if given.read_only > given.outage:
        parser.error("--read-only is a part of --outage and cannot be longer")
    return Options(**vars(given))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drill",
        description="Rehearse a database upgrade under load. The exit status is 0 only if every"
        " acknowledged write is in the table at its latest value, no message was dead-lettered,"
        " and the queue is empty.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--rate", type=_above_zero, default=50.0, metavar="N", help="requests a second")
    add("--customers", type=_count, default=200, metavar="N", help="customers that change")
    add("--outage", type=_above_zero, default=20.0, metavar="S", help="seconds without a writer")
    add("--seed", type=int, default=1, metavar="N", help="the same seed makes the same changes")
    add("--report", type=Path, metavar="DIR", help="for summary.json, history.jsonl, timeline.png"
        " (default: a new temporary directory)")  # fmt: skip
    add("--json", action="store_true", help="print one JSON object; progress goes to stderr")
    add("--compare", action="store_true", help="give the same requests and outage to what could be"
        " used instead, one after the other")  # fmt: skip
    add("--only", choices=NAMES, help="with --compare: rehearse this one alone")
    add("--scale", type=_above_zero, default=60.0, metavar="N", help="with --compare: what a second"
        " stands for, in seconds; AWS' limits are divided by it")  # fmt: skip
    lengths = parser.add_argument_group("lengths, in seconds")
    lengths.add_argument("--normal", type=_seconds, default=10.0, metavar="S",
                         help="requests before the outage")  # fmt: skip
    lengths.add_argument("--read-only", type=_seconds, metavar="S",
                         help="last part of it (default: a quarter, at most 5)")  # fmt: skip
    lengths.add_argument("--after", type=_seconds, default=5.0, metavar="S",
                         help="requests after the outage")  # fmt: skip
    lengths.add_argument("--catch-up", type=_seconds, default=75.0, metavar="S",
                         help="limit for the queue to run empty")  # fmt: skip
    add("--drainers", type=_count, default=4, metavar="N", help="draining functions at once")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def _above_zero(text: str) -> float:
    value = _seconds(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value
