"""A time limit for what knows none, such as the resolution of a name."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar

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
    answers = _Slot()

    def run() -> None:
        try:
            answers.put((operation(), None))
        except Exception as error:  # noqa: BLE001 - handed to the caller
            answers.put((None, error))

    _idle_or_new().tasks.put(run)
    answer, error = answers.take(max(seconds, 0.001))
    if error is not None:
        raise error
    return answer  # type: ignore[no-any-return]  # what the operation gave


class _Slot:
    """Hands one thing at a time to another thread."""

    def __init__(self) -> None:
        self._thing: Any = None
        self._filled = Lock()
        self._filled.acquire()

    def put(self, thing: object) -> None:
        """Fill it; what was in it has been taken."""
        self._thing = thing
        self._filled.release()

    def take(self, seconds: float = -1) -> Any:  # noqa: ANN401 - whatever was put
        """Empty it, waiting until it is filled.

        Raises:
            TimeoutError: so many seconds are over.
        """
        if not self._filled.acquire(timeout=seconds):
            raise TimeoutError
        thing, self._thing = self._thing, None
        return thing


class _Helper(Thread):
    """Runs one operation at a time; also the next one, since a thread costs more to start."""

    def __init__(self) -> None:
        super().__init__(name="durable-ingest-bounded", daemon=True)
        self.tasks = _Slot()

    def run(self) -> None:
        """Go on until nothing has come for a while."""
        while task := self._next():
            task()
            del task  # and what it holds
            _IDLE.append(self)

    def _next(self) -> Callable[[], None] | None:
        with suppress(TimeoutError):
            return self.tasks.take(_KEPT_FOR)  # type: ignore[no-any-return]
        try:
            _IDLE.remove(self)
        except ValueError:  # it has just been chosen
            return self.tasks.take()  # type: ignore[no-any-return]
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
