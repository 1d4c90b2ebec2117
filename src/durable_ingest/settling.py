"""What a poller's workers tell SQS of a batch: what to delete, and what to hide."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Final

from durable_ingest.acknowledging import Left, delete_settled, hide_held
from durable_ingest.hand import RECEIVE

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from durable_ingest.clock import Clock
    from durable_ingest.deadline import Deadline
    from durable_ingest.draining import Course
    from durable_ingest.hand import Receive
    from durable_ingest.ports import Queue
    from durable_ingest.workers import Workers

_ATTEMPTS: Final = 3
_PAUSE: Final = 0.2


@dataclass(slots=True)
class Settling:
    """One batch that is written, until its last message is deleted or hidden.

    A group is one worker's, so that its messages are deleted one after the other.
    """

    receives: list[Receive]
    course: Course
    began: float
    hide: dict[int, int]
    """For how long to hide held messages, by their places."""
    queue: Queue
    deadline: Deadline
    """Before the leases end."""
    clock: Clock
    calls: list[Future[tuple[Left, int]]] = field(default_factory=list)

    def start(self, workers: Workers, most: int) -> None:
        """Divide the groups among workers, at most so many."""
        batch = self.course.batch
        count = min(most, ceil(len(batch) / RECEIVE))
        numbers: dict[str, int] = {}
        part = [numbers.setdefault(g.group, len(numbers)) // RECEIVE % count for g in batch]
        self.calls = [workers.submit(self._task(part, number)) for number in range(count)]

    def is_done(self) -> bool:
        """Whether every worker is done."""
        return all(call.done() for call in self.calls)

    def result(self) -> tuple[list[int], int, str | None]:
        """Give the places that could not be deleted, how many not be hidden, and SQS' refusal.

        Raises:
            Exception: what a worker raised.
        """
        answers = [call.result() for call in self.calls]
        places = [place for left, _ in answers for place in left.places]
        refused = [left.refused for left, _ in answers if left.refused is not None]
        return places, sum(unhidden for _, unhidden in answers), next(iter(refused), None)

    def _task(self, part: list[int], number: int) -> Callable[[], tuple[Left, int]]:
        settled = [n for n in self.course.ledger.settled if part[n] == number]
        hide = {n: seconds for n, seconds in self.hide.items() if part[n] == number}

        def settle() -> tuple[Left, int]:
            left = self._delete(settled)
            unhidden = 0
            if hide:
                unhidden = hide_held(self.queue, self.course.batch, hide, self.deadline)
            return left, unhidden

        return settle

    def _delete(self, settled: list[int]) -> Left:
        """Delete, and try again a few times, still in order, what was not confirmed."""
        left = Left(settled)
        for attempt in range(_ATTEMPTS):
            if not left.places or left.refused is not None:
                break
            if attempt:
                self.clock.sleep(_PAUSE * 2**attempt)
            left = delete_settled(
                self.queue, self.course.batch, left.places, self.course.order_free, self.deadline
            )
        return left
