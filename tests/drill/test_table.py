"""The drill's table by phase."""

import io
from itertools import pairwise

import pytest
from rich.console import Console

from drill.recorder import DatabaseState, Phase, Recorder, Sample
from drill.table import by_phase, percentile, render
from tests.drill.history import request


@pytest.fixture
def recorder() -> Recorder:
    """Give a drill of 10 s normal, 20 s down, 5 s catch-up."""
    recorder = Recorder()
    recorder.began = {Phase.NORMAL: 0.0, Phase.DOWN: 10.0, Phase.CATCH_UP: 30.0}
    recorder.ended = 35.0
    for number in range(1, 101):
        recorder.answered(request("a", number, at=number / 10, answer_ms=number))
    recorder.answered(request("b", 1, at=12.0, phase=Phase.DOWN, answer_ms=7.0))
    recorder.answered(request("b", 2, at=13.0, phase=Phase.DOWN, answer_ms=9.0, status=503))
    up, down = DatabaseState.UP, DatabaseState.DOWN
    recorder.samples = [
        Sample(5.0, Phase.NORMAL, 50, 50, 40, 10, up),
        Sample(9.9, Phase.NORMAL, 99, 99, 98, 1, up),
        Sample(29.9, Phase.DOWN, 102, 101, 99, 2, down),
        Sample(35.1, Phase.CATCH_UP, 102, 101, 101, 0, up),
    ]
    return recorder


def test_each_phase_that_began_has_a_row_and_the_whole_one_more(recorder: Recorder) -> None:
    """With its length."""
    assert [(row.name, row.seconds) for row in by_phase(recorder)] == [
        ("normal", 10.0),
        ("upgrade: down", 20.0),
        ("catch-up", 5.0),
        ("whole drill", 35.0),
    ]


def test_requests_count_in_the_phase_in_which_they_were_sent(recorder: Recorder) -> None:
    """Acknowledged and refused ones apart."""
    counts = [(row.requests, row.acknowledged, row.refused) for row in by_phase(recorder)]
    assert counts == [(100, 100, 0), (2, 1, 1), (0, 0, 0), (102, 101, 1)]


def test_stored_and_queued_are_those_of_a_phases_last_sample(recorder: Recorder) -> None:
    """The whole's are those of the drill's last."""
    ends = [(row.stored_at_end, row.depth_at_end) for row in by_phase(recorder)]
    assert ends == [(98, 1), (99, 2), (101, 0), (101, 0)]


def test_times_of_answers(recorder: Recorder) -> None:
    """Median and 99th percentile; none without requests."""
    normal, down, catch_up, _ = by_phase(recorder)
    assert (normal.p50_ms, normal.p99_ms) == (50, 99)
    assert (down.p50_ms, down.p99_ms) == (7.0, 9.0)
    assert (catch_up.p50_ms, catch_up.p99_ms) == (None, None)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, None), ([3.0], 99, 3.0), ([3.0, 1.0, 2.0], 50, 2.0), ([1.0, 2.0], 99, 2.0)],
)
def test_percentile(values: list[float], percent: float, expected: float | None) -> None:
    """The nearest rank, of unsorted values too."""
    assert percentile(values, percent) == expected


def test_the_table_fits_a_terminal_of_100_columns(recorder: Recorder) -> None:
    """And shows every phase whole."""
    console = Console(file=io.StringIO(), width=100)
    console.print(render(by_phase(recorder)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(name in text for name in ("normal", "upgrade: down", "catch-up", "whole drill"))
    assert "…" not in text


def test_a_write_counts_as_stored_once_its_revision_or_a_later_one_is_there() -> None:
    """Acknowledged writes alone count."""
    recorder = Recorder()
    for revision, status in ((1, 202), (2, 202), (3, 503), (4, 202)):
        recorder.answered(request("a", revision, status=status))
    tables = [{}, {"a": 1}, {"a": 3}, {"a": 4}, None, {"a": 4, "unsent": 1}]
    counts = [
        recorder.sampled(depth=0, database=DatabaseState.UP, stored=table).stored
        for table in tables
    ]
    assert counts == [0, 1, 2, 3, 3, 3]


def test_the_history_is_in_order_of_time(recorder: Recorder) -> None:
    """Phases, requests and samples, told apart by their kind."""
    history = recorder.history()
    assert all(a["at"] <= b["at"] for a, b in pairwise(history))
    assert {entry["kind"] for entry in history} == {"phase", "request", "sample"}
    assert len(history) == 3 + 102 + 4
