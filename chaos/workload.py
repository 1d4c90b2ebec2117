"""What is written: a write's number says its whole row, so that nothing but numbers is recorded.

A write is named `<key>.<n>`: the n-th write of that key. Its row is computed from the run's seed
and its name, by producers and by the checker alike. A key is written to for a while; then another
takes its slot, so that rows have their last writes under every fault.
"""

import random
from dataclasses import dataclass
from typing import Literal

Refusal = Literal["", "too long", "check"]

REFUSED_SHARE = 0.01
"""Writes that the table can never take."""
LONGEST_NOTE = 60
TABLES_WITH_INBOX = ("once", "ledger")
WRITES_OF_A_KEY = 20
"""On average, before another key takes its slot."""
_NOTES = ("Zoë", "Łukasz", "Nguyễn Thị", "李雷", "Мария", "Ana 🐙", "O'Brien", "50%", "back\\slash")


@dataclass(frozen=True, order=True)
class Write:
    """A write's name, in parts."""

    key: str
    """`<lane>-<table>-<slot>-<generation>`, the key of its row."""
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


@dataclass
class Slot:
    """A place that one key has at a time."""

    lane: int
    table: str
    number: int
    generation: int = 0
    writes: int = 0
    """Of the current key."""

    @property
    def prefix(self) -> str:
        """What the names of all its keys begin with."""
        return f"{self.lane}-{self.table}-{self.number:04d}-"

    def next_write(self, chance: random.Random) -> Write:
        """Name the next write, of a new key where the old one has had its share."""
        if self.writes and chance.random() < 1 / WRITES_OF_A_KEY:
            self.generation += 1
            self.writes = 0
        self.writes += 1
        return Write(f"{self.prefix}{self.generation}", self.writes)


def slots(lane: int, table: str, count: int) -> list[Slot]:
    """Make the slots of one table of a lane."""
    return [Slot(lane, table, number) for number in range(count)]
