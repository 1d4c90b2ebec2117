"""`durable-ingest dead-letters`: look at dead letters, send them back, delete them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from durable_ingest.cli import letter_texts as texts
from durable_ingest.cli.letter_options import Place, asking, filtered, of_a_queue
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.errors import MisconfiguredError
from durable_ingest.letter_rules import Wanted, objection
from durable_ingest.redrive import Redrive, discard

if TYPE_CHECKING:
    from durable_ingest.reading import Outcome


class _RefusedException(click.ClickException):
    exit_code = 2


class _Group(click.Group):
    """A group in which a wrong set-up ends the command with exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's
        try:
            return super().invoke(ctx)
        except MisconfiguredError as error:
            raise _RefusedException(str(error)) from error


@click.group("dead-letters", cls=_Group)
def dead_letters() -> None:
    """Look at dead letters, send them back in order, or delete them.

    Letters are hidden from others while a command has them in hand, and for two minutes after it
    was killed.

    Exit codes: 0 done; 1 something is left, or an id was not met; 2 wrong arguments or set-up.
    """


@dead_letters.command("list", epilog="Example: durable-ingest dead-letters list drainer:drainer")
@of_a_queue
@filtered(by_id=False)
def list_(place: Place, *, wanted: Wanted, as_json: bool) -> None:
    """Count dead letters by contract and reason, with their ages as dead letters."""
    found = []
    with place.reading(wanted) as reading:
        for letters in reading:
            found += [reading.about(letter) for letter in letters]
    outcome = reading.outcome
    rows = texts.kinds(found, SYSTEM_CLOCK.now())
    if as_json:
        click.echo(json.dumps({"kinds": rows, **texts.counts(outcome)}))
    else:
        lines = texts.table(rows) if rows else ["no dead letters"]
        click.echo("\n".join([*lines, *texts.cautions(outcome)]))
    _end(outcome, good=outcome.stopped is None)


@dead_letters.command(
    epilog="Example: durable-ingest dead-letters show drainer:drainer"
    " 5fea7756-0ea4-451a-a703-a558b933e274"
)
@of_a_queue
@click.argument("number", metavar="ID")
@click.option("--body", is_flag=True, help="Show the body too, which is a row.")
def show(place: Place, number: str, *, body: bool, as_json: bool) -> None:
    """Show one dead letter: why it is one, and whether it may go back.

    ID is its message id in the dead-letter queue, or in the first one, under which the drainer's
    log has it.
    """
    found = None
    with place.reading(Wanted(ids=frozenset([number]))) as reading:
        letter = next((letter for letters in reading for letter in letters), None)
        if letter is not None:
            why = objection(letter, reading.contracts)
            found = texts.facts(letter, reading.about(letter), why, body=body)
    outcome = reading.outcome
    if found is None:
        click.echo("\n".join(texts.cautions(outcome)), err=True)
    elif as_json:
        click.echo(json.dumps(found))
    else:
        click.echo("\n".join(texts.page(found, SYSTEM_CLOCK.now())))
    _end(outcome, good=found is not None)


@dead_letters.command(
    epilog="Example: durable-ingest dead-letters redrive drainer:drainer"
    ' --queue-url "$QUEUE_URL" --fault rejected --dry-run'
)
@of_a_queue
@filtered(by_id=True)
@click.option("--limit", type=click.IntRange(min=1), help="Send no more than so many.")
@click.option(
    "--unordered",
    is_flag=True,
    help="Send those of plain tables too, and those that SQS moved from tables with a sequence:"
    " they replace newer rows, and may be applied twice.",
)
@asking
def redrive(  # noqa: PLR0913 - each by name
    place: Place,
    *,
    wanted: Wanted,
    limit: int | None,
    unordered: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Send dead letters back to their queue, each group in its order.

    Each is deleted once its copy is confirmed. Their first sequence numbers and deduplication ids
    go with them, so that guards and inboxes still know them. It may be ended and run again.
    """
    queue = place.queue
    if queue is None:
        problem = "give --queue-url: the queue that the letters came from"
        raise click.UsageError(problem)

    def run(*, pretend: bool) -> Outcome:
        with place.reading(wanted) as reading:
            Redrive(reading, queue, unordered=unordered, limit=limit, pretend=pretend).run()
        return reading.outcome

    if dry_run or not yes:
        planned = run(pretend=True)
        if dry_run or not _agreed(planned, f"send them to {queue.url}?"):
            _tell(planned, "would send", as_json=as_json)
    _tell(run(pretend=False), "sent", as_json=as_json)


@dead_letters.command(
    "discard",
    epilog="Example: durable-ingest dead-letters discard drainer:drainer"
    " --id 5fea7756-0ea4-451a-a703-a558b933e274",
)
@of_a_queue
@filtered(by_id=True)
@asking
def discard_(place: Place, *, wanted: Wanted, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete dead letters for good. Needs a filter."""
    if wanted == Wanted():
        problem = "say which: give --id, --contract or --fault"
        raise click.UsageError(problem)
    only = None
    if dry_run or not yes:
        with place.reading(wanted) as reading:
            discard(reading, pretend=True)
        planned = reading.outcome
        if dry_run or not _agreed(planned, f"delete them from {place.dead.url}?"):
            _tell(planned, "would delete", as_json=as_json)
        only = {one.id for one in planned.done}
    with place.reading(wanted) as reading:
        discard(reading, only=only)
    _tell(reading.outcome, "deleted", as_json=as_json)


def _agreed(planned: Outcome, question: str) -> bool:
    """Show what would be done and ask, apart from the answer on standard output."""
    if not planned.done or planned.stopped:
        return False
    lines = [*texts.report(planned, "found"), *texts.by_contract(planned)]
    click.echo("\n".join(lines), err=True)
    click.confirm(question, abort=True, err=True)
    return True


def _tell(outcome: Outcome, verb: str, *, as_json: bool) -> None:
    """Say what a run did, and end the command."""
    if as_json:
        click.echo(json.dumps(texts.summary(outcome, verb.replace(" ", "_"))))
    else:
        click.echo("\n".join(texts.report(outcome, verb)))
    _end(outcome, good=outcome.is_complete)


def _end(outcome: Outcome, *, good: bool) -> None:
    click.get_current_context().exit(2 if outcome.refused else 0 if good else 1)
