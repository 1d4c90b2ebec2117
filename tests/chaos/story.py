"""A small history, told event by event, and what it has left behind."""

from dataclasses import dataclass, field

from chaos.checker import check
from chaos.facts import read_facts
from chaos.history import Event
from chaos.verdict import DeadLetter, Step, Stored, Violation
from chaos.workload import Write, content, refusal

SEED = 1
PLAIN = "0-plain-0001-0"
SEQUENCE = "0-sequence-0001-0"
VERSION = "0-version-0001-0"
ONCE = "1-once-0001-0"
LEDGER = "1-ledger-0001-0"


def good(key: str, count: int) -> list[Write]:
    """Give the first writes of a key that its table can take."""
    return _first(key, count, refused=False)


def bad(key: str) -> Write:
    """Give the first write of a key that its table cannot take."""
    return _first(key, 1, refused=True)[0]


def _first(key: str, count: int, *, refused: bool) -> list[Write]:
    writes = (Write(key, n) for n in range(1, 10_000))
    found = (write for write in writes if bool(refusal(SEED, write)) is refused)
    return [next(found) for _ in range(count)]


@dataclass
class Story:
    """What happened, a second for each event; ids and sequence numbers follow from the writes."""

    events: list[Event] = field(default_factory=list)
    stored: Stored = field(default_factory=Stored)
    invocations: int = 0
    sequences: dict[Write, int] = field(default_factory=dict)

    def tell(self, who: str, what: str, **details: object) -> None:
        """Add an event."""
        self.events.append({"at": float(len(self.events)), "who": who, "what": what, **details})

    def sends(self, *writes: Write, again: bool = False) -> None:
        """Let a producer send writes and get receipts."""
        for write in writes:
            self.sequences.setdefault(write, 100 + len(self.sequences))
        self.tell("producer-0", "send", writes=[[str(w), str(w), again] for w in writes])
        results = [
            [str(w), "stored", str(self.sequences[w]), f"id-{w}", f"dedup-{w}", again]
            for w in writes
        ]
        self.tell("producer-0", "sent", results=results)

    def given(self, who: str, *writes: Write) -> int:
        """Begin an invocation; return its number."""
        self.invocations += 1
        for write in writes:
            self.sequences.setdefault(write, 100 + len(self.sequences))
        messages = [[f"id-{w}", str(self.sequences[w]), 1, str(w), f"dedup-{w}"] for w in writes]
        self.tell(who, "given", invocation=self.invocations, messages=messages)
        return self.invocations

    def answers(self, who: str, invocation: int, *held: Write) -> None:
        """End an invocation."""
        self.tell(who, "answered", invocation=invocation, held=[f"id-{w}" for w in held], why="")

    def drains(self, who: str, *writes: Write) -> None:
        """Give and settle writes; their effects follow one by one."""
        self.answers(who, self.given(who, *writes))

    def writes(self, *writes: Write) -> None:
        """Write into the table, in this order."""
        for write in writes:
            key, row = write.key, content(SEED, write)
            self.stored.rows[key] = row
            sequence = self.sequences[write] if write.table == "sequence" else None
            self.stored.journal.setdefault(key, []).append(Step(write.n, sequence))
            if write.table == "once":
                self.stored.remembered.add(f"dedup-{write}")

    def posts(self, *writes: Write) -> None:
        """Let the command have its effects, in this order."""
        for write in writes:
            row = content(SEED, write)
            self.stored.effects.setdefault(write.key, []).append(row)
            times, total = self.stored.counters.get(write.key, (0, 0))
            self.stored.counters[write.key] = (times + 1, total + row.amount)
            self.stored.remembered.add(f"dedup-{write}")

    def buries(self, *writes: Write) -> None:
        """Dead-letter writes."""
        self.stored.dead_letters += [DeadLetter(str(w), f"id-{w}", "too long") for w in writes]

    def violations(self) -> list[Violation]:
        """Ask the checker."""
        return check(SEED, read_facts(self.events), self.stored, function_timeout=5.0)

    def kinds(self) -> list[str]:
        """Ask the checker; leave out all but the kinds."""
        return sorted({violation.kind for violation in self.violations()})
