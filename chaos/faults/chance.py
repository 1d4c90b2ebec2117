"""Chance for the threads of a proxy, and how often it struck."""

import threading
from collections.abc import Sequence
from typing import TypeVar

from chaos.schedule import Strike

T = TypeVar("T")


class Chance:
    """Thread-safe; seeded by the strike."""

    def __init__(self, strike: Strike) -> None:
        """Start with the strike's seed."""
        self._chance = strike.chance()
        self._lock = threading.Lock()
        self.hits = 0
        """How often `hit` said yes."""

    def hit(self, share: float = 1.0) -> bool:
        """Say yes in that share of all cases, and count it."""
        with self._lock:
            happens = self._chance.random() < share
            self.hits += happens
            return happens

    def toss(self, share: float = 0.5) -> bool:
        """Say yes in that share of all cases."""
        with self._lock:
            return self._chance.random() < share

    def pick(self, options: Sequence[T]) -> T:
        """Choose one."""
        with self._lock:
            return self._chance.choice(options)

    def between(self, least: float, most: float) -> float:
        """Choose a number."""
        with self._lock:
            return self._chance.uniform(least, most)
