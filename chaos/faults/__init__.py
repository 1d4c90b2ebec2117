"""The faults, by track: one of each track strikes at a time, the tracks side by side.

A fault is a function that strikes, lasts, heals, and returns how often it hit something: requests
cut, processes killed, connections ended.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaos.schedule import Kind, Strike

if TYPE_CHECKING:
    from chaos.stage import Stage

Blow = Callable[["Stage", Strike], int]


@dataclass(frozen=True)
class Fault:
    """A fault: what it does, and what the schedule has to know of it."""

    blow: Blow
    kind: Kind
    needs_disk: bool = False
    """It is possible only where the server has a disk of its own."""
