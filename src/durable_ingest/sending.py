"""One call's messages on their way to the queue: in order, in batches, within a time limit."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from durable_ingest.answers import SendFailure
from durable_ingest.backoff import retrying
from durable_ingest.batching import next_batch
from durable_ingest.receipt import Receipt

if TYPE_CHECKING:
    from durable_ingest.clock import Clock
    from durable_ingest.deadline import Deadline
    from durable_ingest.outgoing import Outgoing
    from durable_ingest.ports import Outbox

_LOGGER = logging.getLogger("durable_ingest")
_NOT_ATTEMPTED: Final = SendFailure(
    code="NotAttempted", retryable=True, in_doubt=False, attempted=False
)


class _IncompleteError(Exception):
    """Some entries of a batch are worth sending again."""


class Sending:
    """Sends entries so that a group's messages are stored in their order, or not at all."""

    def __init__(
        self, queue: Outbox, entries: list[Outgoing], clock: Clock, deadline: Deadline
    ) -> None:
        self._queue = queue
        self._entries = entries
        self._clock = clock
        self._deadline = deadline
        self._waiting = dict(enumerate(entries))
        self._results: dict[int, Receipt | SendFailure] = {}
        self._doubted: set[int] = set()

    def run(self) -> list[Receipt | SendFailure]:
        """Send batch after batch; return one result for each entry."""
        time_needed = 0.0
        while (batch := next_batch(self._waiting.items())) and self._deadline.allows(time_needed):
            self._send(batch)
            failed = [n for n in batch if isinstance(self._results[n], SendFailure)]
            time_needed = self._queue.call_limit if failed else 0.0
            self._give_up_behind(failed)
        return [self._result(index) for index in range(len(self._entries))]

    def _send(self, batch: list[int]) -> None:
        """Send a batch; what fails and may be repeated is sent again, alone, while time lasts."""
        for n in batch:
            del self._waiting[n]
        repeat = retrying(
            self._clock,
            self._deadline,
            on=_IncompleteError,
            attempt_takes=self._queue.call_limit,
        )
        try:
            repeat(self._send_what_is_left, batch)
        except _IncompleteError:
            failed = sum(not isinstance(self._results[n], Receipt) for n in batch)
            _LOGGER.warning("SQS did not confirm %d of %d messages in time", failed, len(batch))

    def _send_what_is_left(self, batch: list[int]) -> None:
        left = [n for n in batch if _worth_sending(self._results.get(n))]
        answers = self._queue.send([self._entries[n] for n in left])
        for n, answer in zip(left, answers, strict=True):
            self._results[n] = answer
            if isinstance(answer, SendFailure) and answer.in_doubt:
                self._doubted.add(n)
        if any(_worth_sending(answer) for answer in answers):
            raise _IncompleteError

    def _give_up_behind(self, failed: list[int]) -> None:
        groups = {self._entries[n].group_id for n in failed}
        if groups:
            waiting = self._waiting.items()
            self._waiting = {n: entry for n, entry in waiting if entry.group_id not in groups}

    def _result(self, index: int) -> Receipt | SendFailure:
        result = self._results.get(index, _NOT_ATTEMPTED)
        if isinstance(result, SendFailure) and index in self._doubted:
            return result._replace(in_doubt=True)
        return result


def _worth_sending(result: Receipt | SendFailure | None) -> bool:
    return result is None or (isinstance(result, SendFailure) and result.retryable)
