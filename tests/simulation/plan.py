"""What a seed makes of a schedule: who takes part, and which faults may strike."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from tests.simulation.history import Kind

FAULTS: Final = {
    # processes
    "pause": 0.03,
    "kill": 0.03,
    # the way to the database
    "refused": 0.2,
    "connect-lost": 0.1,
    "request-lost": 0.05,
    "request-late": 0.05,
    "request-swallowed": 0.03,
    "answer-lost": 0.05,
    "answer-late": 0.05,
    "commit-lost": 0.2,
    "commit-late": 0.2,
    "commit-swallowed": 0.15,
    "commit-answer-lost": 0.3,
    "commit-answer-late": 0.2,
    "commit-refused": 0.15,
    # the database itself
    "deadlock": 0.1,
    "lock-wait": 0.1,
    # SQS
    "send-lost": 0.15,
    "send-unanswered": 0.15,
    "send-entry-lost": 0.1,
    "send-entry-unanswered": 0.1,
    "throttled": 0.1,
    "receive-unanswered": 0.05,
    "delete-lost": 0.1,
    "delete-unanswered": 0.1,
    "delete-entry": 0.2,
    "hide-lost": 0.2,
    "slow": 0.1,
    # clients
    "gives-up": 0.5,
    "sends-again-late": 0.3,
}
"""Every fault, and how often it strikes at most, where it may."""

OUTAGES: Final = ("stopped", "read-only", "table-missing", "queue-away")


@dataclass(frozen=True, slots=True)
class Outage:
    """A while without something."""

    what: str
    begins: float
    lasts: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One schedule, as its seed has it."""

    seed: int
    kinds: tuple[Kind, ...]
    inbox: bool
    shared_group: bool
    """Whether several keys, of several tables, share a message group."""
    acknowledge: Literal["delete", "report"]
    container: bool
    """Drainers are containers, which may be paused for long; else functions with a time limit."""
    drainers: int
    producers: int
    calls: int
    """How often each producer enqueues."""
    visibility: int
    retention: int
    """Seconds, as are all times."""
    function_timeout: float
    row_alias: bool
    """Whether the server names new rows as MySQL does; else as MariaDB."""
    tags: float
    """How many rows take a value that another row may have, under a second unique index."""
    other_queue: bool
    """Whether clients send some of their writes again through another queue."""
    redrives: bool
    """Whether somebody sends the dead letters back when all is mended."""
    odd_rows: float
    """How many rows the database refuses, for ever or until the end."""
    rates: dict[str, float]
    outages: tuple[Outage, ...]
    heals_at: float
    """When every fault ends, so that all has to come right."""


def plan(seed: int) -> Plan:
    """Draw a schedule."""
    random = Random(seed)  # noqa: S311 - repeats on purpose
    kinds: tuple[Kind, ...] = random.choice(_MIXES)
    inbox = random.random() < 0.4 or "command" in kinds
    container = random.random() < 0.5
    timeout = random.choice((6.0, 10.0, 30.0))
    calm = random.random() < 0.05
    likely = 0.0 if calm else random.choice((0.15, 0.3, 0.6))
    rates = {
        name: most * random.choice((0.2, 0.5, 1.0))
        for name, most in FAULTS.items()
        if random.random() < likely
    }
    outages = tuple(
        Outage(what, random.uniform(0, 60), random.choice((0.5, 4.0, 20.0, 90.0, 400.0)))
        for what in OUTAGES
        if random.random() < likely
    )
    return Plan(
        seed=seed,
        kinds=kinds,
        inbox=inbox,
        shared_group=random.random() < 0.3,
        acknowledge=random.choice(("delete", "report")),
        container=container,
        drainers=random.choice((1, 2, 2, 3)),
        producers=random.choice((1, 1, 2)),
        calls=random.choice((2, 4, 8)),
        visibility=random.choice((40, 60)) if container else int(timeout * 2),
        retention=random.choice((_LONGEST, _LONGEST, _LONGEST, 7200)),
        function_timeout=timeout,
        row_alias=random.random() < 0.5,
        tags=0.0 if calm else random.choice((0.0, 0.0, 0.0, 0.3)),
        other_queue=random.random() < 0.3
        and (set(kinds) == {"version"} or (inbox and "sequence" not in kinds)),
        redrives=random.random() < 0.5,
        odd_rows=0.0 if calm else random.choice((0.0, 0.1, 0.3)),
        rates=rates,
        outages=outages,
        heals_at=max([60.0, *(outage.begins + outage.lasts for outage in outages)]),
    )


_LONGEST: Final = 1_209_600
_MIXES: Final[tuple[tuple[Kind, ...], ...]] = (
    ("plain",),
    ("plain",),
    ("plain",),
    ("sequence",),
    ("version",),
    ("sequence", "version"),
    ("plain", "sequence", "version"),
    ("command",),
    ("plain", "command"),
)
