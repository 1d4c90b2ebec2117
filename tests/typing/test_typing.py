"""What users' type checkers say of code that uses the installed package."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("code", ["accepted", "refused"])
def test_mypy_strict(code: str, tmp_path: Path) -> None:
    """Typical files pass; mistakes are found, each with the error code that stands beside it."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file="]
    ran = subprocess.run(  # noqa: S603 - our own command
        [*command, "--cache-dir", str(tmp_path), "."],
        cwd=HERE / code,  # a project of its own: the package is found where it is installed
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("", "", 0)
