"""Ending a command by a signal without cutting it off."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Told:
    """Whether a signal has come.

    Takes no lock: a handler runs in the midst of whatever the main thread does, the handler of the
    signal before it included, and would wait for itself.
    """

    def __init__(self) -> None:
        self._told = False

    def is_set(self) -> bool:
        """Say whether one has come."""
        return self._told

    def set(self) -> None:
        """Remember that one has come."""
        self._told = True


@contextmanager
def stopping(*, at_once: bool = False) -> Iterator[Told]:
    """Give what Ctrl-C and SIGTERM set.

    Args:
        at_once: whether the second one ends the program on the spot, with 128 and its number;
            else it does what it always does.
    """
    stop = Told()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def told(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and at_once:
            os._exit(128 + number)
        stop.set()
        if not at_once:
            signal.signal(number, before[signal.Signals(number)])

    for number in _SIGNALS:
        signal.signal(number, told)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
