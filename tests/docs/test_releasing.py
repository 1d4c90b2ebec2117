"""What is released: the checklist's commands, the changelog's form, the oldest dependencies."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

from durable_ingest import __version__

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(<!-- not run: [^\n]+ -->\n\n)?```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHECKED = (ROOT / ".ci/run").read_text()


def commands() -> list[str]:
    """List the checklist's commands that are not marked."""
    blocks = BLOCK.findall((ROOT / "RELEASING.md").read_text())
    return [line for mark, text in blocks if not mark for line in text.splitlines()]


@pytest.mark.parametrize("command", commands())
def test_the_checklists_commands_run(command: str) -> None:
    """What CI does for every merge needs no second time."""
    if command.startswith("make "):
        assert re.search(rf'^step ".*{command}$', CHECKED, re.MULTILINE)
        return
    ran = subprocess.run(  # noqa: S603 - the checklist's own
        shlex.split(command), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == __version__


def test_every_block_is_run_or_marked() -> None:
    """A fence of another language would be passed over."""
    text = (ROOT / "RELEASING.md").read_text()
    assert text.count("```") == 2 * len(BLOCK.findall(text))
    assert len(commands()) == 3


def test_the_changelog_has_its_form() -> None:
    """Unreleased first, then versions that go down, the newest not above the code's."""
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", h) for h in headings[1:])
    versions = [Version(text.split(" ")[0]) for text in (__version__, *headings[1:])]
    assert versions == sorted(versions, reverse=True)


def test_the_oldest_dependencies_are_those_that_are_claimed() -> None:
    """What pyproject.toml says works is what the wheel is tested with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    claims = dict(
        claim.split(">=") for claim in [*project["dependencies"], *(c for e in extras for c in e)]
    )
    oldest = dict(
        re.findall(
            r"^(\S+)==([0-9.]+)", (ROOT / "requirements/oldest.txt").read_text(), re.MULTILINE
        )
    )
    for name, lowest in claims.items():
        assert oldest[name] == lowest or oldest[name].startswith(f"{lowest}.")
