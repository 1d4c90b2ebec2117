"""Samples into rows and claims: which is divided by which."""

from benchmarks import backlogs, cold_starts, enqueueing, growing, inboxes, memory, warm_batches
from benchmarks.claims import Claim
from benchmarks.report import Section, times
from benchmarks.samples import Samples
from benchmarks.writers import BARE, BATCH, ROW, WRITERS


def taking(milliseconds: float, cpu: float = 1.0) -> Samples:
    """Make samples of so many milliseconds each."""
    return Samples([milliseconds / 1e3] * 3, [cpu / 1e3] * 3)


def ratio(section: Section, what: str) -> float:
    """Find a claim by what it says."""
    [claim] = [claim for claim in section.claims if what in claim.what]
    assert isinstance(claim, Claim)
    return round(claim.ratio, 9)


def test_batches_are_compared_at_one_millisecond_and_cpu_without_delay() -> None:
    """With the bare statement, and with Powertools."""
    slow = {"sequence": 2.0, "version": 1.5, BARE: 1.25, BATCH: 12.0, ROW: 30.0}
    at_one = {name: taking(slow.get(name, 3.0)) for name in WRITERS}
    at_none = {name: taking(99.0, 0.6 if name == "sequence" else 0.4) for name in WRITERS}
    ping = {warm_batches.PING: taking(1.1)}
    requests = dict.fromkeys(WRITERS, 1)
    section = warm_batches.section({0.0: at_none | ping, 1.0: at_one | ping}, requests)
    assert ratio(section, f"at 1 ms: {ROW} / `sequence`") == 15
    assert ratio(section, f"at 1 ms: {BATCH} / `version`") == 8
    assert ratio(section, "at 1 ms: `sequence` / bare") == 1.6
    assert ratio(section, "CPU: `sequence` / bare") == 1.5
    assert all(len(row) == len(section.headings) for row in section.rows)
    assert section.rows[0][0] == "sequence"
    assert section.rows[0][-1] == "60.0"  # 0.6 ms for ten messages


def test_enqueueing_is_compared_by_time_and_by_rate() -> None:
    """`enqueue` by the one, `enqueue_many` by the other."""
    section = enqueueing.section({
        "enqueue": taking(1.1), "send_message": taking(1.0),
        "enqueue_many": taking(25.0), "send_message_batch": taking(20.0),
    })  # fmt: skip
    assert ratio(section, "`enqueue`") == 1.1
    assert ratio(section, "`enqueue_many`") == 0.8


def test_cold_starts_are_compared_on_each_python() -> None:
    """A drainer with what it stands on, an enqueuer with a client likewise."""
    slow = {"drainer": 90, "PyMySQL, pydantic, tenacity": 100, "enqueuer, its client made": 300}
    samples = {name: taking(slow.get(name, 250)) for name in cold_starts.STARTS}
    section = cold_starts.section({"3.11.7": samples, "3.13.0": samples})
    assert ratio(section, "on Python 3.13.0: drainer") == 0.9
    assert ratio(section, "on Python 3.11.7: enqueuer") == 1.2
    assert len(section.rows) == 2 * len(samples)


def test_backlogs_are_compared_by_rate() -> None:
    """At each delay."""
    samples = {backlogs.POLL: taking(2_000), backlogs.LOOP: taking(1_800)}
    section = backlogs.section({0.0: samples}, 5_000, 2)
    assert ratio(section, "at 0 ms: `poll`") == 0.9
    assert [row[2] for row in section.rows] == ["2,500", "2,778"]


def test_growth_is_the_end_against_the_beginning() -> None:
    """CPU by itself; time by what it is of the bare statement's, which the server slows as well."""
    section = growing.section({
        1_000: {growing.OURS: taking(2.0, 0.5), BARE: taking(1.0)},
        10_000: {growing.OURS: taking(9.0, 0.6), BARE: taking(3.0)},
        100_000: {growing.OURS: taking(7.5, 0.55), BARE: taking(2.5)},
    })  # fmt: skip
    assert ratio(section, "CPU of a message") == 1.1
    assert ratio(section, "time, ") == 1.5
    assert [row[:2] for row in section.rows] == [
        ["1,000", times(2)],
        ["10,000", times(3)],
        ["100,000", times(3)],
    ]
    assert all(len(row) == len(section.headings) for row in section.rows)


def test_memory_is_the_end_against_the_first_tenth() -> None:
    """What an interpreter takes to begin with is no growth."""
    samples = [(50, 20), (101, 40), (250, 42), (520, 42), (1_003, 44)]
    given = [(count, size * memory.MEBI) for count, size in samples]
    section = memory.section({"messages": 1_000, "samples": given})
    assert ratio(section, "after 1,000 messages / after 100") == 1.1
    assert [row[0] for row in section.rows] == ["101", "520", "1,003"]


def test_inboxes_are_compared_with_each_buffer_pool() -> None:
    """And it is said whether the pool holds the inbox."""
    full, empty = inboxes.FULL.table, inboxes.EMPTY.table
    held, small = 200 * inboxes.MEBI, 50 * inboxes.MEBI
    reads = {full: 9.5, empty: 0.0}
    section = inboxes.section(
        {
            held: ({full: taking(1.25), empty: taking(1.0)}, reads),
            small: ({full: taking(3.0), empty: taking(1.5)}, reads),
        },
        1_000_000,
        held,
    )
    assert ratio(section, "all in memory") == 1.25
    assert ratio(section, "25% of it in memory") == 2
    assert [row[-1] for row in section.rows] == ["0.00", "9.50"] * 2
