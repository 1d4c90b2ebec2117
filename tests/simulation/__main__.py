"""Run many schedules: `make simulate ARGS="--schedules 50000 --seed 7"`."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.simulation.plan import plan
from tests.simulation.runner import Tally, report, tally_in_parallel
from tests.simulation.world import run


def main() -> int:
    """Run what the command line asks for; 1 if a schedule violates something."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--schedules", type=int, default=5000, help="how many (default 5000)")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed (default 0)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--trace", action="store_true", help="show the first one step by step")
    asked = parser.parse_args()
    if asked.trace:
        print(*_steps(asked.seed), sep="\n")
    total, began = Tally(), time.monotonic()
    seeds = range(asked.seed, asked.seed + asked.schedules)
    for part in tally_in_parallel(seeds, asked.processes):
        total.add(part)
        if total.failed:
            break
    seconds = time.monotonic() - began
    print(f"{total.schedules} schedules in {seconds:.0f} s: ", end="")
    print(f"{total.writes} writes, {total.commits} commits, {total.seen.total()} faults")
    print("faults:", ", ".join(f"{name} {n}" for name, n in total.seen.most_common()))
    print("older won:", ", ".join(f"{why} {n}" for why, n in total.older_won.items()) or "never")
    print("held off:", ", ".join(f"{by} {n}" for by, n in total.held_off.items()) or "never")
    for seed in sorted(total.failed)[:1]:
        print(f"\n{report(seed)}")
    print(f"violations: {len(total.failed)}")
    return 1 if total.failed else 0


def _steps(seed: int) -> list[str]:
    drawn = plan(seed)
    return [str(drawn), *(f"{t:10.3f}  {actor:12} {what}" for t, actor, what in run(drawn).trace)]


if __name__ == "__main__":
    sys.exit(main())
