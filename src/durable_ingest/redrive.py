"""Dead letters back to their queue, each group in its order and none lost; or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_ingest.letter_rules import in_turn, objection
from durable_ingest.mailbox import confirmed, longest, no_answer
from durable_ingest.outgoing import MAX_MESSAGE

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Collection, Mapping, Sequence

    from durable_ingest.answers import SendFailure
    from durable_ingest.errors import DurableIngestError
    from durable_ingest.letter import Letter, Resend
    from durable_ingest.ports import LetterQueue
    from durable_ingest.reading import Reading

_ENTRIES = 10  # of a batch call (SQS API Reference)
_BEHIND = "an earlier letter of its group stays"
_NEWER = "it came after the run began"


class Redrive:
    """Sends letters back, and deletes each once SQS has confirmed it.

    A group's next letter goes once the one before it is sent and deleted; behind one that stays
    none goes. What was sent and not deleted is sent again by the next run, which SQS ignores for
    five minutes, and a guard or inbox for ever.

    Args:
        reading: the letters.
        queue: where they go.
        unordered: send those too that would replace newer rows.
        limit: send no more than so many.
        pretend: send and delete nothing.
    """

    def __init__(
        self,
        reading: Reading,
        queue: LetterQueue,
        *,
        unordered: bool = False,
        limit: int | None = None,
        pretend: bool = False,
    ) -> None:
        self._reading = reading
        self._queue = queue
        self._unordered = unordered
        self._limit = limit
        self._pretend = pretend
        self._chosen: set[bytes] = set()
        """The identities of what was sent: one message is sent once."""
        self._stopped: set[str] = set()
        """Groups of which nothing more is sent."""
        self._refusal: DurableIngestError | None = None

    def run(self) -> None:
        """Go through all letters; `reading.outcome` says what became of them.

        Raises:
            MisconfiguredError: SQS refuses.
            DurableIngestError: it does not answer.
        """
        for letters in self._reading:
            ready = self._choose(letters)
            if self._pretend:
                self._reading.outcome.done += map(self._reading.about, ready)
            else:
                self._send(ready)
            if self._is_enough:
                self._reading.outcome.enough = True
                return

    @property
    def _is_enough(self) -> bool:
        return self._limit is not None and len(self._chosen) >= self._limit

    def _choose(self, letters: Sequence[Letter]) -> dict[Letter, Resend]:
        ready: dict[Letter, Resend] = {}
        for letter in letters:
            if self._is_enough:
                break
            if self._reading.is_newer(letter):
                self._reading.leave(letter, _NEWER)
            elif letter.group_id in self._stopped:
                self._reading.leave(letter, _BEHIND)
            elif letter.message.identity in self._chosen:
                self._reading.leave(letter, "its message has gone back from another letter")
            elif why := objection(letter, self._reading.contracts, unordered=self._unordered):
                self._stop(letter, why)
            elif (resend := letter.resend()) is None:
                self._stop(letter, "it has no room for ingest.dedup, by which an inbox knows it")
            else:
                ready[letter] = resend
                self._chosen.add(letter.message.identity)
        return ready

    def _stop(self, letter: Letter, why: str) -> None:
        self._reading.leave(letter, why)
        self._stopped.add(letter.group_id)

    def _send(self, ready: Mapping[Letter, Resend]) -> None:
        groups = in_turn(ready)
        while groups:
            if self._reading.is_stopped():
                return
            for letter, why in self._send_some(_first(groups, ready), ready).items():
                group = groups[letter.group_id]
                group.popleft()
                if why is not None:
                    self._stop(letter, why)
                    for behind in group:
                        self._reading.leave(behind, _BEHIND)
                    group.clear()
                if not group:
                    del groups[letter.group_id]
            if self._refusal is not None:
                raise self._refusal

    def _send_some(
        self, letters: Sequence[Letter], ready: Mapping[Letter, Resend]
    ) -> dict[Letter, str | None]:
        """Send up to ten letters of as many groups, and delete them; say why those stay that do.

        None is sent that another run could be given before it is deleted.
        """
        mailbox, clock = self._reading.mailbox, self._reading.clock
        result: dict[Letter, str | None] = dict.fromkeys(letters, "its time in hand ran out")
        needed = longest(self._queue.call_limit) + longest(mailbox.queue.call_limit)
        lasting = mailbox.outlasts(letters, needed)
        sent = confirmed([ready[letter] for letter in lasting], self._queue.resend, clock)
        for letter, failure in zip(lasting, sent, strict=True):
            result[letter] = None if failure is None else _unsent(failure)
        gone = [letter for letter in lasting if result[letter] is None]
        deleted = mailbox.delete(gone)
        for letter, failure in zip(gone, deleted, strict=True):
            if failure is None:
                self._reading.outcome.done.append(self._reading.about(letter))
            else:
                result[letter] = f"it was sent and not deleted, {failure.code}; run again soon"
        self._note_refusals("sqs:SendMessage", self._queue, sent)
        self._note_refusals("sqs:DeleteMessage", mailbox.queue, deleted)
        return result

    def _note_refusals(
        self, action: str, queue: LetterQueue, results: Sequence[SendFailure | None]
    ) -> None:
        for failure in results:
            if failure is not None and failure.refused_call:
                self._refusal = no_answer(action, queue, failure)


def discard(
    reading: Reading, *, only: Collection[str] | None = None, pretend: bool = False
) -> None:
    """Delete letters; `reading.outcome` says what became of them.

    Args:
        reading: the letters.
        only: the ids of those that were agreed to; None for all that are meant.
        pretend: delete nothing.

    Raises:
        MisconfiguredError: SQS refuses.
        DurableIngestError: it does not answer.
    """
    mailbox = reading.mailbox
    for letters in reading:
        chosen = _agreed(reading, letters, only)
        results = [None] * len(chosen) if pretend else mailbox.delete(chosen)
        for letter, failure in zip(chosen, results, strict=True):
            if failure is None:
                reading.outcome.done.append(reading.about(letter))
            else:
                reading.leave(letter, f"it was not deleted, {failure.code}")
        for failure in results:
            if failure is not None and failure.refused_call:
                raise no_answer("sqs:DeleteMessage", mailbox.queue, failure)


def _agreed(
    reading: Reading, letters: Sequence[Letter], only: Collection[str] | None
) -> list[Letter]:
    chosen = []
    for letter in letters:
        if reading.is_newer(letter):
            reading.leave(letter, _NEWER)
        elif only is not None and letter.id not in only:
            reading.leave(letter, "it was hidden when you were asked")
        else:
            chosen.append(letter)
    return chosen


def _unsent(failure: SendFailure) -> str:
    doubt = ", and may be on its way all the same" if failure.in_doubt else ""
    return f"it was not sent, {failure.code}{doubt}"


def _first(groups: Mapping[str, deque[Letter]], ready: Mapping[Letter, Resend]) -> list[Letter]:
    """Choose each group's first letter, as many as one call takes."""
    chosen: list[Letter] = []
    room = MAX_MESSAGE
    for group in groups.values():
        size = ready[group[0]].size
        if len(chosen) < _ENTRIES and size <= room:
            chosen.append(group[0])
            room -= size
    return chosen
