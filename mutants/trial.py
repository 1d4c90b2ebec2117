"""One run of some tests in a copy of the project, and what it shows about the fault in it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from mutants.planted import PACKAGE
from mutants.witness import REPORT

ROOT = Path(__file__).parents[1]
COPIED = ("src", "tests", "mutants", "docs", "pyproject.toml")
LIMIT = 120.0
"""Seconds that the tests of one fault may take; a fault that hangs them is not caught by them."""
_LAST_LINES = 30


class Verdict(Enum):
    """What the tests made of a fault."""

    CAUGHT = "caught"
    """A test was contradicted."""
    SURVIVED = "SURVIVED"
    """All tests passed."""
    BROKEN = "BROKEN"
    """The tests could not run, or not to an end: that shows nothing."""


@dataclass(frozen=True)
class Trial:
    """What a run of tests came to."""

    exit_code: int | None
    """pytest's; None where it was ended because of its time."""
    failures: list[dict[str, Any]] = field(default_factory=list)
    """As the witness wrote them down."""
    last_words: str = ""
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """Caught is only what a test contradicts: not an error of a fixture or an import."""
        if self.exit_code == pytest.ExitCode.OK:
            return Verdict.SURVIVED
        if self.exit_code == pytest.ExitCode.TESTS_FAILED and self.witnesses:
            return Verdict.CAUGHT
        return Verdict.BROKEN

    @property
    def witnesses(self) -> list[str]:
        """The tests that were contradicted."""
        return [failure["test"] for failure in self.failures if failure["contradicted"]]


def copy(tree: Path) -> None:
    """Copy what the tests need of the project."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignored)
        else:
            shutil.copy(source, tree / name)


def run(
    tree: Path, tests: Sequence[str], environment: Mapping[str, str], limit: float = LIMIT
) -> Trial:
    """Run tests in a copy, on that copy's source, in a process of their own."""
    report = tree / "report.jsonl"
    report.unlink(missing_ok=True)
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "pytest", *_OPTIONS, *tests],
        cwd=tree,
        env={
            **{n: v for n, v in os.environ.items() if not n.startswith("COVERAGE")},
            **environment,
            "PYTHONPATH": f"{tree / PACKAGE.parent}{os.pathsep}{tree}",
            REPORT: str(report),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that what the tests started ends with them
    )
    start = time.monotonic()
    exit_code: int | None = None
    try:
        output, _ = process.communicate(timeout=limit)
        exit_code = process.returncode
    except subprocess.TimeoutExpired:
        _end(process)
        output, _ = process.communicate()
    except BaseException:
        _end(process)
        raise
    lines = report.read_text().splitlines() if report.exists() else []
    words = "\n".join(output.splitlines()[-_LAST_LINES:])
    failures = [json.loads(line) for line in lines]
    return Trial(exit_code, failures, words, time.monotonic() - start)


_OPTIONS = (
    *("-p", "mutants.witness"),
    *("-p", "no:randomly"),
    *("-p", "no:cacheprovider"),
    *("--quiet", "--tb=short", "--no-header"),
)


def _end(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
