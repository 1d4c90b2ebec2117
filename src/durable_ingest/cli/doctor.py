"""`durable-ingest doctor`: what is wrong with a deployment, said for a terminal or in JSON."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Final

import click

from durable_ingest.cli.loading import load_drainer
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.doctor.asking import Asker
from durable_ingest.doctor.catalogue import CHECKS, PARTS, Severity
from durable_ingest.doctor.checkup import Choice, check_up
from durable_ingest.doctor.findings import exit_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.doctor.checkup import Checkup
    from durable_ingest.doctor.findings import Finding
    from durable_ingest.drainer import Drainer

_COLOURS: Final = {
    Severity.ERROR: "red",
    Severity.WARNING: "yellow",
    Severity.UNSEEN: "magenta",
    Severity.NOTE: "cyan",
}
_HOUR: Final = 3600
_NAMES: Final = click.Choice([*PARTS, *CHECKS])


@click.command(
    epilog="Example: durable-ingest doctor drainer:drainer --function shop-drainer",
)
@click.argument("drainer", metavar="MODULE:DRAINER", callback=load_drainer)
@click.option("--function", metavar="NAME", help="The function; else the one the queue maps to.")
@click.option(
    "--queue-url",
    metavar="URL",
    help="The queue; else the function's, or the one whose dead letters go where the drainer's do.",
)
@click.option("--region", help="AWS' region; else the queue's, or the configured one.")
@click.option(
    "--outage-hours",
    type=click.FloatRange(min=0, min_open=True),
    default=24,
    show_default=True,
    help="How long a database outage has to be survived.",
)
@click.option(
    "--only", type=_NAMES, multiple=True, metavar="CHECK", help="Only this check, or part; repeat."
)
@click.option(
    "--ignore", type=_NAMES, multiple=True, metavar="CHECK", help="Not this one; may be repeated."
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def doctor(  # noqa: PLR0913, PLR0917 - click passes each by name
    drainer: Drainer,
    function: str | None,
    queue_url: str | None,
    region: str | None,
    outage_hours: float,
    only: tuple[str, ...],
    ignore: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Check what is deployed: queues, mapping, function, database and tables.

    MODULE:DRAINER is where your code has its Drainer, such as drainer:drainer. It is imported from
    the working directory, with the environment that the function has; the database is looked at
    with the drainer's own account. Nothing is changed.

    Exit codes: 0 nothing but notes, 3 warnings or something that could not be seen, 4 errors; 2 a
    wrong option, or a drainer that cannot be imported.
    """
    setup = drainer.setup
    choice = Choice(
        queue_url=queue_url,
        function=function,
        outage=outage_hours * _HOUR,
        only=only,
        ignored=ignore,
    )
    asker = Asker(region, queue_url or setup.dead_letter_queue_url)
    done = check_up(setup, choice, asker, SYSTEM_CLOCK)
    code = exit_code(done.findings)
    if as_json:
        findings = [each.to_json() for each in done.findings]
        facts = {"looked_at": done.looked_at, "findings": findings, "exit_code": code}
        click.echo(json.dumps(facts, indent=2))
    else:
        _tell(done)
    raise SystemExit(code)


def _tell(done: Checkup) -> None:
    colour = False if os.environ.get("NO_COLOR") else None  # None: on a terminal alone
    for each in done.findings:
        click.echo(_shown(each), color=colour)
    for part, name in done.looked_at.items():
        click.echo(f"looked at {part.replace('_', ' ')}: {name}")
    click.echo(_counted(done.findings))


def _shown(finding: Finding) -> str:
    severity = finding.severity
    name = severity.name.lower()
    head = f"{name} {finding.check}: {finding.what}"
    if severity is Severity.ERROR:
        head = click.style(head, fg=_COLOURS[severity], bold=True)
    else:
        head = head.replace(name, click.style(name, fg=_COLOURS[severity]), 1)
    return f"{head}\n  costs: {finding.cost}\n  mend: {finding.remedy}\n"


def _counted(findings: Sequence[Finding]) -> str:
    counts = Counter(each.severity for each in findings)
    words = {
        Severity.ERROR: ("error", "errors"),
        Severity.WARNING: ("warning", "warnings"),
        Severity.UNSEEN: ("not seen", "not seen"),
        Severity.NOTE: ("note", "notes"),
    }
    return ", ".join(f"{counts[each]} {word[counts[each] != 1]}" for each, word in words.items())
