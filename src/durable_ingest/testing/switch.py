"""A state that lasts as long as anybody wants it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Switch:
    """Turned on by the first that wants it, and off by the last.

    Args:
        on: turns it on. Where it raises, `off` is not called.
        off: turns it off.
    """

    def __init__(self, on: Callable[[], object], off: Callable[[], object]) -> None:
        """Leave it off."""
        self._on = on
        self._off = off
        self._wanted = 0

    @property
    def is_on(self) -> bool:
        """Whether anybody wants it."""
        return self._wanted > 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Want it for a block."""
        if not self._wanted:
            self._on()
        self._wanted += 1
        try:
            yield
        finally:
            if self._wanted > 1:
                self._wanted -= 1
            else:
                self.release()

    def release(self) -> None:
        """Turn it off whoever wants it; blocks that end later change nothing."""
        if self._wanted:
            self._wanted = 0
            self._off()
