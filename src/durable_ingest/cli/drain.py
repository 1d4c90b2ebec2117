"""`durable-ingest drain`: the poll loop as a command, for containers."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from durable_ingest.cli.loading import load_drainer
from durable_ingest.cli.stopping import stopping
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.errors import DurableIngestError

if TYPE_CHECKING:
    from durable_ingest.drainer import Drainer
    from durable_ingest.report import PollReport

_EVERY: Final = 30.0
"""Seconds between lines of progress where nobody watches a terminal."""
LEFT: Final = 1
WRONG: Final = 2


@click.command(
    epilog="""Example: durable-ingest drain drainer:drainer
    --queue-url https://sqs.eu-west-1.amazonaws.com/123456789012/writes.fifo

    \b
    Exit codes: 0 all is well; 1 it ended with the database away, or with --until-empty with
    messages left in the queue; 2 the call, the drainer or its permissions are wrong; 128 and the
    signal's number at the second signal."""
)
@click.argument("drainer", metavar="MODULE:DRAINER", callback=load_drainer)
@click.option("--queue-url", required=True, help="The queue to receive from.")
@click.option("--until-empty", is_flag=True, help="End once the queue is empty.")
@click.option(
    "--receivers",
    type=click.IntRange(1, 20),
    default=2,
    show_default=True,
    help="How many threads receive.",
)
@click.option("--within", type=float, help="End before so many seconds are over; more than 20.")
@click.option("--json", "as_json", is_flag=True, help="Report in JSON at the end.")
@click.pass_context
def drain(  # noqa: PLR0913 - each by name
    context: click.Context,
    drainer: Drainer,
    queue_url: str,
    receivers: int,
    within: float | None,
    *,
    until_empty: bool,
    as_json: bool,
) -> None:
    """Receive from a queue and drain it into MySQL, until it is stopped.

    MODULE:DRAINER names a Drainer, such as drainer:drainer; the current folder's modules can be
    imported. SIGTERM and SIGINT end it cleanly: the batch under way is finished, and what is not
    written is given back. The second signal ends it at once; its messages come again when their
    visibility timeout of 150 s ends.

    Progress goes to standard error, the report at the end to standard output.
    """
    progress = _Progress()
    with stopping(at_once=True) as stop:
        try:
            report = drainer.poll(
                queue_url,
                until_empty=until_empty,
                stop=stop,
                receivers=receivers,
                within=within,
                on_progress=progress,
            )
        except DurableIngestError as error:
            click.echo(f"Error: {error}", err=True)
            context.exit(WRONG)
        finally:
            progress.end()
    click.echo(json.dumps(asdict(report)) if as_json else _told(report))
    if report.database_away or (until_empty and report.left):
        context.exit(LEFT)


class _Progress:
    """One line that is written over where it is a terminal; else a line now and then."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._told_at: float | None = None

    def __call__(self, report: PollReport) -> None:
        if self._is_terminal:
            click.echo(f"\r\x1b[K{_told(report)}", err=True, nl=False)
            self._told_at = SYSTEM_CLOCK.monotonic()
            return
        now = SYSTEM_CLOCK.monotonic()
        if self._told_at is None or now - self._told_at >= _EVERY:
            self._told_at = now
            click.echo(_told(report), err=True)

    def end(self) -> None:
        """Leave the line."""
        if self._is_terminal and self._told_at is not None:
            click.echo(err=True)


def _told(report: PollReport) -> str:
    parts = [
        f"{report.settled} settled",
        *(f"{count} {what}" for what, count in _unusual(report) if count),
        *(["the database is away"] if report.database_away else []),
    ]
    rate = report.settled / report.seconds if report.seconds else 0.0
    return f"{', '.join(parts)} in {report.seconds:.0f} s ({rate:.0f}/s)"


def _unusual(report: PollReport) -> list[tuple[str, int]]:
    return [
        ("dead-lettered", report.dead_lettered),
        ("held", report.held),
        ("not deleted", report.undeleted),
        ("dropped", report.dropped),
        ("given back", report.given_back),
        ("left", report.left),
    ]
