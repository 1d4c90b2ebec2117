"""What a run can be told on its command line."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SECTIONS: Final = ("batches", "enqueueing", "cold-starts", "backlogs", "growth", "inbox")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The settings of one run."""

    rounds: int
    starts: int
    backlog: int
    backlogs: int
    receivers: int
    growth: int
    inbox: int
    pythons: list[Path]
    only: list[str]
    report: Path | None
    page: Path | None
    json: bool


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; a wrong one ends the program with status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time durable_ingest beside what one would otherwise write. The exit status is"
        " 0 also where a ratio misses its bound: that is reported.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--rounds",
        type=_count,
        default=100,
        metavar="N",
        help="batches and calls of each candidate",
    )
    add("--starts", type=_count, default=15, metavar="N", help="cold starts of each candidate")
    add("--backlog", type=_fives, default=5_000, metavar="N", help="messages to poll")
    add("--backlogs", type=_count, default=3, metavar="N", help="backlogs of each candidate")
    add("--receivers", type=_count, default=2, metavar="N", help="threads that receive")
    add("--growth", type=_power, default=100_000, metavar="N", help="messages to grow to")
    add("--inbox", type=_count, default=1_000_000, metavar="N", help="messages in the full inbox")
    add("--python", type=Path, action="append", dest="pythons", metavar="FILE",
        help="interpreter for cold starts, which has the dependencies; may be repeated (default:"
        " this one)")  # fmt: skip
    add("--only", choices=SECTIONS, action="append", help="this part alone; may be repeated")
    add("--report", type=Path, metavar="DIR", help="for tables.md and figures.json"
        " (default: a new temporary directory)")  # fmt: skip
    add("--page", type=Path, metavar="FILE", help="page to put the tables into, between its marks")
    add("--json", action="store_true", help="print one JSON object; tables go to stderr")
    given = parser.parse_args(arguments)
    given.pythons = given.pythons or [Path(sys.executable)]
    given.only = given.only or list(SECTIONS)
    return Options(**vars(given))


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _fives(text: str) -> int:
    value = _count(text)
    if value % 5:
        raise argparse.ArgumentTypeError(
            "must be a multiple of 5: each customer is changed so often"
        )
    return value


def _power(text: str) -> int:
    value = _count(text)
    if value < 10_000 or set(text[1:]) != {"0"} or text[0] != "1":  # noqa: PLR2004 - two sizes
        raise argparse.ArgumentTypeError("must be 10000, 100000, 1000000 and so on")
    return value
