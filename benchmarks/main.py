"""The benchmarks as a program."""

import json
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import backlogs, cold_starts, enqueueing, growing, inboxes, memory, warm_batches
from benchmarks.charts import draw, links
from benchmarks.children import child
from benchmarks.machine import describe
from benchmarks.options import SECTIONS, Options, parse
from benchmarks.report import Section, as_json, into_page, tables
from drill.environment import variables
from durable_ingest.testing import NoDatabaseServerError, fresh_database, provision
from durable_ingest.testing.provisioning import EXIT_NONE

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return the exit status: 0, or 3 without a database server.

    Args:
        arguments: the command line without the program; by default the real one.
    """
    given = sys.argv[1:] if arguments is None else arguments
    options = parse(given)
    try:
        with closing(provision(control=False)) as server, variables():
            machine = describe(server)
            sections = list(_sections(options, server))
    except NoDatabaseServerError as error:
        print(error, file=sys.stderr)
        return EXIT_NONE
    command = made_by(given)
    report = as_json(command, machine, _told(options), sections)
    pictures = links(list(report["sections"]))
    _write(options, report, tables(command, machine, sections, pictures))
    return 0


def made_by(arguments: Sequence[str]) -> str:
    """Give the command of a run; where its tables go is no part of it."""
    left = list(arguments)
    for option in ("--page", "--report"):
        if option in left:
            place = left.index(option)
            del left[place : place + 2]
    return f'make bench ARGS="{shlex.join(left)}"' if left else "make bench"


def _write(options: Options, report: dict[str, Any], text: str) -> None:
    folder = options.report or Path(tempfile.mkdtemp(prefix="durable-ingest-benchmarks-"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (folder / "tables.md").write_text(text, encoding="utf-8")
    draw(report["sections"], folder)
    if options.page is not None:
        draw(report["sections"], options.page.parent)
        page = options.page.read_text(encoding="utf-8")
        options.page.write_text(into_page(page, text), encoding="utf-8")
    out = sys.stderr if options.json else sys.stdout
    print(text, f"report: {folder / 'figures.json'}", sep="\n", file=out)
    if options.json:
        print(json.dumps(report))


def _told(options: Options) -> dict[str, Any]:
    """Give the options as JSON has them."""
    paths = {
        "pythons": [str(python) for python in options.pythons],
        "report": options.report and str(options.report),
        "page": options.page and str(options.page),
    }
    return asdict(options) | paths


def _sections(options: Options, server: "DatabaseServer") -> Iterator[Section]:
    for name in SECTIONS:
        if name in options.only:
            print(f"measuring {name}", file=sys.stderr, flush=True)
            yield from MEASURES[name](options, server)


def _batches(options: Options, server: "DatabaseServer") -> list[Section]:
    return [warm_batches.measure(fresh_database(server), options.rounds)]


def _enqueueing(options: Options, _: "DatabaseServer") -> list[Section]:
    with child("queue_server") as endpoint:
        return [enqueueing.measure(endpoint, 5 * options.rounds)]


def _cold_starts(options: Options, _: "DatabaseServer") -> list[Section]:
    return [cold_starts.measure(options.pythons, options.starts)]


def _backlogs(options: Options, server: "DatabaseServer") -> list[Section]:
    with child("queue_server") as endpoint:
        return [backlogs.measure(fresh_database(server), endpoint, options)]


def _growth(options: Options, server: "DatabaseServer") -> list[Section]:
    url, control, polled = (fresh_database(server) for _ in range(3))
    return [
        growing.measure(url, control, options.growth, 5 * options.rounds),
        memory.measure(polled, options.growth),
    ]


def _inbox(options: Options, server: "DatabaseServer") -> list[Section]:
    return inboxes.measure(server, options.inbox, 5 * options.rounds)


MEASURES: Final[dict[str, "Callable[[Options, DatabaseServer], list[Section]]"]] = dict(
    zip(
        SECTIONS,
        (_batches, _enqueueing, _cold_starts, _backlogs, _growth, _inbox),
        strict=True,
    )
)
