"""The cost of a message while its table grows, beside the bare statement and a table of its own."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from benchmarks.claims import Claim
from benchmarks.report import Section, figure, times
from benchmarks.samples import Prepare, Samples, alternate
from benchmarks.writers import BARE, SEQUENCE, Handler, bare, drainer
from benchmarks.writes import TEN, create_table, event, newcomers

TITLE: Final = "Growth"
OURS: Final = "sequence"
FEWEST: Final = 1_000
NOTE: Final = (
    "Medians of the last batches before the tables have so many rows, each a new customer, its key"
    " at a random place; every message went through the one drainer. The bare statement writes a"
    " table of its own of the same size, in turns: its columns show what the server's own growth"
    " costs."
)


def measure(url: str, control: str, largest: int, rounds: int) -> Section:
    """Write new customers with both, and look at the cost at each size.

    Args:
        url: an empty database.
        control: another one.
        largest: rows at the end, a power of ten.
        rounds: batches that are looked at, at most, before each size is reached.
    """
    taken: dict[int, dict[str, Samples]] = {}
    for each in (url, control):
        create_table(each)
    with ExitStack() as stack:
        writers = {OURS: drainer(SEQUENCE)(url, stack), BARE: bare(control, stack)}
        done = 0
        for size in sizes(largest):
            candidates = {name: _batches(handle, done) for name, handle in writers.items()}
            window = min(rounds, size // TEN // 2)
            taken[size] = alternate(candidates, window, warm_up=size // TEN - done - window)
            done = size // TEN
    return section(taken)


def sizes(largest: int) -> list[int]:
    """Give the powers of ten from the fewest to the largest."""
    found = [FEWEST]
    while found[-1] < largest:
        found.append(found[-1] * 10)
    return found


def _batches(handle: Handler, done: int) -> Prepare:
    def prepare(number: int) -> Callable[[], object]:
        given = event(newcomers((done + number) * TEN, TEN))
        return lambda: handle(given)

    return prepare


def section(taken: dict[int, dict[str, Samples]]) -> Section:
    """Make rows and claims of the samples at each size."""
    rows = []
    for size, samples in taken.items():
        ours, theirs = samples[OURS], samples[BARE]
        rows.append([
            f"{size:,}",
            times(ours.typical / theirs.typical),
            figure(ours.typical_cpu * 1e6 / TEN),
            figure(theirs.typical_cpu * 1e6 / TEN),
            figure(ours.typical * 1e6 / TEN),
            figure(theirs.typical * 1e6 / TEN),
        ])  # fmt: skip
    few, many = min(taken), max(taken)
    spans = f"after {many:,} messages / after {few:,}"
    cpu = taken[many][OURS].typical_cpu / taken[few][OURS].typical_cpu
    over = {size: each[OURS].typical / each[BARE].typical for size, each in taken.items()}
    claims = [
        Claim(f"CPU of a message, `{OURS}`: {spans}", cpu, 1.1),
        Claim(f"time, `{OURS}` / {BARE}: {spans}", over[many] / over[few], 1.1),
    ]
    headings = [
        "messages so far", "time", "CPU, µs a message", f"{BARE}: CPU, µs",
        "µs a message", f"{BARE}: µs",
    ]  # fmt: skip
    data = {str(size): {n: s.as_json() for n, s in each.items()} for size, each in taken.items()}
    return Section(TITLE, headings, rows, claims, data, NOTE)
