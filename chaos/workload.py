"""What is written: a write's number says its whole row, so that nothing but numbers is recorded.

A write is named `<lane>-<table>-<key>.<n>`: the n-th write of that key. Its row is computed from
the run's seed and its name, by producers and by the checker alike.
"""

import random
from dataclasses import dataclass
from typing import Literal

Refusal = Literal["", "too long", "check"]

REFUSED_SHARE = 0.01
"""Writes that the table can never take."""
LONGEST_NOTE = 60
_NOTES = ("Zoë", "Łukasz", "Nguyễn Thị", "李雷", "Мария", "Ana 🐙", "O'Brien", "50%", "back\\slash")


@dataclass(frozen=True, order=True)
class Write:
    """A write's name, in parts."""

    key: str
    """`<lane>-<table>-<number>`, the key of its row."""
    n: int
    """Counts the writes of its key from 1."""

    def __str__(self) -> str:
        return f"{self.key}.{self.n}"

    @classmethod
    def parse(cls, name: str) -> "Write":
        """Read a name back.

        Raises:
            ValueError: it is none.
        """
        key, _, n = name.rpartition(".")
        return cls(key, int(n))

    @property
    def table(self) -> str:
        """The table's name."""
        return self.key.split("-")[1]


@dataclass(frozen=True)
class Content:
    """A row, as it was sent or as it is stored; the key aside."""

    n: int
    write_id: str
    note: str
    amount: int


def content(seed: int, write: Write) -> Content:
    """Say what a write writes."""
    chance = random.Random(f"{seed} {write}")  # noqa: S311  has to repeat, not to be secret
    note = f"{chance.choice(_NOTES)} {chance.randrange(10**9)}"
    amount = chance.randrange(10**6)
    refused = refusal(seed, write)
    if refused == "too long":
        note = note.ljust(LONGEST_NOTE + 1, "x")
    elif refused == "check":
        amount = -amount - 1
    return Content(n=write.n, write_id=str(write), note=note, amount=amount)


def refusal(seed: int, write: Write) -> Refusal:
    """Say why the table refuses a write; "" if it does not."""
    chance = random.Random(f"{seed} {write} refused")  # noqa: S311  as above
    if chance.random() >= REFUSED_SHARE:
        return ""
    return chance.choice(("too long", "check"))


def key_names(lane: int, table: str, count: int) -> list[str]:
    """Name the keys of one table of a lane."""
    return [f"{lane}-{table}-{number:04d}" for number in range(count)]
