"""A time limit for what knows none, such as the resolution of a name."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


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

    Thread(target=run, name="durable-ingest-bounded", daemon=True).start()
    try:
        answer, error = answers.get(timeout=max(seconds, 0.001))
    except Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]  # there was no error, so there is an answer
