"""The comparison's table: what is counted, and what is lost."""

import io
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from drill import comparison, outcome
from drill.alternatives.candidate import Candidate
from drill.alternatives.function import Function
from drill.alternatives.gateway import Gateway
from drill.alternatives.limits import Limits
from drill.alternatives.meter import Meter
from drill.alternatives.names import NAMES
from drill.checker import lost_writes
from drill.outcome import Outcome
from drill.recorder import Phase, Recorder
from drill.workload import Customer
from tests.drill.history import customer, request

PNG = b"\x89PNG\r\n\x1a\n"
HISTORY = [
    request("a", 1),
    request("a", 2, status=200),
    request("a", 3, status=504, phase=Phase.DOWN, answer_ms=480),
    request("a", 4, phase=Phase.READ_ONLY, answer_ms=6),
    request("b", 1, status=503, phase=Phase.DOWN, answer_ms=2),
    request("b", 2, status=502),
]


@pytest.fixture
def measured(tmp_path: Path) -> Outcome:
    """Give what is made of the history, where a's third write is the last one stored."""
    recorder = Recorder()
    for each in HISTORY:
        recorder.answered(each)
    function = Function(lambda _: lambda *_: None, Limits(), tmp_path / "functions")
    other = Meter()
    function.meter.seconds, other.seconds = 1.25, 2.5
    function.meter.most_at_once = 7
    with closing(Gateway(function, limit=1)) as gateway:
        candidate = Candidate(gateway, function, meters=[other])
        return Outcome.of("a way", recorder, [customer("a", 3)], candidate)


@pytest.mark.parametrize(
    ("stored", "lost"),
    [
        ([], 3),
        ([customer("a", 1)], 2),
        ([customer("a", 2)], 1),
        ([customer("a", 3)], 1),
        ([customer("a", 4), customer("b", 1)], 0),
        ([Customer("a", 9, "never", "sent")], 3),
    ],
)
def test_lost_is_what_neither_shows_nor_was_replaced(stored: list[Customer], lost: int) -> None:
    """Of the acknowledged writes alone."""
    assert lost_writes(HISTORY, stored) == lost


def test_each_request_is_counted_once(measured: Outcome) -> None:
    """As 2xx, as refused, or as not answered in time."""
    assert (measured.answered_2xx, measured.refused, measured.no_answer_in_time) == (3, 2, 1)
    assert measured.requests == 6
    assert (measured.acknowledged, measured.acknowledged_and_lost) == (3, 1)


def test_answers_are_those_of_the_upgrade(measured: Outcome) -> None:
    """Of down and read-only together."""
    assert (measured.upgrade_2xx, measured.upgrade_requests) == (1, 3)
    assert (measured.p50_ms, measured.p99_ms) == (6, 480)


def test_all_functions_are_billed(measured: Outcome) -> None:
    """The one behind the gateway is the one that is counted at once."""
    assert (measured.function_seconds, measured.most_at_once) == (3.75, 7)


def test_the_table_fits_120_columns(measured: Outcome) -> None:
    """With the longest names and large figures."""
    rows = [
        replace(
            measured,
            name=name,
            requests=1_050,
            answered_2xx=1_050,
            acknowledged=1_050,
            acknowledged_and_lost=1_050,
            refused=1_050,
            no_answer_in_time=1_050,
            upgrade_requests=1_050,
            upgrade_2xx=1_050,
            p50_ms=29_000.1,
            p99_ms=29_000.1,
            function_seconds=12_345.6,
            most_at_once=1_000,
        )
        for name in comparison.CANDIDATES
    ]
    console = Console(file=io.StringIO(), width=120)
    console.print(outcome.render(rows))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(name in text for name in comparison.CANDIDATES)
    assert "1,050/1,050" in text
    assert "…" not in text


def test_the_report_holds_table_figures_and_picture(measured: Outcome, tmp_path: Path) -> None:
    """The page's table has all headings."""
    comparison.write(tmp_path, {"outcomes": []}, [measured])
    assert (tmp_path / "comparison.png").read_bytes().startswith(PNG)
    assert json.loads((tmp_path / "comparison.json").read_text()) == {"outcomes": []}
    heading, line, row = (tmp_path / "comparison.md").read_text().splitlines()
    assert heading.count("|") == line.count("|") == row.count("|") == len(outcome.HEADINGS) + 2
    assert row.startswith("| a way | 6 | 3 | 2 | 1 | 3 | 1 | 1 of 3 |")


def test_every_name_has_its_candidate() -> None:
    """In the order of the table."""
    assert tuple(comparison.CANDIDATES) == NAMES
