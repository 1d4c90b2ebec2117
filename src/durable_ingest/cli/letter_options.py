"""What the commands about dead letters take, made into what they work on."""

from __future__ import annotations

import functools
import inspect
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from durable_ingest.cli.loading import load_drainer
from durable_ingest.cli.stopping import stopping
from durable_ingest.errors import DurableIngestError, MisconfiguredError
from durable_ingest.letter import MOVED, UNEXPLAINED
from durable_ingest.letter_rules import Wanted
from durable_ingest.reading import Reading, dead_letters_of
from durable_ingest.rows import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from durable_ingest.drainer import Drainer
    from durable_ingest.ports import LetterQueue
    from durable_ingest.reading import Outcome

_FAULTS: Final = [
    MOVED,
    UNEXPLAINED,
    *(fault.value for fault in (Fault.REJECTED, Fault.DEPENDENT, Fault.EXPIRING)),
]
_DRAINER: Final = (
    "MODULE:DRAINER is the Drainer that the letters are for, such as drainer:drainer. It is"
    " imported with the function's environment variables; nothing connects to the database."
)


@dataclass(frozen=True)
class Place:
    """The dead-letter queue that a command is about, and whose it is."""

    drainer: Drainer
    dead: LetterQueue
    queue: LetterQueue | None
    """The queue that its letters came from, where it is given."""

    @contextmanager
    def reading(self, wanted: Wanted) -> Iterator[Reading]:
        """Read the letters; what ends the run early is in its outcome.

        Raises:
            MisconfiguredError: it is no dead-letter queue, or SQS refuses at once.
            DurableIngestError: SQS does not answer.
        """
        facts = dead_letters_of(self.dead, self.queue, self.drainer.dead_letter_queue_url)
        with (
            stopping() as stop,
            _progress() as show,
            Reading(
                self.dead,
                facts,
                self.drainer.contracts,
                wanted=wanted,
                stop=stop.is_set,
                on_progress=show,
            ) as reading,
        ):
            try:
                yield reading
            except DurableIngestError as error:
                reading.outcome.stopped = str(error)
                reading.outcome.refused = isinstance(error, MisconfiguredError)


@contextmanager
def _progress() -> Iterator[Callable[[Outcome], None]]:
    """Write a line over and over on a terminal; nothing in a pipe."""

    def show(outcome: Outcome) -> None:
        done = f", {len(outcome.done)} done" if outcome.done else ""
        click.echo(f"\rseen {outcome.seen} of about {outcome.there}{done} ", nl=False, err=True)

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    yield show
    click.echo(err=True)


def of_a_queue(command: Callable[..., None]) -> Callable[..., None]:
    """Take what every command about dead letters takes; give it a `place`."""

    @functools.wraps(command)
    def wrapped(
        drainer: Drainer,
        dead_letter_queue_url: str | None,
        queue_url: str | None,
        **more: Any,  # noqa: ANN401 - each command's own
    ) -> None:
        from durable_ingest.wiring import letter_queue  # noqa: PLC0415 - boto3 loads here

        url = dead_letter_queue_url or drainer.dead_letter_queue_url
        if url is None:
            problem = "the drainer has no dead-letter queue; give --dead-letter-queue-url"
            raise click.UsageError(problem)
        queue = letter_queue(queue_url) if queue_url else None
        command(Place(drainer, letter_queue(url), queue), **more)

    wrapped.__doc__ = f"{inspect.cleandoc(command.__doc__ or '')}\n\n{_DRAINER}"
    return _with(
        wrapped,
        click.argument("drainer", metavar="MODULE:DRAINER", callback=load_drainer),
        click.option(
            "--dead-letter-queue-url",
            metavar="URL",
            help="The dead-letter queue.  [default: the drainer's own]",
        ),
        click.option(
            "--queue-url",
            metavar="URL",
            help="The queue that the letters came from. Needed to send them back, and where the"
            " dead-letter queue is not the drainer's own.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Answer in JSON."),
    )


def filtered(*, by_id: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Take filters; give what is `wanted`."""
    options = [
        click.option("--contract", multiple=True, help="Only this contract's; may be repeated."),
        click.option(
            "--fault",
            multiple=True,
            type=click.Choice(_FAULTS),
            help="Only those with this fault; may be repeated.",
        ),
    ]
    if by_id:
        text = (
            "Only this one, by its message id in the dead-letter queue or in the first one; may be"
            " repeated."
        )
        options.append(click.option("--id", "ids", multiple=True, metavar="ID", help=text))

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapped(
            *given: Any,  # noqa: ANN401 - each command's own
            contract: tuple[str, ...],
            fault: tuple[str, ...],
            ids: tuple[str, ...] = (),
            **more: Any,  # noqa: ANN401
        ) -> None:
            wanted = Wanted(frozenset(contract), frozenset(fault), frozenset(ids))
            command(*given, wanted=wanted, **more)

        return _with(wrapped, *options)

    return decorate


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """Take whether to do anything, and whether to ask before."""
    return _with(
        command,
        click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing."),
        click.option("--yes", is_flag=True, help="Do not ask."),
    )


def _with(command: Callable[..., None], *options: Callable[..., Any]) -> Callable[..., None]:
    for option in reversed(options):
        command = option(command)
    return command
