"""A pytest plugin: writes down which tests failed and how, and whose source they ran on."""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

import durable_ingest

REPORT = "MUTANTS_REPORT"
"""The environment variable that names the report: one line of JSON for each failure."""


def pytest_sessionstart() -> None:
    """See that the tests run on the copy that they were started in."""
    package = Path(str(durable_ingest.__file__))
    if not package.is_relative_to(Path.cwd()):
        pytest.exit(f"{package} is not in {Path.cwd()}", returncode=pytest.ExitCode.INTERNAL_ERROR)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note a failure: a test that was contradicted is told from one that could not run."""
    report = yield
    if report.failed and call.excinfo is not None:
        contradicted = isinstance(call.excinfo.value, AssertionError | pytest.fail.Exception)
        line = {
            "test": item.nodeid,
            "error": call.excinfo.typename,
            "contradicted": report.when == "call" and contradicted,
        }
        with Path(os.environ[REPORT]).open("a") as file:
            file.write(json.dumps(line) + "\n")
    return report
