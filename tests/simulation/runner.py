"""Many schedules, and of one that fails the shortest that still does."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from tests.simulation.checker import protections, regressions, violations
from tests.simulation.plan import Plan, plan
from tests.simulation.world import Outcome, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass
class Tally:
    """What many schedules came to."""

    schedules: int = 0
    writes: int = 0
    commits: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    """Faults that struck."""
    older_won: Counter[str] = field(default_factory=Counter)
    """Why, where the matrix allows it."""
    held_off: Counter[str] = field(default_factory=Counter)
    """Where a guard or an inbox kept an old write off."""
    failed: dict[int, list[str]] = field(default_factory=dict)
    """Seed -> what its schedule violates."""

    def add(self, other: Tally) -> None:
        """Take another one in."""
        self.schedules += other.schedules
        self.writes += other.writes
        self.commits += other.commits
        self.seen += other.seen
        self.older_won += other.older_won
        self.held_off += other.held_off
        self.failed |= other.failed


def wrong_with(outcome: Outcome) -> list[str]:
    """Say what a schedule violates."""
    if outcome.stuck is not None:
        return [f"nothing blocks for ever: {outcome.stuck}"]
    return violations(outcome.history)


def tally(seeds: Iterable[int]) -> Tally:
    """Run schedules one after the other."""
    total = Tally()
    for seed in seeds:
        outcome = run(plan(seed))
        causes = [r.cause for r in regressions(outcome.history) if r.cause is not None]
        wrong = wrong_with(outcome)
        total.add(
            Tally(
                schedules=1,
                writes=len(outcome.history.writes),
                commits=len(outcome.history.commits),
                seen=outcome.seen,
                older_won=Counter(causes),
                held_off=Counter(protections(outcome.history)),
                failed={seed: wrong} if wrong else {},
            )
        )
    return total


def tally_in_parallel(seeds: range, processes: int, chunk: int = 100) -> Iterator[Tally]:
    """Run schedules in several processes; give a tally for each chunk of them."""
    chunks = [seeds[n : n + chunk] for n in range(0, len(seeds), chunk)]
    if processes == 1:
        yield from map(tally, chunks)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(tally, chunks)


def first_failure(seeds: Iterable[int]) -> int | None:
    """Give the first seed whose schedule violates something."""
    return next((seed for seed in seeds if wrong_with(run(plan(seed)))), None)


def shortest(seed: int) -> tuple[Plan, Outcome]:
    """Take from a failing schedule what it does not need in order to fail by the same rule."""
    best = plan(seed)
    outcome = run(best)
    rules = _rules(outcome)
    smaller = True
    while smaller:
        smaller = False
        for candidate in _less(best):
            tried = run(candidate)
            if rules & _rules(tried):
                best, outcome, smaller = candidate, tried, True
                break
    return best, outcome


def report(seed: int) -> str:
    """Write what a failing schedule violates, and the shortest history that does."""
    reduced, outcome = shortest(seed)
    lines = [f"seed {seed} violates:"]
    lines += [f"  {text}" for text in wrong_with(outcome)]
    lines += ["", f"{reduced}", ""]
    lines += [f"{moment:10.3f}  {actor:12} {what}" for moment, actor, what in outcome.trace]
    lines += ["", f'again: make simulate ARGS="--schedules 1 --seed {seed}"']
    return "\n".join(lines)


def _rules(outcome: Outcome) -> set[str]:
    return {text.split(":")[0] for text in wrong_with(outcome)}


def _less(given: Plan) -> Iterator[Plan]:
    """Give plans with one thing less."""
    less = partial(replace, given)
    return chain(
        (less(producers=n) for n in range(1, given.producers)),
        (less(calls=n) for n in range(1, given.calls)),
        (less(drainers=n) for n in range(1, given.drainers)),
        (less(outages=tuple(o for o in given.outages if o is not out)) for out in given.outages),
        (
            less(rates={name: rate for name, rate in given.rates.items() if name != out})
            for out in given.rates
        ),
        [less(odd_rows=0.0)] if given.odd_rows else [],
        [less(tags=0.0)] if given.tags else [],
        [less(redrives=False)] if given.redrives else [],
        [less(other_queue=False)] if given.other_queue else [],
        [less(shared_group=False)] if given.shared_group else [],
    )
