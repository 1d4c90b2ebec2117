"""The page about performance holds one run, unedited in what can be checked."""

import re
from pathlib import Path
from typing import Final

from benchmarks.claims import Claim
from benchmarks.report import BEGINS, ENDS, into_page

PAGE: Final = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()
CLAIM: Final = re.compile(
    r"^\| (.+?) \| ([\d.,]+) × \| at (least|most) ([\d.]+) \| (yes|\*\*no\*\*) \|$",  # noqa: RUF001 - a multiplication sign is meant
    re.MULTILINE,
)
PARTS: Final = ["A", "Enqueueing", "Cold", "A", "Growth", "Memory", "An", "Plans", "The"]


def test_the_tables_say_what_made_them() -> None:
    """A run of everything: its command, its parts, its machine."""
    run = PAGE[PAGE.index(BEGINS) : PAGE.index(ENDS)]
    assert re.search(r"^Made by `make bench( ARGS=\".*\")?`\.$", run, re.MULTILINE)
    titles = re.findall(r"^### (\w+)", run, re.MULTILINE)
    assert titles == PARTS


def test_what_is_said_to_hold_does() -> None:
    """Reckoned again; a ratio that is the bound when it is rounded may have been either."""
    found = CLAIM.findall(PAGE)
    assert len(found) >= 13
    for what, ratio, side, bound, said in found:
        claim = Claim(what, float(ratio.replace(",", "")), float(bound), at_least=side == "least")
        assert claim.ratio == claim.bound or claim.holds is (said == "yes"), what


def test_a_run_can_be_put_into_the_page() -> None:
    """It has its marks."""
    assert "another run" in into_page(PAGE, "another run")
