"""The benchmarks' command line."""

import sys
from pathlib import Path

import pytest

from benchmarks.options import SECTIONS, parse


def test_the_defaults_measure_everything_on_this_python() -> None:
    """With a backlog of 5,000, and sizes that take minutes."""
    options = parse([])
    assert (options.only, options.pythons) == (list(SECTIONS), [Path(sys.executable)])
    assert (options.backlog, options.receivers) == (5_000, 2)
    assert (options.growth, options.inbox) == (100_000, 1_000_000)


def test_parts_and_interpreters_may_be_named_several_times() -> None:
    """In any order."""
    options = parse(["--only", "backlogs", "--only", "batches", "--python", "a", "--python", "b"])
    assert options.only == ["backlogs", "batches"]
    assert options.pythons == [Path("a"), Path("b")]


@pytest.mark.parametrize(
    "arguments",
    ["--rounds 0", "--backlog 12", "--only sleep", "--growth 2000", "--growth 1000", "--inbox x"],
)
def test_wrong_arguments_end_the_program(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With status 2 and a text that names the argument."""
    with pytest.raises(SystemExit) as ended:
        parse(arguments.split())
    assert ended.value.code == 2
    assert arguments.split(maxsplit=1)[0] in capsys.readouterr().err
