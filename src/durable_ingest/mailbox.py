"""Dead letters in hand: hidden from everybody else meanwhile, and given back at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from durable_ingest.answers import SendFailure
from durable_ingest.errors import DurableIngestError, MisconfiguredError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from durable_ingest.clock import Clock
    from durable_ingest.letter import Letter
    from durable_ingest.ports import LetterQueue

HIDDEN_FOR: Final = 120
"""Seconds for which a received letter is hidden: so long after a kill it is visible again. Less
than the five minutes for which SQS knows a deduplication id."""
_RENEWED_AT: Final = 60
"""Seconds that are left of it when it is renewed."""
PAUSES: Final = (0.5, 1.0, 2.0)
"""Seconds between attempts at a call."""
_ENTRIES: Final = 10  # of a batch call (SQS API Reference)

_T = TypeVar("_T")


@dataclass(slots=True)
class _Lease:
    handle: str
    ends: float


class Mailbox:
    """The letters of one dead-letter queue that a run has in hand.

    Args:
        queue: the dead-letter queue.
        clock: the time.
    """

    def __init__(self, queue: LetterQueue, clock: Clock) -> None:
        self.queue = queue
        self._clock = clock
        self._began = clock.monotonic(), clock.now()
        self._held: dict[str, _Lease] = {}
        self._seen: set[str] = set()

    def take(self) -> list[Letter]:
        """Receive; give those letters that this run had not seen.

        Raises:
            MisconfiguredError: SQS refuses.
            DurableIngestError: it does not answer.
        """
        self._renew()
        began = self._now()
        answer = self._receive()
        if isinstance(answer, SendFailure):
            raise no_answer("sqs:ReceiveMessage", self.queue, answer)
        fresh = [letter for letter in answer if letter.id not in self._seen]
        for letter in answer:
            self._seen.add(letter.id)
            self._held[letter.id] = _Lease(letter.receipt_handle, began + HIDDEN_FOR)
        return fresh

    def _receive(self) -> list[Letter] | SendFailure:
        """Receive, and again where the answer was lost: the same attempt brings the same letters.

        SQS refuses an attempt that it no longer knows; then it takes a new one.
        """
        attempt = self._clock.unique()
        answer = self.queue.receive(HIDDEN_FOR, attempt)
        for pause in PAUSES:
            if not isinstance(answer, SendFailure) or not answer.retryable:
                break
            self._clock.sleep(pause)
            answer = self.queue.receive(HIDDEN_FOR, attempt)
            if isinstance(answer, SendFailure) and answer.refused_call:
                attempt = self._clock.unique()
                answer = self.queue.receive(HIDDEN_FOR, attempt)
        return answer

    def outlasts(self, letters: Sequence[Letter], seconds: float) -> list[Letter]:
        """Give those of up to ten letters that nobody else gets for so long, by SQS' word.

        One whose time is over may be another's by now, whatever SQS would answer.
        """
        short = [one.id for one in letters if 0 < self._left(one.id) < seconds]
        if short:
            self._hide(short)
        return [one for one in letters if self._left(one.id) >= seconds]

    def delete(self, letters: Sequence[Letter]) -> list[SendFailure | None]:
        """Delete letters; None for each that is confirmed gone."""
        results: list[SendFailure | None] = []
        for part in _chunks([one.id for one in letters]):
            handles = [self._held[number].handle for number in part]
            done = confirmed(handles, self.queue.delete, self._clock)
            for number, failure in zip(part, done, strict=True):
                if failure is None:
                    del self._held[number]
            results += done
        return results

    def give_back(self) -> int:
        """Make everything that is still in hand visible again, in the order of its receiving.

        Returns:
            How many SQS did not confirm; they become visible by themselves.
        """
        failed = 0
        for part in _chunks([n for n in self._held if self._left(n) > 0]):
            results = self.queue.hide([self._held.pop(number).handle for number in part], 0)
            failed += len(results) - results.count(None)
        return failed

    def _renew(self) -> None:
        for part in _chunks([n for n in self._held if 0 < self._left(n) < _RENEWED_AT]):
            self._hide(part)

    def _hide(self, numbers: Sequence[str]) -> None:
        began = self._now()
        handles = [self._held[number].handle for number in numbers]
        for number, failure in zip(numbers, self.queue.hide(handles, HIDDEN_FOR), strict=True):
            if failure is None:
                self._held[number].ends = began + HIDDEN_FOR

    def _left(self, number: str) -> float:
        return self._held[number].ends - self._now()

    def _now(self) -> float:
        """Seconds since the beginning; a machine that slept stops its monotonic clock alone."""
        monotonic, now = self._began
        return max(self._clock.monotonic() - monotonic, self._clock.now() - now)


def patiently(ask: Callable[[], _T | SendFailure], clock: Clock) -> _T | SendFailure:
    """Ask, and again where that can help."""
    answer = ask()
    for pause in PAUSES:
        if not isinstance(answer, SendFailure) or not answer.retryable:
            break
        clock.sleep(pause)
        answer = ask()
    return answer


def longest(call_limit: float) -> float:
    """Seconds that a call of `confirmed` takes at most, its repeats included."""
    return call_limit * (len(PAUSES) + 1) + sum(PAUSES)


def confirmed(
    items: Sequence[_T],
    ask: Callable[[Sequence[_T]], list[SendFailure | None]],
    clock: Clock,
) -> list[SendFailure | None]:
    """Ask for up to ten items, and again for those that failed where that can help.

    What was in doubt once stays so.
    """
    results = ask(items)
    for pause in PAUSES:
        again = [n for n, failure in enumerate(results) if failure and failure.retryable]
        if not again:
            break
        clock.sleep(pause)
        for place, result in zip(again, ask([items[n] for n in again]), strict=True):
            before = results[place]
            doubt = before is not None and before.in_doubt
            results[place] = result._replace(in_doubt=True) if result and doubt else result
    return results


def no_answer(action: str, queue: LetterQueue, failure: SendFailure) -> DurableIngestError:
    """Say that SQS did not do what a run cannot go on without."""
    where = f"{action} on {queue.url}: {failure.code}"
    if failure.refused_call:
        return MisconfiguredError(f"SQS refuses {where}; is it granted, and the URL right?")
    return DurableIngestError(f"SQS does not answer {where}")


def _chunks(items: Iterable[str]) -> list[list[str]]:
    numbers = list(items)
    return [numbers[n : n + _ENTRIES] for n in range(0, len(numbers), _ENTRIES)]
