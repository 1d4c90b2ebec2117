"""The list of planted faults says what is so."""

import ast
import re
from pathlib import Path

import pytest

from mutants.planted import PACKAGE, Planted, load
from mutants.trial import ROOT

FAULTS = load()
A_TEST = re.compile(r"(tests/\S+\.py)::(test_\w+)(\[.+\])?")


def test_the_list_is_long_enough() -> None:
    """And no name stands in it twice."""
    names = {fault.name for fault in FAULTS}
    assert len(names) == len(FAULTS) >= 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_be_planted(fault: Planted) -> None:
    """Its text is in the source once, and Python with the fault is still Python."""
    source = (ROOT / PACKAGE / fault.file).read_text()
    assert source.count(fault.before) == 1
    assert ast.dump(ast.parse(fault.mutated(source))) != ast.dump(ast.parse(source))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_faults_tests_exist(fault: Planted) -> None:
    """Each is a function of a test module."""
    assert fault.tests
    for test in fault.tests:
        found = A_TEST.fullmatch(test)
        assert found is not None
        assert f"\ndef {found[2]}(" in Path(ROOT, found[1]).read_text()
