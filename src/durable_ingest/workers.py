"""Threads that carry out what would keep a poller waiting: calls to SQS."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

T = TypeVar("T")


class Workers(Protocol):
    """What a poller needs: threads, or what stands for them in tests."""

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Carry a task out some time."""
        ...

    def wait(self, futures: Collection[Future[Any]], seconds: float) -> None:
        """Return when one of them is done, or after so many seconds."""
        ...

    def close(self) -> None:
        """Take no more tasks; wait for none."""
        ...


class Threads:
    """Implements `Workers`. Nobody waits for its threads at the end of the program.

    Args:
        count: how many; each is started when it is first needed.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._unfinished: set[Future[Any]] = set()

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Put a task behind the others."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(task())
            except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
                future.set_exception(error)

        if len(self._threads) < self._count:
            self._start_if_needed(future)
        self._tasks.put(run)
        return future

    def _start_if_needed(self, future: Future[Any]) -> None:
        self._unfinished = {other for other in self._unfinished if not other.done()} | {future}
        if len(self._threads) < len(self._unfinished):
            thread = Thread(target=self._work, name="durable-ingest-poll", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wait(self, futures: Collection[Future[Any]], seconds: float) -> None:
        """Wait for the first of them."""
        wait(futures, seconds, FIRST_COMPLETED)

    def close(self) -> None:
        """Let each thread end after its task."""
        for _ in self._threads:
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
