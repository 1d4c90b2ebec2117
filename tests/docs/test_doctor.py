"""The page about the doctor says what the doctor does."""

import re
import runpy

from durable_ingest.doctor.catalogue import CHECKS, PARTS, Severity
from durable_ingest.doctor.findings import error, exit_code, note, unseen, warning
from tests.docs.blocks import ROOT

PAGE = ROOT / "docs" / "doctor.md"


def test_the_tables_of_checks_are_the_doctors_own() -> None:
    """Made by scripts/doctor-table; run it again after a change."""
    script = runpy.run_path(str(ROOT / "scripts" / "doctor-table"))
    assert PAGE.read_text().endswith(script["MARK"] + script["table"]())


def test_every_check_is_documented_and_every_documented_one_is_there() -> None:
    """On the page, and wherever else the documentation names one."""
    parts = "|".join(PARTS)
    named: set[str] = set()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text()
        named |= set(re.findall(rf"(?:`|--(?:ignore|only) )((?:{parts})\.[a-z_]+)\b(?!\()", text))
    assert named == set(CHECKS)


def test_every_check_is_made() -> None:
    """A name that no code uses would be a check that there is not."""
    source = ROOT / "src" / "durable_ingest" / "doctor"
    code = "".join(file.read_text() for file in source.glob("*.py") if file.name != "catalogue.py")
    built = {f"{check}.missing" for check in ("queue", "dead_letters", "function")}
    assert {name for name in CHECKS if f'"{name}"' not in code} == built


def test_the_exit_codes_are_those_of_the_page() -> None:
    """By severity."""
    row = re.compile(r"^\| (error|warning|unseen|note) \| .* \| (\d) \|$", re.MULTILINE)
    rows = row.findall(PAGE.read_text())
    made = {
        Severity.ERROR: error("queue.kind", "", "", ""),
        Severity.WARNING: warning("queue.kind", "", "", ""),
        Severity.UNSEEN: unseen("queue", "", ""),
        Severity.NOTE: note("queue.kind", "", "", ""),
    }
    assert {name: int(code) for name, code in rows} == {
        severity.name.lower(): exit_code([finding]) for severity, finding in made.items()
    }
    assert exit_code([]) == 0
