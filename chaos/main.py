"""A run as a program."""

import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from chaos import report
from chaos.checker import check
from chaos.disk import SmallDisk
from chaos.facts import read_facts
from chaos.history import read
from chaos.options import Options, parse
from chaos.rows import older_plain_rows
from chaos.run import Run
from chaos.server import provided
from chaos.stage import FUNCTION_TIMEOUT, build
from chaos.telling import tell
from durable_ingest.testing import NoDatabaseServerError
from durable_ingest.testing.provisioning import EXIT_NONE

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

WIDTH = 120


def main(arguments: Sequence[str] | None = None, *, server: "DatabaseServer | None" = None) -> int:
    """Run once; return the exit status: 0 where nothing is wrong, 1 otherwise, 3 without a server.

    Args:
        arguments: the command line without the program; by default the real one.
        server: one that runs already and stays, running and writable.
    """
    options = parse(arguments)
    command = "make chaos ARGS=" + shlex.quote(shlex.join(arguments or sys.argv[1:]))
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="durable-ingest-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    if server is not None:
        return _run(options, command, folder, server, None, console)
    try:
        with provided(options.server) as (own, disk):
            return _run(options, command, folder, own, disk, console)
    except NoDatabaseServerError as error:
        console.print(str(error), markup=False, highlight=False)
        return EXIT_NONE


def _run(  # noqa: PLR0913, PLR0917  the parts
    options: Options,
    command: str,
    folder: Path,
    server: "DatabaseServer",
    disk: SmallDisk | None,
    console: Console,
) -> int:
    def show(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    version = str(server.execute("SELECT VERSION()")[0][0]).partition("-")[0]
    name = f"{'MySQL' if server.flavour == 'mysql' else 'MariaDB'} {version}"
    show(f"{name}, seed {options.seed}; history and logs: {folder}")
    began = time.monotonic()
    with build(options, folder, server, disk) as stage:
        run = Run(options, stage, show)
        run.run()
        stored = stage.stored()
    seconds = time.monotonic() - began
    events = read(folder)
    facts = read_facts(events)
    violations = check(options.seed, facts, stored, function_timeout=FUNCTION_TIMEOUT)
    summary = report.Summary(
        command=command,
        server=name,
        seed=options.seed,
        seconds=round(seconds, 1),
        writes=len(facts.attempted),
        messages=len(facts.messages),
        acknowledged=len(facts.acknowledged),
        in_doubt=len(facts.in_doubt),
        sent_again=report.resends(events),
        invocations=len(facts.deliveries),
        deliveries=report.deliveries(facts),
        dead_letters=len(stored.dead_letters),
        older_plain_rows=older_plain_rows(options.seed, facts, stored),
        slowest_answer=report.slowest_answer(events),
        strikes=dict(run.strikes),
        hits=dict(run.hits),
        impossible=run.impossible,
        violations=report.count_violations(violations),
    )
    if options.json:
        options.json.write_text(summary.as_json() + "\n", encoding="utf-8")
    console.print(report.render(summary))
    show(command)
    for violation in violations:
        show(f"VIOLATED: {violation.kind}: {violation.key} {violation.what}")
    for line in tell(events, violations):
        show(line)
    if not summary.passed:
        show(f"FAILED with seed {options.seed}")
        return 1
    show("PASSED: nothing lost, nothing older, nothing twice")
    return 0
