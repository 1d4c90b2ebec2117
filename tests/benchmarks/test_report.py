"""Claims, tables and JSON."""

import pytest

from benchmarks.claims import Claim
from benchmarks.main import made_by
from benchmarks.report import (
    BEGINS,
    ENDS,
    Section,
    as_json,
    figure,
    into_page,
    markdown,
    tables,
    times,
)

FAST = Claim("ours: faster", 13.04, 12, at_least=True)
LATE = Claim("ours: time", 1.31, 1.2)
SECTION = Section("Batches", ["what", "ms"], [["ours", "1.20"]], [FAST, LATE], {"a": 1}, "Medians.")


@pytest.mark.parametrize(
    ("ratio", "at_least", "holds"),
    [(1.2, False, True), (1.21, False, False), (1.2, True, True), (1.19, True, False)],
)
def test_a_claim_holds_up_to_its_bound(ratio: float, at_least: bool, holds: bool) -> None:  # noqa: FBT001 - a case's answer
    """Or from it on."""
    claim = Claim("x", ratio, 1.2, at_least=at_least)
    assert claim.holds is holds
    assert claim.words == ("at least 1.2" if at_least else "at most 1.2")
    assert claim.as_json()["holds"] is holds


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "0.12"), (1.0, "1.00"), (12.34, "12.3"), (123.4, "123"), (12345.6, "12,346")],
)
def test_figures_have_three_digits_that_count(value: float, text: str) -> None:
    """Or all before the point."""
    assert figure(value) == text
    assert times(value) == f"{text} ×"  # noqa: RUF001 - a multiplication sign is meant


def test_a_table_is_markdown() -> None:
    """Numbers to the right."""
    assert markdown(["what", "ms"], [["ours", "1.20"]]) == (
        "| what | ms |\n| --- | ---: |\n| ours | 1.20 |"
    )


def test_ratios_come_first_and_say_what_does_not_hold() -> None:
    """Then the section with its note, then the machine."""
    text = tables("make bench", ["Linux"], [SECTION], {"Batches": "![Bars](bars.png)"})
    rows = [
        "| ours: faster | 13.0 × | at least 12 | yes |",  # noqa: RUF001 - likewise
        "| ours: time | 1.31 × | at most 1.2 | **no** |",  # noqa: RUF001 - likewise
        "Made by `make bench`.",
        "### Batches",
        "![Bars](bars.png)",
        "| ours | 1.20 |",
        "Medians.",
        "### The machine",
        "- Linux",
    ]
    places = [text.index(row) for row in rows]
    assert places == sorted(places)


def test_json_has_the_claims_the_samples_and_what_was_asked_for() -> None:
    """By section."""
    found = as_json("make bench", ["Linux"], {"rounds": 3}, [SECTION])
    assert [claim["holds"] for claim in found["claims"]] == [True, False]
    assert found["sections"] == {"Batches": {"a": 1}}
    assert (found["machine"], found["options"]) == (["Linux"], {"rounds": 3})


def test_a_run_takes_the_place_of_the_one_before() -> None:
    """Between the marks; the rest of the page stays."""
    page = f"# Title\n\n{BEGINS}\n\nold\n\n{ENDS}\n\nMore.\n"
    assert into_page(page, "new\n") == f"# Title\n\n{BEGINS}\n\nnew\n\n{ENDS}\n\nMore.\n"
    assert into_page(into_page(page, "x\n"), "new\n") == into_page(page, "new\n")


@pytest.mark.parametrize("page", ["", BEGINS, ENDS, f"{ENDS} {BEGINS}", f"{BEGINS}{BEGINS}{ENDS}"])
def test_a_page_without_the_marks_is_refused(page: str) -> None:
    """Before it is written to."""
    with pytest.raises(ValueError, match="between"):
        into_page(page, "new")


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ([], "make bench"),
        (["--page", "docs/performance.md"], "make bench"),
        (["--rounds", "9", "--report", "x", "--json"], 'make bench ARGS="--rounds 9 --json"'),
    ],
)
def test_the_command_is_what_makes_the_same_run(arguments: list[str], command: str) -> None:
    """Wherever the tables go."""
    assert made_by(arguments) == command
