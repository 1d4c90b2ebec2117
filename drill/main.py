"""The drill as a program."""

import contextlib
import io
import json
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from drill import report, table
from drill.checker import Verdict, check
from drill.comparison import compare
from drill.options import Options, parse
from drill.progress import progress
from drill.recorder import Phase, Recorder
from drill.rehearsal import Library, Rehearsal
from drill.stage import HANDLERS, Stage, build, server_name
from durable_ingest.testing import NoDatabaseServerError
from durable_ingest.testing.provisioning import EXIT_NONE

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

# Wide enough for the table where the output goes to a file.
WIDTH = 120


def main(
    arguments: Sequence[str] | None = None,
    *,
    server: "DatabaseServer | None" = None,
    handlers: Path = HANDLERS,
) -> int:
    """Run one drill; return the exit status: 0 after a success, 1 otherwise, 3 without a server.

    Args:
        arguments: the command line without the program; by default the real one.
        server: one that runs already; see `stage.build`.
        handlers: the folder of the handlers.
    """
    options = parse(arguments)
    console = _console(options)
    log = io.StringIO()
    console.print("starting a database server and a queue", highlight=False)
    recorder = Recorder()
    try:
        if options.compare:
            with _logging_to(log):
                return compare(options, console, server)
        with _logging_to(log), build(server, handlers) as stage:
            name = server_name(stage.server)
            console.print(f"server: {name}", highlight=False)
            with progress(console) as show:
                Rehearsal(options, stage, Library(stage, options.drainers), recorder, show).run()
            verdict = _verdict(stage, recorder)
    except NoDatabaseServerError as error:
        console.print(str(error), markup=False, highlight=False)
        return EXIT_NONE
    return _conclude(options, name, stage, recorder, verdict, log.getvalue(), console)


def _console(options: Options) -> Console:
    console = Console(file=sys.stderr if options.json else sys.stdout)
    return console if console.is_terminal else Console(file=console.file, width=WIDTH)


@contextlib.contextmanager
def _logging_to(log: io.StringIO) -> Iterator[None]:
    """Keep warnings out of the progress: hundreds of held batches are an outage's normal noise."""
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def _verdict(stage: Stage, recorder: Recorder) -> Verdict:
    return check(
        recorder.requests,
        stage.rows(),
        stage.dead_letters(),
        left_in_queue=stage.depth(),
        unproven=_unproven(recorder),
    )


def _unproven(recorder: Recorder) -> list[str]:
    """Say it where no write met the outage: then the drill proves nothing."""
    met = {request.phase for request in recorder.requests if request.acknowledged}
    return [
        f"no request was acknowledged while the database was {state}"
        for phase, state in ((Phase.DOWN, "down"), (Phase.READ_ONLY, "read-only"))
        if phase not in met
    ]


def _conclude(  # noqa: PLR0913, PLR0917  what is left of the drill
    options: Options,
    name: str,
    stage: Stage,
    recorder: Recorder,
    verdict: Verdict,
    log: str,
    console: Console,
) -> int:
    folder = options.report or Path(tempfile.mkdtemp(prefix="durable-ingest-drill-"))
    options = replace(options, report=folder)
    rows = table.by_phase(recorder)
    summary = report.summarise(options, name, recorder, rows, stage.deliveries, verdict)
    report.write(folder, summary, recorder, log, options)
    console.print(table.render(rows))
    console.print(
        f"{verdict.acknowledged:,} of {verdict.requests:,} requests acknowledged,"
        f" {verdict.refused} refused; {len(verdict.lost)} lost, {len(verdict.older)} older than"
        f" they should be, {len(verdict.dead_lettered)} dead-lettered,"
        f" {verdict.left_in_queue} left in the queue",
        highlight=False,
        soft_wrap=True,
    )
    for problem in verdict.problems():
        console.print(f"[bold red]FAILED[/]: {problem}", highlight=False)
    if verdict.passed:
        console.print("[bold green]PASSED[/]: every acknowledged write is in the table")
    console.print(f"report: {folder / 'timeline.png'}", soft_wrap=True, highlight=False)
    if options.json:
        print(json.dumps(summary))
    return 0 if verdict.passed else 1
