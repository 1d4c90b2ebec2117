"""Ending a command by a signal without cutting it off."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping(*, at_once: bool = False) -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and SIGTERM set.

    Args:
        at_once: whether the second one ends the program on the spot, with 128 and its number;
            else it does what it always does.
    """
    stop = threading.Event()
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
