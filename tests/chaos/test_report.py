"""What a run tells at its end."""

import json

from rich.console import Console

from chaos import report
from chaos.facts import read_facts
from chaos.rows import older_plain_rows
from chaos.verdict import KINDS, Violation
from tests.chaos.story import PLAIN, SEED, SEQUENCE, Story, good

SUMMARY = report.Summary(
    command="make chaos",
    server="MySQL 9.7",
    seed=7,
    seconds=600.0,
    writes=1000,
    messages=990,
    acknowledged=980,
    in_doubt=5,
    sent_again=30,
    invocations=200,
    deliveries=1200,
    dead_letters=10,
    older_plain_rows=2,
    slowest_answer=3.9,
    strikes={"read-only": 4, "disk full": 1},
    hits={"read-only": 4, "disk full": 8},
    impossible=["meteorites"],
    violations=report.count_violations([]),
)


def test_a_run_without_violations_has_passed() -> None:
    """Every kind is told with its zero."""
    assert SUMMARY.passed
    assert SUMMARY.violations == dict.fromkeys(KINDS, 0)
    assert json.loads(SUMMARY.as_json())["passed"] is True


def test_any_violation_fails_a_run() -> None:
    """It is counted by its kind."""
    counted = report.count_violations([Violation("stuck", "", "?"), Violation("stuck", "", "?")])
    assert counted["stuck"] == 2
    assert sum(counted.values()) == 2
    failed = json.loads(SUMMARY.as_json()) | {"violations": counted}
    failed.pop("passed")
    assert not report.Summary(**failed).passed


def test_the_table_shows_faults_and_zeros() -> None:
    """Faults with how often they struck and hit."""
    console = Console(width=100)
    with console.capture() as captured:
        console.print(report.render(SUMMARY))
    rows = [line.strip("│ \n").split("│") for line in captured.get().splitlines() if "│" in line]
    cells = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}
    assert cells["disk full"] == ["1", "8"]
    assert cells["meteorites"][0] == "not possible here"
    assert cells["faults"][0] == "5"
    assert cells["older"][0] == "0"
    assert cells["acknowledged"][0] == "980"


def test_resends_and_deliveries_are_counted() -> None:
    """Each message as often as it was sent or given."""
    story, (first, second) = Story(), good(PLAIN, 2)
    story.sends(first, second)
    story.sends(first, again=True)
    story.drains("drainer-1", first, second)
    story.drains("drainer-2", first)
    assert report.resends(story.events) == 1
    assert report.deliveries(read_facts(story.events)) == 3


def test_the_slowest_answer_is_that_of_a_process_that_was_not_stopped() -> None:
    """A stopped one is as slow as its stop was long."""
    story = Story()
    story.tell("drainer-1", "answered", invocation=1, took=2.5)
    story.tell("chaos", "SIGSTOP", whom="drainer-2")
    story.tell("drainer-2", "answered", invocation=1, took=14.0)
    story.tell("drainer-2", "answered", invocation=2, took=3.5)
    assert report.slowest_answer(story.events) == 3.5


def test_older_plain_rows_are_counted() -> None:
    """Where a newer message that the table can take came before."""
    story, (first, second), (other,) = Story(), good(PLAIN, 2), good(SEQUENCE, 1)
    story.sends(first, second, other)
    story.drains("drainer-1", first, second, other)
    story.writes(first, second, other)
    assert older_plain_rows(SEED, read_facts(story.events), story.stored) == 0
    story.writes(first)
    assert older_plain_rows(SEED, read_facts(story.events), story.stored) == 1
