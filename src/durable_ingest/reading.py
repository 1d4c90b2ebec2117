"""Going through a dead-letter queue: what is there, what was seen of it, what could not be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from durable_ingest.answers import SendFailure
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.contract import contracts_by_name
from durable_ingest.errors import MisconfiguredError
from durable_ingest.letter_rules import Wanted, contract_of, ids_of
from durable_ingest.mailbox import Mailbox, no_answer, patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from durable_ingest.answers import QueueFacts
    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.letter import Letter
    from durable_ingest.ports import LetterQueue

_ENOUGH: Final = 2
"""Receives in a row that bring nothing: then nothing more can be seen."""
_A_DATE: Final = 1.0
"""Seconds: how exactly HTTP's Date tells the time."""


@dataclass(frozen=True, slots=True)
class About:
    """A letter without its content."""

    id: str
    message_id: str
    """Of the message that it copies: logs have that one."""
    contract: str | None
    fault: str
    code: int | None
    sqlstate: str | None
    reason: str | None
    table: str | None
    dead_since: float
    sent: float | None
    """When its message was sent at first, where it is known; seconds since 1970 UTC, as above."""


@dataclass(slots=True)
class Outcome:
    """What a run saw and did. Counts are SQS' own approximations where it says "about"."""

    there: int = 0
    """About how many letters there were at the beginning."""
    hidden: int = 0
    """About how many of them were hidden then, by another run or an interrupted one."""
    seen: int = 0
    """How many of them were seen."""
    newer: int = 0
    """Letters that came since."""
    done: list[About] = field(default_factory=list)
    left: list[tuple[About, str]] = field(default_factory=list)
    """Those that were meant and stay, and why."""
    missing: set[str] = field(default_factory=set)
    """Ids that were asked for and not met."""
    enough: bool = False
    """Whether it ended because as many were done as were asked for."""
    stuck: int = 0
    """Letters that stay hidden for up to two minutes, since giving them back failed."""
    stopped: str | None = None
    """Why the run ended early."""
    refused: bool = False
    """Whether that was because SQS refuses."""

    @property
    def unseen(self) -> int:
        """About how many letters were there and could not be seen."""
        return max(self.there - self.seen, 0)

    @property
    def is_complete(self) -> bool:
        """Whether nothing that was meant is left, as far as can be told."""
        unseen = self.unseen and not self.enough
        return not (self.left or self.missing or unseen or self.stopped)


class Reading:
    """A run through a dead-letter queue. A context manager: gives back what is in hand at the end.

    Args:
        queue: the dead-letter queue.
        facts: what SQS said of it at first.
        contracts: those of the drainer.
        wanted: which letters are meant.
        stop: asked between calls whether to stop.
        on_progress: called after each receive.
        clock: another clock, for tests.
    """

    def __init__(  # noqa: PLR0913 - each by name
        self,
        queue: LetterQueue,
        facts: QueueFacts,
        contracts: Sequence[Contract],
        *,
        wanted: Wanted = Wanted(),  # noqa: B008 - frozen
        stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[Outcome], object] = lambda _: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.clock = clock
        self.contracts = contracts_by_name(contracts)
        self.mailbox = Mailbox(queue, clock)
        self.outcome = Outcome(there=facts.there, hidden=facts.hidden, missing=set(wanted.ids))
        self._stop = stop
        self._on_progress = on_progress
        self._wanted = wanted
        self._began = clock.now() if facts.told_at is None else facts.told_at + _A_DATE

    def __enter__(self) -> Self:
        """Receive nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give back what is in hand."""
        self.outcome.stuck = self.mailbox.give_back()

    def __iter__(self) -> Iterator[list[Letter]]:
        """Go through the letters that are meant, as they are received.

        Ends once two receives in a row brought none that was there at the beginning. SQS gives
        no more of a group while those in front of it are in flight, which is some ten; what is
        deleted makes room for the next ones.
        """
        idle = 0
        while idle < _ENOUGH:
            if self.is_stopped():
                return
            letters = self.mailbox.take()
            old = [letter for letter in letters if not self.is_newer(letter)]
            self.outcome.seen += len(old)
            self.outcome.newer += len(letters) - len(old)
            idle = 0 if old else idle + 1
            meant = [one for one in letters if self._wanted.takes(one, self.contract_of(one))]
            for letter in meant:
                self.outcome.missing -= ids_of(letter)
            yield meant
            self._on_progress(self.outcome)

    def is_stopped(self) -> bool:
        """Ask whether to stop."""
        if self._stop():
            self.outcome.stopped = "it was told to stop"
        return self.outcome.stopped is not None

    def is_newer(self, letter: Letter) -> bool:
        """Say whether a letter came since the beginning, such as one that was just refused again.

        Both times are SQS' own, where it gave one.
        """
        return letter.dead_since >= self._began

    def contract_of(self, letter: Letter) -> str | None:
        """Name what a letter is for."""
        return contract_of(letter, self.contracts)

    def about(self, letter: Letter) -> About:
        """Say what there is to say of a letter, less its content."""
        said = letter.explanation
        return About(
            id=letter.id,
            message_id=letter.origin,
            contract=self.contract_of(letter),
            fault=letter.fault,
            code=_of_type(int, said.get("code")),
            sqlstate=_of_type(str, said.get("sqlstate")),
            reason=_of_type(str, said.get("reason")),
            table=_of_type(str, said.get("table")),
            dead_since=letter.dead_since,
            sent=_of_type(float, said.get("sent")),
        )

    def leave(self, letter: Letter, why: str) -> None:
        """Note that a letter stays."""
        self.outcome.left.append((self.about(letter), why))


def _of_type(kind: Any, value: object) -> Any:  # noqa: ANN401 - what JSON holds
    return value if isinstance(value, kind) else None


def _facts_of(queue: LetterQueue, clock: Clock) -> QueueFacts:
    facts = patiently(queue.facts, clock)
    if isinstance(facts, SendFailure):
        raise no_answer("sqs:GetQueueAttributes", queue, facts)
    return facts


def dead_letters_of(
    dead: LetterQueue, queue: LetterQueue | None, own: str | None, clock: Clock = SYSTEM_CLOCK
) -> QueueFacts:
    """Make sure that a queue is the dead-letter queue, and no queue in use; say what it is like.

    Args:
        dead: the dead-letter queue.
        queue: the queue that its letters came from, if it is given.
        own: the URL of the drainer's own dead-letter queue, if it has one.
        clock: another clock, for tests.

    Raises:
        MisconfiguredError: it is not, or SQS refuses.
        DurableIngestError: SQS does not answer.
    """
    for given in (dead, queue):
        if given is not None and not given.url.endswith(".fifo"):
            raise MisconfiguredError(f"{given.url} is no FIFO queue; others keep no order")
    facts = _facts_of(dead, clock)
    source = None if queue is None else _facts_of(queue, clock)
    if source is not None and source.arn == facts.arn:
        raise MisconfiguredError("the queue and the dead-letter queue are one and the same")
    if dead.url != own and (source is None or source.dead_letter_arn != facts.arn):
        raise MisconfiguredError(
            f"{dead.url} is not known to be a dead-letter queue: it is neither the drainer's own"
            " nor the one in the redrive policy of the queue that --queue-url names"
        )
    return facts
