"""A time limit for what knows none, such as the resolution of a name."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_KEPT_FOR: Final = 1.0
"""Seconds for which a thread that has nothing to do waits for the next operation."""


def run_within(seconds: float, operation: Callable[[], T]) -> T:
    """Run an operation in a thread, which is left behind if it takes longer.

    Raises:
        TimeoutError: it took longer.
        Exception: whatever the operation raised.
    """
    answers: SimpleQueue[tuple[T | None, Exception | None]] = SimpleQueue()

    def run() -> None:
        try:
            answers.put((operation(), None))
        except Exception as error:  # noqa: BLE001 - handed to the caller
            answers.put((None, error))

    _idle_or_new().tasks.put(run)
    try:
        answer, error = answers.get(timeout=max(seconds, 0.001))
    except Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]  # there was no error, so there is an answer


class _Helper(Thread):
    """Runs one operation at a time; also the next one, since a thread costs more to start."""

    def __init__(self) -> None:
        super().__init__(name="durable-ingest-bounded", daemon=True)
        self.tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def run(self) -> None:
        """Go on until nothing has come for a while."""
        while task := self._next():
            task()
            del task  # and what it holds
            _IDLE.append(self)

    def _next(self) -> Callable[[], None] | None:
        try:
            return self.tasks.get(timeout=_KEPT_FOR)
        except Empty:
            pass
        try:
            _IDLE.remove(self)
        except ValueError:  # it has just been chosen
            return self.tasks.get()
        return None


_IDLE: Final[list[_Helper]] = []


def _idle_or_new() -> _Helper:
    while _IDLE:
        try:
            found = _IDLE.pop()
        except IndexError:  # another thread took the last
            break
        if found.is_alive():  # no thread lives on in a forked process
            return found
    made = _Helper()
    made.start()
    return made
